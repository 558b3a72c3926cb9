//! A read cache that never shows what was there before a write.
//!
//! The danger is a reader that loads a row, is overtaken by a writer, and puts
//! the old row into the cache after the writer has removed it. So nothing is
//! removed: each key belongs to a shard with a count of its writes. An entry
//! carries the count that was read *before* its row was loaded, and is worth
//! something only while the shard's count is still the same. A writer commits,
//! then counts, then answers; whatever was loaded before that commit carries a
//! smaller count. Keys that share a shard only cost each other a reload.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;

const SHARDS: usize = 256;

pub(super) struct Fresh<K, V> {
    entries: Cache<K, (Writes, V)>,
    shards: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// How many writes a shard had seen when a load began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Writes(u64);

impl<K, V> Fresh<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(capacity: u64, ttl: Duration) -> Fresh<K, V> {
        Fresh {
            entries: Cache::builder().max_capacity(capacity).time_to_live(ttl).build(),
            shards: (0..SHARDS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The entry, or else what [`put`](Fresh::put) needs to know. Must be
    /// called before the row is loaded.
    pub(super) async fn get(&self, key: &K) -> Result<V, Writes> {
        let now = Writes(self.shard(key).load(Ordering::SeqCst));
        match self.entries.get(key).await {
            Some((then, value)) if then == now => Ok(value),
            _ => Err(now),
        }
    }

    /// Keeps a row that was loaded after [`get`](Fresh::get) answered `since`.
    pub(super) async fn put(&self, key: K, since: Writes, value: V) {
        self.entries.insert(key, (since, value)).await;
    }

    /// Must be called after a write was committed and before its caller gets the answer.
    pub(super) fn outdate(&self, key: &K) {
        self.shard(key).fetch_add(1, Ordering::SeqCst);
    }

    /// The same for a write that may concern every key.
    pub(super) fn outdate_all(&self) {
        for shard in &self.shards {
            shard.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn shard(&self, key: &K) -> &AtomicU64 {
        // The remainder is below the length.
        &self.shards[(self.hasher.hash_one(key) % SHARDS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[tokio::test]
    async fn a_row_that_was_loaded_before_a_write_is_not_shown_after_it() {
        let cache = Fresh::new(10, Duration::from_secs(60));
        let slow_reader = cache.get(&1).await.unwrap_err();
        cache.outdate(&1);
        cache.put(1, slow_reader, "old").await;
        let reader = cache.get(&1).await.unwrap_err();
        cache.put(1, reader, "new").await;
        assert!(cache.get(&1).await.is_ok_and(|value| value == "new"));

        // Nor does a late reader that overwrites a good entry do harm.
        cache.put(1, slow_reader, "old").await;
        assert!(cache.get(&1).await.is_err());

        let reader = cache.get(&1).await.unwrap_err();
        cache.put(1, reader, "new").await;
        cache.outdate_all();
        assert!(cache.get(&1).await.is_err());
    }
}
