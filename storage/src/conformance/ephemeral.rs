//! Rules of what may be lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_core::{Phase, Progress};
use tokio::task::JoinSet;

use super::fixtures::{MINUTE, at, new_id};
use crate::Storage;

/// Of one job, and only of that.
pub async fn ephemeral_progress_is_read_back_and_cleared(storage: Arc<dyn Storage>) {
    let (id, other) = (new_id(), new_id());
    assert_eq!(storage.progress(id).await.unwrap(), None);
    let first = Progress::initializing();
    let second = Progress {
        current_phase: Phase::Encoding,
        download_progress: 100.0,
        encoding_progress: 45.25,
        speed: Some("2.3x".to_owned()),
        eta: Some("00:42".to_owned()),
        fps: Some(59.94),
    };
    storage.set_progress(other, &first).await.unwrap();
    for progress in [first.clone(), second] {
        storage.set_progress(id, &progress).await.unwrap();
        assert_eq!(storage.progress(id).await.unwrap(), Some(progress));
    }
    storage.clear_progress(id).await.unwrap();
    assert_eq!(storage.progress(id).await.unwrap(), None);
    assert_eq!(storage.progress(other).await.unwrap(), Some(first));
    storage.clear_progress(id).await.unwrap();
}

/// A new window starts at 1, and keys don't count for each other.
pub async fn ephemeral_counters_count_per_window(storage: Arc<dyn Storage>) {
    let (key, other) = (new_id().to_string(), new_id().to_string());
    // The cases' time begins with a minute.
    for (now, expected) in [(0, 1), (1, 2), (59, 3), (60, 1), (61, 2)] {
        assert_eq!(storage.count(&key, MINUTE, at(now)).await.unwrap(), expected, "at {now}");
    }
    assert_eq!(storage.count(&other, MINUTE, at(61)).await.unwrap(), 1);
    assert_eq!(storage.count(&key, 2 * MINUTE, at(61)).await.unwrap(), 1);
    // A window without length is no reason to stumble.
    assert_eq!(storage.count(&key, Duration::ZERO, at(61)).await.unwrap(), 1);
}

/// Of 200 concurrent events each is counted, and each count is answered once.
pub async fn ephemeral_counters_lose_no_event_under_concurrency(storage: Arc<dyn Storage>) {
    let key = new_id().to_string();
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let (storage, key) = (storage.clone(), key.clone());
        tasks.spawn(async move { storage.count(&key, MINUTE, at(20)).await.unwrap() });
    }
    let mut counts = tasks.join_all().await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=200).collect::<Vec<_>>());
}

/// Waits, for at most half a minute, and answers whether that took less than
/// ten seconds.
async fn is_woken(storage: Arc<dyn Storage>) -> bool {
    let began = Instant::now();
    storage.wait_for_work(Duration::from_secs(30)).await;
    began.elapsed() < Duration::from_secs(10)
}

/// That of everybody who waits.
pub async fn ephemeral_wake_ends_a_wait(storage: Arc<dyn Storage>) {
    let mut waits = JoinSet::new();
    for _ in 0..3 {
        waits.spawn(is_woken(storage.clone()));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    storage.wake_workers().await;
    assert_eq!(waits.join_all().await, [true; 3]);
}

/// The next wait ends at once.
pub async fn ephemeral_wake_before_the_wait_is_not_missed(storage: Arc<dyn Storage>) {
    for _ in 0..3 {
        storage.wake_workers().await;
        assert!(is_woken(storage.clone()).await);
    }
}

/// When no wake comes.
pub async fn ephemeral_wait_ends_at_its_timeout(storage: Arc<dyn Storage>) {
    let began = Instant::now();
    storage.wait_for_work(Duration::from_millis(200)).await;
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(began.elapsed() < Duration::from_secs(10));
}
