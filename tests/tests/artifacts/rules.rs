//! What holds in a folder and in a bucket.

use clipmill_core::Code;
use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use clipmill_core::Retry;
use futures_util::TryStreamExt as _;

use crate::place::{Place, bytes};

/// Runs each rule over both kinds of stores.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        mod in_a_folder {
            $(#[tokio::test] async fn $rule() { super::$rule(&super::Place::folder()).await; })*
        }
        mod in_a_bucket {
            $(#[tokio::test] async fn $rule() { super::$rule(&super::Place::bucket()).await; })*
        }
    };
}

rules! {
    a_file_goes_in_and_comes_out,
    a_file_is_read_in_parts,
    a_later_file_replaces_an_earlier_one,
    what_is_not_there_is_no_error,
    no_name_leads_out_of_the_store,
    older_records_name_files_by_their_whole_path,
    files_are_listed_with_their_times,
    thousands_are_listed_each_once,
    a_file_is_brought_to_a_local_path,
    two_files_go_in_at_a_time,
    a_put_that_fails_leaves_the_old_file,
    a_large_file_goes_in_and_comes_out,
    a_check_leaves_nothing,
}

async fn a_file_goes_in_and_comes_out(place: &Place) {
    for length in [0, 1, 300_000] {
        let (draft, wanted) = (place.draft(&bytes(length)), bytes(length));
        assert_eq!(place.store.put("a.mp4", &draft).await.unwrap(), length as u64);
        assert!(!draft.exists(), "the local file is gone");
        let artifact = place.store.open("a.mp4").await.unwrap().unwrap();
        assert_eq!(artifact.size, length as u64);
        assert_eq!(place.get("a.mp4").await, wanted);
    }
    place.store.delete("a.mp4").await.unwrap();
    assert!(place.store.open("a.mp4").await.unwrap().is_none());
}

async fn a_file_is_read_in_parts(place: &Place) {
    let all = bytes(300_000);
    place.put("a.mp4", &all).await;
    for range in [0..1, 0..300_000, 250_000..300_000, 299_999..300_000, 131_072..131_073, 7..7] {
        let artifact = place.store.open("a.mp4").await.unwrap().unwrap();
        let pieces: Vec<Bytes> = artifact.read(range.clone()).try_collect().await.unwrap();
        assert!(pieces.iter().all(|piece| piece.len() <= 1 << 20), "pieces are bounded");
        assert_eq!(pieces.concat(), &all[range.start as usize..range.end as usize], "{range:?}");
    }
    for (range, wanted) in [(299_990..u64::MAX, &all[299_990..]), (400_000..500_000, &[])] {
        let artifact = place.store.open("a.mp4").await.unwrap().unwrap();
        let pieces: Vec<Bytes> = artifact.read(range).try_collect().await.unwrap();
        assert_eq!(pieces.concat(), wanted);
    }
}

async fn a_later_file_replaces_an_earlier_one(place: &Place) {
    place.put("a.mp4", b"first").await;
    let first = place.store.open("a.mp4").await.unwrap().unwrap().etag;
    assert_eq!(place.store.open("a.mp4").await.unwrap().unwrap().etag, first);
    place.put("a.mp4", b"second").await;
    assert_ne!(place.store.open("a.mp4").await.unwrap().unwrap().etag, first);
    assert_eq!(place.get("a.mp4").await, b"second");
    assert_eq!(place.keys().await, ["a.mp4"]);
}

async fn what_is_not_there_is_no_error(place: &Place) {
    assert!(place.store.open("no.mp4").await.unwrap().is_none());
    assert!(place.store.bring("no.mp4", place.work.path()).await.unwrap().is_none());
    place.store.delete("no.mp4").await.unwrap();
    assert_eq!(place.keys().await, Vec::<String>::new());
}

async fn no_name_leads_out_of_the_store(place: &Place) {
    let secret = place.files().parent().unwrap().join("secret");
    std::fs::create_dir_all(secret.parent().unwrap()).unwrap();
    std::fs::write(&secret, "hush").unwrap();
    for name in ["../secret", "/etc/passwd", "a/../../secret", "", "/", secret.to_str().unwrap()] {
        assert!(place.store.open(name).await.unwrap().is_none(), "{name}");
        assert!(place.store.bring(name, place.work.path()).await.unwrap().is_none(), "{name}");
        place.store.delete(name).await.unwrap();
        let refused = place.store.put(name, &place.draft(b"x")).await.unwrap_err();
        assert_eq!((refused.code, refused.retry), (Code::ArtifactStore, Retry::Never), "{name}");
    }
    assert_eq!(std::fs::read(&secret).unwrap(), b"hush");
}

