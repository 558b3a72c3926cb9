//! Counters that all nodes share.

use std::time::Duration;

use clipmill_core::Time;

use super::client::Redis;
use super::commands::increment;
use crate::ephemeral_memory::Window;

/// A counter stays this much longer than its window: nodes whose clocks differ
/// count in one window at different times.
const SKEW_MS: u64 = 60_000;

/// The longest time for which a counter is kept.
const LONGEST_MS: u64 = 366 * 24 * 3600 * 1000;

impl Redis {
    /// Counts one event in the window that contains `now`; answers the count
    /// with it. While Redis is away that of this process.
    pub(in crate::mongo) async fn count(&self, key: &str, window: Duration, now: Time) -> u64 {
        let window = Window::containing(key, window, now);
        let lasts = window.length.unsigned_abs().saturating_add(SKEW_MS).min(LONGEST_MS);
        match self.connection.call(&increment(&self.names.count(&window), lasts)).await {
            Ok(count) => count,
            Err(_) => self.memory.count(window).await,
        }
    }
}
