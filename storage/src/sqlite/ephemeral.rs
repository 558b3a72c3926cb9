//! What may be lost: progress, counters and the wake-up, all in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::Notify;

use super::Sqlite;
use super::columns::ms;
use crate::{Ephemeral, Id, Progress, Result, Time};

/// How long a job's last progress is remembered.
const PROGRESS_TTL: Duration = Duration::from_secs(3600);
/// More jobs than one machine works on in an hour.
const PROGRESS_ENTRIES: u64 = 10_000;
/// Counters that are kept at once; one takes about 250 bytes.
const COUNTERS: u64 = 20_000;

pub(super) struct Volatile {
    progress: Cache<Id, Arc<Progress>>,
    counters: Cache<Window, u64>,
    work: Notify,
}

/// One counter: events of a key within one window. Lengths and times in
/// milliseconds.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Window {
    key: Box<str>,
    length: i64,
    number: i64,
}

/// A counter lives as long as its window from its first event on.
struct WindowLength;

impl Expiry<Window, u64> for WindowLength {
    fn expire_after_create(&self, window: &Window, _: &u64, _: Instant) -> Option<Duration> {
        Some(Duration::from_millis(window.length.unsigned_abs()))
    }
}

impl Volatile {
    pub(super) fn new() -> Volatile {
        Volatile {
            progress: Cache::builder()
                .max_capacity(PROGRESS_ENTRIES)
                .time_to_live(PROGRESS_TTL)
                .build(),
            // The default policy refuses newcomers when it is full: then nothing would be
            // counted of the many clients of a flood. This one drops who was quiet longest.
            counters: Cache::builder()
                .max_capacity(COUNTERS)
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(WindowLength)
                .build(),
            work: Notify::new(),
        }
    }
}

#[async_trait]
impl Ephemeral for Sqlite {
    async fn set_progress(&self, id: Id, progress: &Progress) -> Result<()> {
        self.inner.volatile.progress.insert(id, Arc::new(progress.clone())).await;
        Ok(())
    }

    async fn progress(&self, id: Id) -> Result<Option<Progress>> {
        let progress = self.inner.volatile.progress.get(&id).await;
        Ok(progress.map(|progress| Progress::clone(&progress)))
    }

    async fn clear_progress(&self, id: Id) -> Result<()> {
        self.inner.volatile.progress.invalidate(&id).await;
        Ok(())
    }

    async fn count(&self, key: &str, window: Duration, now: Time) -> Result<u64> {
        let length = i64::try_from(window.as_millis()).unwrap_or(i64::MAX).max(1);
        let window = Window { key: key.into(), length, number: ms(now).div_euclid(length) };
        let entry = self
            .inner
            .volatile
            .counters
            .entry(window)
            .and_upsert_with(async |counted| {
                counted.map_or(0, |counted| counted.into_value()).saturating_add(1)
            })
            .await;
        Ok(entry.into_value())
    }

    async fn wake_workers(&self) {
        let work = &self.inner.volatile.work;
        work.notify_waiters();
        // For whoever is about to wait: the next wait ends at once.
        work.notify_one();
    }

    async fn wait_for_work(&self, timeout: Duration) {
        // Woken or not, the caller looks into the queue.
        tokio::time::timeout(timeout, self.inner.volatile.work.notified()).await.ok();
    }
}
