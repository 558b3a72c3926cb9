//! The small store in which a plugin keeps values from call to call.

use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;

/// Longest key, bytes.
const KEY: usize = 256;
/// Largest value, bytes.
const VALUE: usize = 64 * 1024;
/// All keys and values, bytes.
const ALL: u64 = 1024 * 1024;
/// Longest time, seconds.
const LONGEST: u32 = 24 * 3600;
/// What an entry costs beside its bytes.
const ENTRY: usize = 64;

/// One plugin's store.
pub(super) struct PluginCache(Cache<String, Kept>);

#[derive(Clone)]
struct Kept {
    value: Vec<u8>,
    time: Duration,
}

struct KeepTime;

impl Expiry<String, Kept> for KeepTime {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.time)
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.time)
    }
}

impl Default for PluginCache {
    fn default() -> PluginCache {
        let weigh = |key: &String, kept: &Kept| {
            u32::try_from(key.len() + kept.value.len() + ENTRY).unwrap_or(u32::MAX)
        };
        PluginCache(
            Cache::builder().max_capacity(ALL).weigher(weigh).expire_after(KeepTime).build(),
        )
    }
}

impl PluginCache {
    /// The value of a key, while its time lasts.
    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.get(key).await.map(|kept| kept.value)
    }

    /// Keeps a value for `seconds`, at most a day. A key or value that is too long,
    /// and a time of 0, keep nothing.
    pub async fn set(&self, key: String, value: Vec<u8>, seconds: u32) {
        if key.len() <= KEY && value.len() <= VALUE && seconds > 0 {
            let time = Duration::from_secs(u64::from(seconds.min(LONGEST)));
            self.0.insert(key, Kept { value, time }).await;
        }
    }
}
