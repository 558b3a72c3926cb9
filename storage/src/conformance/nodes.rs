//! Rules of several nodes on the same records.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_core::{Phase, Progress};
use tokio::task::JoinSet;

use super::fixtures::{MINUTE, at, claim, new_id, queued, read, session, user};
use super::room::Room;
use crate::Storage;

/// However often the other node has just read it.
pub async fn nodes_session_end_is_seen_at_once(storage: Arc<dyn Storage>, room: &dyn Room) {
    let other = room.another().await;
    let user = user(&*storage).await;
    for _ in 0..20 {
        let opened = session(&*storage, user.id, at(100)).await;
        for node in [&other, &storage, &other] {
            assert!(node.session(&opened.token, at(1)).await.unwrap().is_some());
        }
        storage.close_session(&opened.token).await.unwrap();
        assert_eq!(other.session(&opened.token, at(1)).await.unwrap(), None);
    }
}

/// Of all sessions, those that the other node opened too.
pub async fn nodes_password_change_is_seen_at_once(storage: Arc<dyn Storage>, room: &dyn Room) {
    let other = room.another().await;
    let user = user(&*storage).await;
    let opened =
        [session(&*storage, user.id, at(100)).await, session(&*other, user.id, at(100)).await];
    for session in &opened {
        assert!(other.session(&session.token, at(1)).await.unwrap().is_some());
    }
    assert!(storage.set_password(user.id, "$2b$new", at(2)).await.unwrap());
    for session in &opened {
        assert_eq!(other.session(&session.token, at(3)).await.unwrap(), None);
    }
    assert_eq!(other.user_by_id(user.id).await.unwrap().unwrap().password_hash, "$2b$new");
}

/// As if there was only one.
pub async fn nodes_share_progress_and_counters(storage: Arc<dyn Storage>, room: &dyn Room) {
    let other = room.another().await;
    let (id, key) = (new_id(), new_id().to_string());
    let progress = Progress { current_phase: Phase::Downloading, ..Progress::initializing() };
    storage.set_progress(id, &progress).await.unwrap();
    assert_eq!(other.progress(id).await.unwrap(), Some(progress));
    other.clear_progress(id).await.unwrap();
    assert_eq!(storage.progress(id).await.unwrap(), None);
    for (count, node) in [&storage, &other, &other, &storage].into_iter().enumerate() {
        assert_eq!(node.count(&key, MINUTE, at(1)).await.unwrap(), count as u64 + 1);
    }
}

/// Soon enough that no node has to poll.
pub async fn nodes_wake_each_other(storage: Arc<dyn Storage>, room: &dyn Room) {
    let other = room.another().await;
    let wait = tokio::spawn(async move {
        let began = Instant::now();
        other.wait_for_work(Duration::from_secs(30)).await;
        began.elapsed()
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    storage.wake_workers().await;
    let waited = wait.await.unwrap();
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

/// 8 workers on two nodes over 200 jobs; and a job of one node is the other's
/// when its lease is over.
pub async fn nodes_claim_each_job_once(storage: Arc<dyn Storage>, room: &dyn Room) {
    let other = room.another().await;
    let mut expected = HashSet::new();
    for _ in 0..200 {
        expected.insert(queued(&*storage, at(0)).await);
    }
    let mut workers = JoinSet::new();
    for number in 0..8 {
        let node = [&storage, &other][number % 2].clone();
        workers.spawn(async move {
            let mut mine = Vec::new();
            while let Some(claimed) = claim(&*node, at(1)).await {
                mine.push(claimed.video.id);
            }
            mine
        });
    }
    let claimed: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 200);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), expected);
    let again = claim(&*other, at(61)).await.unwrap();
    assert_eq!(read(&*storage, again.video.id).await, again.video);
}