async fn older_records_name_files_by_their_whole_path(place: &Place) {
    place.put("a.mp4", b"old").await;
    // The folder that is configured, which a bucket takes the place of.
    let folder = match place.s3 {
        Some(_) => place.work.path().join("data/files"),
        None => place.files(),
    };
    let name = folder.join("a.mp4").to_str().unwrap().to_owned();
    assert_eq!(place.store.key_of(&name).as_deref(), Some("a.mp4"));
    assert_eq!(place.get(&name).await, b"old");
    place.store.delete(&name).await.unwrap();
    assert_eq!(place.keys().await, Vec::<String>::new());
}

async fn files_are_listed_with_their_times(place: &Place) {
    let begun = chrono::Utc::now() - chrono::TimeDelta::seconds(2);
    place.put("b.mp4", b"1").await;
    place.put("a.webm", b"2").await;
    let listed: Vec<_> = place.store.keys().try_collect().await.unwrap();
    assert_eq!(place.keys().await, ["a.webm", "b.mp4"]);
    let now = chrono::Utc::now() + chrono::TimeDelta::seconds(2);
    assert!(listed.iter().all(|file| begun < file.changed && file.changed < now), "{listed:?}");
}

async fn thousands_are_listed_each_once(place: &Place) {
    std::fs::create_dir_all(place.files()).unwrap();
    for number in 0..2_100 {
        std::fs::write(place.files().join(format!("{number}.mp4")), "x").unwrap();
    }
    let keys = place.keys().await;
    assert_eq!(keys.len(), 2_100);
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 2_100);
}

async fn a_file_is_brought_to_a_local_path(place: &Place) {
    let all = bytes(300_000);
    place.put("a.avi", &all).await;
    let into = place.work.path().join("job");
    std::fs::create_dir(&into).unwrap();
    let path = place.store.bring("a.avi", &into).await.unwrap().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), all);
    assert_eq!(path.extension().unwrap(), "avi");
    let again = place.store.bring("a.avi", &into).await.unwrap().unwrap();
    assert_eq!(again, path);
    let left: Vec<_> = std::fs::read_dir(&into).unwrap().collect();
    let copies = usize::from(place.s3.is_some());
    assert_eq!(left.len(), copies, "{left:?}");
}

async fn two_files_go_in_at_a_time(place: &Place) {
    let (a, b) = (bytes(400_000), bytes(500_000));
    tokio::join!(place.put("a.mp4", &a), place.put("b.mp4", &b));
    assert_eq!(place.get("a.mp4").await, a);
    assert_eq!(place.get("b.mp4").await, b);
}

async fn a_put_that_fails_leaves_the_old_file(place: &Place) {
    place.put("a.mp4", b"old").await;
    let missing = place.work.path().join("never written");
    assert!(place.store.put("a.mp4", &missing).await.is_err());
    assert_eq!(place.get("a.mp4").await, b"old");
    assert_eq!(place.keys().await, ["a.mp4"]);
}

async fn a_large_file_goes_in_and_comes_out(place: &Place) {
    let all = bytes(30 << 20);
    place.put("a.mp4", &all).await;
    assert!(place.get("a.mp4").await == all, "other bytes came out");
    let artifact = place.store.open("a.mp4").await.unwrap().unwrap();
    let tail: Vec<Bytes> = artifact.read((29 << 20)..u64::MAX).try_collect().await.unwrap();
    assert!(tail.concat() == all[29 << 20..]);
}

async fn a_check_leaves_nothing(place: &Place) {
    place.store.check().await.unwrap();
    assert_eq!(place.store.problem().await, None);
    assert_eq!(place.keys().await, Vec::<String>::new());
    let shown = clipmill::artifacts::Shown { disposition: "attachment", media_type: "video/mp4" };
    let signed = place.store.sign("a.mp4", Duration::from_secs(60), shown).await.unwrap();
    assert_eq!(signed.is_some(), place.s3.is_some(), "only a bucket signs addresses");
}
