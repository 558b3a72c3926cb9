//! What a plugin remembers from call to call.

use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;

use super::super::bindings::cache::Host;
use super::super::context::Context;

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
pub(in super::super) struct Shelf(Cache<String, Kept>);

#[derive(Clone)]
struct Kept {
    value: Vec<u8>,
    time: Duration,
}

struct AsTold;

impl Expiry<String, Kept> for AsTold {
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

impl Default for Shelf {
    fn default() -> Shelf {
        let weigh = |key: &String, kept: &Kept| {
            u32::try_from(key.len() + kept.value.len() + ENTRY).unwrap_or(u32::MAX)
        };
        Shelf(Cache::builder().max_capacity(ALL).weigher(weigh).expire_after(AsTold).build())
    }
}

impl Host for Context {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.count()?;
        Ok(self.plugin.shelf.0.get(&key).await.map(|kept| kept.value))
    }

    async fn set(&mut self, key: String, value: Vec<u8>, seconds: u32) -> wasmtime::Result<()> {
        self.count()?;
        if key.len() <= KEY && value.len() <= VALUE && seconds > 0 {
            let time = Duration::from_secs(u64::from(seconds.min(LONGEST)));
            self.plugin.shelf.0.insert(key, Kept { value, time }).await;
        }
        Ok(())
    }
}
