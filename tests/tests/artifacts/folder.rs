//! What only folders do.

use bytes::Bytes;
use clipmill_core::Code;
use futures_util::TryStreamExt as _;

use crate::place::{Place, bytes};

#[tokio::test]
async fn a_file_that_is_being_read_is_read_to_its_end_though_deleted() {
    let place = Place::folder();
    let all = bytes(300_000);
    place.put("a.mp4", &all).await;
    let open = place.store.open("a.mp4").await.unwrap().unwrap();
    place.store.delete("a.mp4").await.unwrap();
    let pieces: Vec<Bytes> = open.read(0..u64::MAX).try_collect().await.unwrap();
    assert_eq!(pieces.concat(), all);
}

#[tokio::test]
async fn a_brought_file_is_the_file_itself() {
    let place = Place::folder();
    place.put("a.mp4", b"x").await;
    let path = place.store.bring("a.mp4", place.work.path()).await.unwrap();
    assert_eq!(path, Some(place.files().join("a.mp4")));
}

/// The work folder of a node and a folder that nodes share are on different disks.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_from_another_file_system_is_copied() {
    let place = Place::folder();
    let elsewhere = tempfile::tempdir_in("/dev/shm").expect("Linux has a file system in memory");
    let draft = elsewhere.path().join("draft.mp4");
    std::fs::write(&draft, bytes(300_000)).unwrap();
    let device = |path: &std::path::Path| {
        std::os::unix::fs::MetadataExt::dev(&std::fs::metadata(path).unwrap())
    };
    assert_ne!(device(&draft), device(place.work.path()), "they must differ to test anything");
    let mode = std::os::unix::fs::PermissionsExt::mode(&draft.metadata().unwrap().permissions());
    place.store.put("a.mp4", &draft).await.unwrap();
    assert!(!draft.exists());
    assert_eq!(place.get("a.mp4").await, bytes(300_000));
    assert_eq!(place.keys().await, ["a.mp4"]);
    let kept = place.files().join("a.mp4").metadata().unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&kept), mode, "others may still read it");
}

#[test]
fn a_folder_that_can_not_be_made_is_told() {
    let work = tempfile::tempdir().unwrap();
    let occupied = work.path().join("occupied");
    std::fs::write(&occupied, "").unwrap();
    let refused = clipmill::artifacts::Artifacts::in_folder(&occupied).unwrap_err();
    assert_eq!(refused.code, Code::ArtifactStore);
}
