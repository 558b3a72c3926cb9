//! How many connections one fetch has, and when it may ask again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fetch::transfer::retry::LONGEST_WAIT;

/// What a request costs before one was measured.
const USUAL_LATENCY: Duration = Duration::from_millis(100);

/// The connections that one fetch may have at a time, for all its files. They
/// become fewer when a server complains.
#[derive(Debug)]
pub(crate) struct Lanes {
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    busy: usize,
    not_before: Option<Instant>,
    latency: Option<Duration>,
}

/// One connection's place; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    lanes: &'a Lanes,
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.lanes.state().busy -= 1;
        self.lanes.left.notify_one();
    }
}

impl Lanes {
    /// At most so many; at least one.
    pub fn new(limit: usize) -> Lanes {
        let state = State { limit: limit.max(1), busy: 0, not_before: None, latency: None };
        Lanes { state: Mutex::new(state), left: Notify::new() }
    }

    /// How many there may be now.
    pub fn limit(&self) -> usize {
        self.state().limit
    }

    /// Waits for a place.
    pub async fn enter(&self) -> Lane<'_> {
        loop {
            let left = self.left.notified();
            {
                let mut state = self.state();
                if state.busy < state.limit {
                    state.busy += 1;
                    // There may be room for another one who waits.
                    self.left.notify_one();
                    return Lane { lanes: self };
                }
            }
            left.await;
        }
    }

    /// Whether there are more of them than there may be, so that one must go.
    pub fn too_many(&self) -> bool {
        let state = self.state();
        state.busy > state.limit
    }

    /// A server complained of a request that was made when there were `then`
    /// places: from now on there are half as many, and none asks before `wait`
    /// is over. A longer one than an attempt waits ends the attempt; then there
    /// is nothing to wait for here.
    pub fn fewer(&self, then: usize, wait: Duration) {
        if wait > LONGEST_WAIT {
            return;
        }
        let mut state = self.state();
        state.limit = state.limit.min((then / 2).max(1));
        state.not_before = state.not_before.max(Some(Instant::now() + wait));
        tracing::info!(connections = state.limit, "the server wants fewer requests");
    }

    /// Waits until requests may be made.
    pub async fn calm(&self) {
        while let Some(until) = self.not_before() {
            tokio::time::sleep_until(until).await;
        }
    }

    fn not_before(&self) -> Option<Instant> {
        self.state().not_before.filter(|until| *until > Instant::now())
    }

    /// A request took so long until its answer began.
    pub fn answered(&self, after: Duration) {
        let mut state = self.state();
        state.latency = Some(state.latency.map_or(after, |before| (before * 3 + after) / 4));
    }

    /// How long a request takes until its answer begins.
    pub fn latency(&self) -> Duration {
        self.state().latency.unwrap_or(USUAL_LATENCY)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn complaints_of_the_same_moment_count_once() {
        let lanes = Lanes::new(8);
        let mut places = Vec::new();
        for _ in 0..8 {
            places.push(lanes.enter().await);
        }
        let began = Instant::now();
        for _ in 0..8 {
            lanes.fewer(8, Duration::from_millis(100));
        }
        assert!(lanes.limit() == 4 && lanes.too_many());
        lanes.calm().await;
        assert!(began.elapsed() >= Duration::from_millis(100));
        places.truncate(4);
        assert!(!lanes.too_many());
        let full = tokio::time::timeout(Duration::from_millis(20), lanes.enter()).await;
        assert!(full.is_err());
        places.pop();
        let _place = lanes.enter().await;
        lanes.fewer(1, Duration::ZERO);
        assert_eq!(lanes.limit(), 1);
    }

    #[test]
    fn a_wait_that_ends_the_attempt_keeps_nobody_here() {
        let lanes = Lanes::new(8);
        lanes.fewer(8, Duration::from_secs(3600));
        assert!(lanes.limit() == 8 && lanes.not_before().is_none());
    }
}
