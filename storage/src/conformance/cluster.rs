//! Rules of what daemons agree on.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::fixtures::{MINUTE, at, new_id};
use crate::Storage;

/// Of 8 nodes that ask at once.
pub async fn cluster_role_has_one_holder(storage: Arc<dyn Storage>) {
    let role = new_id().to_string();
    // The second round takes over from the winner of the first.
    for now in [0, 60] {
        let mut nodes = JoinSet::new();
        for number in 0..8 {
            let (storage, role) = (storage.clone(), role.clone());
            let node = format!("node {number} of {now}");
            nodes.spawn(async move { storage.hold_role(&role, &node, at(now), MINUTE).await });
        }
        let held = nodes.join_all().await.into_iter().filter(|held| *held.as_ref().unwrap());
        assert_eq!(held.count(), 1, "at {now}");
    }
    assert!(storage.hold_role("another", "node", at(0), MINUTE).await.unwrap());
}

/// By its holder as long as it asks in time, by another when the time is over.
pub async fn cluster_role_is_kept_and_taken_over(storage: Arc<dyn Storage>) {
    let hold =
        async |node: &str, now| storage.hold_role("sweeper", node, at(now), MINUTE).await.unwrap();
    assert!(hold("a", 0).await);
    assert!(!hold("b", 59).await);
    assert!(hold("a", 59).await);
    assert!(!hold("b", 118).await);
    assert!(hold("b", 119).await);
    assert!(!hold("a", 120).await);
}

/// And only its holder can give it up.
pub async fn cluster_role_given_up_is_free(storage: Arc<dyn Storage>) {
    let hold =
        async |node: &str, now| storage.hold_role("sweeper", node, at(now), MINUTE).await.unwrap();
    assert!(hold("a", 0).await);
    storage.drop_role("sweeper", "b").await.unwrap();
    assert!(!hold("b", 1).await);
    storage.drop_role("sweeper", "a").await.unwrap();
    assert!(hold("b", 1).await);
    storage.drop_role("nothing", "a").await.unwrap();
}

/// Of 20 that come at once, and for good.
pub async fn cluster_first_word_stays(storage: Arc<dyn Storage>) {
    let mut nodes = JoinSet::new();
    for number in 0..20 {
        let storage = storage.clone();
        nodes.spawn(async move { storage.agree("place", &number.to_string()).await.unwrap() });
    }
    let words = nodes.join_all().await;
    assert!(words.iter().all(|word| *word == words[0]), "{words:?}");
    assert_eq!(storage.agree("place", "late").await.unwrap(), words[0]);
    assert_eq!(storage.agree("other", "late").await.unwrap(), "late");
}

/// Whether there was one or not.
pub async fn cluster_word_is_replaced(storage: Arc<dyn Storage>) {
    for word in ["first", "second"] {
        storage.replace_word("place", word).await.unwrap();
        assert_eq!(storage.agree("place", "late").await.unwrap(), word);
    }
}

/// If the backend has a clock at all.
pub async fn cluster_time_does_not_stand_still(storage: Arc<dyn Storage>) {
    let Some(first) = storage.time().await.unwrap() else { return };
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let second = storage.time().await.unwrap().unwrap();
    let passed = (second - first).num_milliseconds();
    assert!((40..20_000).contains(&passed), "{passed} ms");
}
