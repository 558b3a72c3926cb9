//! What is swept because no record names it, and what is not.

use std::path::Path;
use std::time::{Duration, SystemTime};

use clipmill::worker::sweep_stores;
use clipmill_core::Id;
use clipmill_storage::{
    Finished, LeaseHeld, Leases as _, NewVideo, Origin, Queue as _, StoredFile, Upload,
    Videos as _, Want,
};

use crate::world::World;

const GRACE: Duration = Duration::from_secs(3600);

/// An empty file that was written so long ago.
fn write(path: &Path, ago: Duration) {
    let file = std::fs::File::create(path).unwrap();
    file.set_modified(SystemTime::now() - ago).unwrap();
}

/// A record of an encode that is done, which names its two files so.
async fn encoded(world: &World, id: Id, input: String, file: String) {
    let upload = Upload {
        original_filename: "mine.avi".to_owned(),
        input_file_path: input,
        input_size_bytes: 1,
        duration: None,
        video_codec: None,
        audio_codec: None,
        quality_preset: None,
    };
    let (now, origin) = (world.now(), Origin::Upload(upload));
    let new = NewVideo { id, user_id: id, origin, created_at: now, expires_at: None };
    world.storage.insert_video(new).await.unwrap();
    let want = Want::Encode { codec: "h264".to_owned(), quality: "high".to_owned() };
    world.storage.enqueue(id, &want, now).await.unwrap();
    let lease = world.claim().await.lease.id;
    let file = StoredFile { file_path: file, file_size_bytes: 1 };
    let done = Finished { file, now, expires_at: now + chrono::TimeDelta::days(9) };
    assert_eq!(world.storage.finish(id, lease, done).await.unwrap(), LeaseHeld::Yes);
}

#[tokio::test]
async fn only_old_files_that_nobody_names_are_swept() {
    let world = World::new().await;
    let (files, uploads) = (world.app.config.folders.files(), world.app.config.folders.uploads());
    let [ours, older, nobody] = [(); 3].map(|()| Id::generate(world.now()));
    encoded(&world, ours, format!("{ours}.avi"), format!("{ours}-2.mp4")).await;
    // As the reference service wrote them.
    let whole = |folder: &Path, name: String| folder.join(name).to_str().unwrap().to_owned();
    let (input, file) = (format!("{older}_in.avi"), format!("{older}.mp4"));
    encoded(&world, older, whole(&uploads, input.clone()), whole(&files, file.clone())).await;

    let kept_files = [format!("{ours}-2.mp4"), file, "holiday.mp4".to_owned()];
    let kept_uploads = [format!("{ours}.avi"), input, "readme.txt".to_owned()];
    let orphans = [
        files.join(format!("{ours}-1.mp4")),
        files.join(format!("{ours}-2.mp4.part-Xy12")),
        files.join(format!("{nobody}-1.webm")),
        files.join(format!("{nobody}.probe")),
        uploads.join(format!("{ours}-2.mp4")),
        uploads.join(format!("{nobody}.mkv")),
    ];
    let old = GRACE + Duration::from_secs(60);
    for name in &kept_files {
        write(&files.join(name), old);
    }
    for name in &kept_uploads {
        write(&uploads.join(name), old);
    }
    orphans.iter().for_each(|path| write(path, old));
    let fresh = [files.join(format!("{nobody}-2.mp4")), uploads.join(format!("{nobody}.mp4"))];
    fresh.iter().for_each(|path| write(path, GRACE - Duration::from_secs(60)));

    assert_eq!(sweep_stores(&world.app, GRACE).await.unwrap(), 6);
    assert!(orphans.iter().all(|path| !path.exists()), "{orphans:?}");
    assert!(fresh.iter().all(|path| path.exists()), "a record may yet be written for them");
    let is_kept = |folder: &Path, names: &[String]| names.iter().all(|n| folder.join(n).exists());
    assert!(is_kept(&files, &kept_files) && is_kept(&uploads, &kept_uploads));

    // At the start of a daemon that is alone nothing is in the making.
    assert_eq!(sweep_stores(&world.app, Duration::ZERO).await.unwrap(), 2);
    assert!(fresh.iter().all(|path| !path.exists()));
    assert!(is_kept(&files, &kept_files) && is_kept(&uploads, &kept_uploads));
}
