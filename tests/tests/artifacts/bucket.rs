//! What only buckets do, and how they misbehave.

use clipmill_core::Code;
use std::time::{Duration, Instant};

use clipmill_core::Retry;
use clipmill_tests::s3::Asked;

use crate::place::{Place, bytes, until};

/// More than one part.
const LARGE: usize = 9 << 20;

#[tokio::test]
async fn a_large_file_goes_in_parts() {
    let place = Place::bucket();
    place.put("small.mp4", &bytes(8 << 20)).await;
    assert_eq!((place.s3().count(Asked::Put), place.s3().count(Asked::Begin)), (1, 0));
    place.put("large.mp4", &bytes(30 << 20)).await;
    let counts = [Asked::Put, Asked::Begin, Asked::Part, Asked::Join, Asked::Abort];
    assert_eq!(counts.map(|asked| place.s3().count(asked)), [1, 1, 4, 1, 0]);
}

#[tokio::test]
async fn a_busy_service_is_asked_again() {
    let place = Place::bucket();
    let all = bytes(LARGE);
    let begun = Instant::now();
    for asked in [Asked::Put, Asked::Begin, Asked::Part, Asked::Join] {
        place.s3().fail(asked, 2);
    }
    place.put("small.mp4", b"small").await;
    place.put("large.mp4", &all).await;
    assert_eq!(place.s3().count(Asked::Put), 3);
    for asked in [Asked::Head, Asked::Get, Asked::List, Asked::Delete] {
        place.s3().fail(asked, 2);
    }
    assert!(place.get("large.mp4").await == all);
    assert_eq!(place.keys().await, ["large.mp4", "small.mp4"]);
    place.store.delete("small.mp4").await.unwrap();
    assert_eq!(place.keys().await, ["large.mp4"]);
    assert!(begun.elapsed() > Duration::from_secs(2), "there were pauses");
}

#[tokio::test]
async fn a_service_that_stays_busy_is_given_up_for_now() {
    let place = Place::bucket();
    place.put("a.mp4", b"old").await;
    place.s3().fail(Asked::Put, 100);
    let draft = place.draft(b"new");
    let away = place.store.put("a.mp4", &draft).await.unwrap_err();
    assert_eq!((away.code, away.retry), (Code::ArtifactStore, Retry::Later), "{away}");
    assert!(draft.exists(), "it can be tried again");
    place.s3().fail(Asked::Part, 100);
    let draft = place.draft(&bytes(LARGE));
    let away = place.store.put("a.mp4", &draft).await.unwrap_err();
    assert_eq!(away.retry, Retry::Later, "{away}");
    until("giving up the upload", || place.s3().count(Asked::Abort) == 1).await;
    assert_eq!(place.get("a.mp4").await, b"old");
    place.s3().behave_well();
    place.store.put("a.mp4", &draft).await.unwrap();
    assert!(place.get("a.mp4").await == bytes(LARGE));
}

#[tokio::test]
async fn a_put_that_is_interrupted_leaves_the_old_file() {
    let place = Place::bucket();
    place.put("a.mp4", b"old").await;
    place.s3().stall(Asked::Part, 100);
    let draft = place.draft(&bytes(30 << 20));
    let put = place.store.put("a.mp4", &draft);
    assert!(tokio::time::timeout(Duration::from_secs(3), put).await.is_err());
    until("giving up the upload", || place.s3().count(Asked::Abort) == 1).await;
    assert!(place.s3().count(Asked::Part) <= 3, "few parts are on their way at a time");
    assert!(draft.exists());
    assert_eq!(place.get("a.mp4").await, b"old");
    assert_eq!(place.keys().await, ["a.mp4"]);
}

#[tokio::test]
async fn an_upload_whose_last_answer_was_lost_is_done() {
    let place = Place::bucket();
    let draft = place.draft(&bytes(LARGE));
    // Joined by somebody who was not heard: the next try finds no upload any more.
    place.s3().lose(Asked::Join, 1);
    assert_eq!(place.store.put("a.mp4", &draft).await.unwrap(), LARGE as u64);
    assert_eq!(place.s3().count(Asked::Join), 2);
    assert!(place.get("a.mp4").await == bytes(LARGE));
}

#[tokio::test]
async fn reading_goes_on_where_it_broke_off() {
    let place = Place::bucket();
    let all = bytes(1 << 20);
    place.put("a.mp4", &all).await;
    place.s3().cut(200_000, 3);
    assert!(place.get("a.mp4").await == all);
    assert_eq!(place.s3().count(Asked::Get), 4);
    place.s3().cut(100_000, 2);
    let into = place.work.path().join("job");
    std::fs::create_dir(&into).unwrap();
    let path = place.store.bring("a.mp4", &into).await.unwrap().unwrap();
    assert!(std::fs::read(path).unwrap() == all);
    assert_eq!(place.s3().count(Asked::Get), 7);
    place.store.bring("a.mp4", &into).await.unwrap().unwrap();
    assert_eq!(place.s3().count(Asked::Get), 7, "what is there is not fetched again");
}

#[tokio::test]
async fn a_service_that_only_breaks_off_is_an_error_in_the_end() {
    let place = Place::bucket();
    place.put("a.mp4", &bytes(100_000)).await;
    place.s3().cut(0, 100);
    let into = place.work.path().join("job");
    std::fs::create_dir(&into).unwrap();
    let failed = place.store.bring("a.mp4", &into).await.unwrap_err();
    assert_eq!(failed.retry, Retry::Later);
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0, "half a copy is none");
}

#[tokio::test]
async fn a_service_that_hangs_is_asked_again() {
    let place = Place::bucket();
    place.put("a.mp4", b"here").await;
    place.s3().stall(Asked::Get, 1);
    assert_eq!(place.get("a.mp4").await, b"here");
    assert_eq!(place.s3().count(Asked::Get), 2);
}

#[tokio::test]
async fn a_service_that_is_away_for_a_moment_is_waited_for() {
    let place = Place::bucket();
    place.put("a.mp4", b"here").await;
    place.s3().away(true);
    let (got, ()) = tokio::join!(place.get("a.mp4"), async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        place.s3().away(false);
    });
    assert_eq!(got, b"here");
    place.s3().away(true);
    let away = place.store.open("a.mp4").await.unwrap_err();
    assert_eq!(away.retry, Retry::Later, "{away}");
}
