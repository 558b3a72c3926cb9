//! The ephemeral side in this process's memory: progress, rate counters and the
//! wake-up. A single daemon needs nothing else; a cluster keeps them in Redis and
//! falls back on this while Redis is unavailable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_core::{Id, Progress, Time};
use moka::Expiry;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::Notify;

/// How long a job's last progress is remembered.
pub(crate) const PROGRESS_TTL: Duration = Duration::from_secs(3600);
/// More jobs than one machine works on in an hour.
const PROGRESS_ENTRIES: u64 = 10_000;
/// Counters that are kept at once; one takes about 250 bytes.
const COUNTERS: u64 = 20_000;

pub(crate) struct EphemeralMemory {
    progress: Cache<Id, Arc<Progress>>,
    counters: Cache<Window, u64>,
    work: Notify,
}

/// One counter: events of a key within one window. Lengths and times in
/// milliseconds.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Window {
    pub(crate) key: Box<str>,
    pub(crate) length: i64,
    pub(crate) number: i64,
}

impl Window {
    /// The window of this length that contains `now`.
    pub(crate) fn containing(key: &str, length: Duration, now: Time) -> Window {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
        let number = now.timestamp_millis().div_euclid(length);
        Window { key: key.into(), length, number }
    }
}

/// A counter lives as long as its window from its first event on.
struct WindowLength;

impl Expiry<Window, u64> for WindowLength {
    fn expire_after_create(&self, window: &Window, _: &u64, _: Instant) -> Option<Duration> {
        Some(Duration::from_millis(window.length.unsigned_abs()))
    }
}

impl EphemeralMemory {
    pub(crate) fn new() -> EphemeralMemory {
        EphemeralMemory {
            progress: Cache::builder()
                .max_capacity(PROGRESS_ENTRIES)
                .time_to_live(PROGRESS_TTL)
                .build(),
            // The default policy rejects new entries when the cache is full: in a flood of
            // many clients it would count none of them. LRU drops the longest idle one.
            counters: Cache::builder()
                .max_capacity(COUNTERS)
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(WindowLength)
                .build(),
            work: Notify::new(),
        }
    }

    pub(crate) async fn set_progress(&self, id: Id, progress: &Progress) {
        self.progress.insert(id, Arc::new(progress.clone())).await;
    }

    pub(crate) async fn progress(&self, id: Id) -> Option<Progress> {
        let progress = self.progress.get(&id).await;
        progress.map(|progress| Progress::clone(&progress))
    }

    pub(crate) async fn clear_progress(&self, id: Id) {
        self.progress.invalidate(&id).await;
    }

    /// Counts one event and returns the count with it.
    pub(crate) async fn count(&self, window: Window) -> u64 {
        let entry = self
            .counters
            .entry(window)
            .and_upsert_with(async |counted| {
                counted.map_or(0, |counted| counted.into_value()).saturating_add(1)
            })
            .await;
        entry.into_value()
    }

    /// Ends all waits, or the next one when no task waits.
    pub(crate) fn wake(&self) {
        self.work.notify_waiters();
        // For a task that is about to wait: its wait ends at once.
        self.work.notify_one();
    }

    /// Waits for a wake, but not for ever.
    pub(crate) async fn wait(&self, timeout: Duration) {
        // Woken or not, the caller looks into the queue.
        tokio::time::timeout(timeout, self.work.notified()).await.ok();
    }
}
