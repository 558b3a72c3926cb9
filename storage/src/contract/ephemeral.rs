//! What a backend must do for what may be lost.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Progress, Time};

use crate::Result;

/// What may be lost: progress, counters, wake-up.
#[async_trait]
pub trait Ephemeral {
    /// Remembers the progress of a job for one hour.
    ///
    /// Behaviour:
    /// - `ephemeral_progress_is_read_back_and_cleared`
    /// - `nodes_share_progress_and_counters`
    async fn set_progress(&self, id: Id, progress: &Progress) -> Result<()>;

    /// The last progress of a job.
    async fn progress(&self, id: Id) -> Result<Option<Progress>>;

    /// Forgets the progress of a job.
    async fn clear_progress(&self, id: Id) -> Result<()>;

    /// Counts one event under `key` in the fixed window of length `window`
    /// that contains `now`; answers the count with it. Windows begin at
    /// multiples of their length since 1970; one of less than a millisecond
    /// counts as one of a millisecond.
    ///
    /// Behaviour:
    /// - `ephemeral_counters_count_per_window`: a new window starts at 1.
    /// - `ephemeral_counters_lose_no_event_under_concurrency`
    async fn count(&self, key: &str, window: Duration, now: Time) -> Result<u64>;

    /// Tells waiting workers, on every node, that there may be work.
    ///
    /// Behaviour:
    /// - `nodes_wake_each_other`
    async fn wake_workers(&self);

    /// Waits until a task calls `wake_workers`, or `timeout` passes. A wake
    /// that came since the last wait of this handle is not missed. It may end
    /// early without cause: the worker looks into the queue either way.
    ///
    /// Several may wait, and a wake ends all their waits; but one that came
    /// while no task waited ends one wait only. So let one task of a process
    /// wait, and start as much work as the queue holds and there is room for.
    ///
    /// Behaviour:
    /// - `ephemeral_wake_ends_a_wait`: that of everybody who waits.
    /// - `ephemeral_wake_before_the_wait_is_not_missed`
    /// - `ephemeral_wait_ends_at_its_timeout`
    async fn wait_for_work(&self, timeout: Duration);
}
