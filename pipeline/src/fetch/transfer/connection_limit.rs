//! How many connections one fetch has, and when it may send requests again.

use std::sync::Mutex;
use std::time::Duration;

use clipmill_core::lock;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::retry::LONGEST_WAIT;

/// How long a request takes before one was measured.
const USUAL_LATENCY: Duration = Duration::from_millis(100);

/// The connections that one fetch may have at a time, for all its files. They
/// become fewer when a server complains.
#[derive(Debug)]
pub struct ConnectionLimit {
    state: Mutex<LimitState>,
    released: Notify,
}

#[derive(Debug)]
struct LimitState {
    limit: usize,
    in_use: usize,
    paused_until: Option<Instant>,
    latency: Option<Duration>,
}

/// The right to one connection; dropping it gives it back.
#[derive(Debug)]
pub struct ConnectionPermit<'a> {
    limit: &'a ConnectionLimit,
}

impl Drop for ConnectionPermit<'_> {
    fn drop(&mut self) {
        lock(&self.limit.state).in_use -= 1;
        self.limit.released.notify_one();
    }
}

impl ConnectionLimit {
    /// At most `limit` connections, at least one.
    pub fn new(limit: usize) -> ConnectionLimit {
        let limit = limit.max(1);
        let state = LimitState { limit, in_use: 0, paused_until: None, latency: None };
        ConnectionLimit { state: Mutex::new(state), released: Notify::new() }
    }

    /// How many connections there may be now.
    pub fn limit(&self) -> usize {
        lock(&self.state).limit
    }

    /// Waits for a permit.
    pub async fn acquire(&self) -> ConnectionPermit<'_> {
        loop {
            let released = self.released.notified();
            {
                let mut state = lock(&self.state);
                if state.in_use < state.limit {
                    state.in_use += 1;
                    // There may be room for another one that waits.
                    self.released.notify_one();
                    return ConnectionPermit { limit: self };
                }
            }
            released.await;
        }
    }

    /// Whether more connections are in use than there may be, so that one has to
    /// close.
    pub fn is_exceeded(&self) -> bool {
        let state = lock(&self.state);
        state.in_use > state.limit
    }

    /// A server complained about a request that was sent when the limit was `then`:
    /// the limit becomes half of that, and no request is sent before `wait` is
    /// over. A wait that is too long for an attempt at the job ends the attempt, so
    /// that it changes nothing here.
    pub fn lower(&self, then: usize, wait: Duration) {
        if wait > LONGEST_WAIT {
            return;
        }
        let mut state = lock(&self.state);
        state.limit = state.limit.min((then / 2).max(1));
        state.paused_until = state.paused_until.max(Some(Instant::now() + wait));
        tracing::info!(connections = state.limit, "the server wants fewer requests");
    }

    /// Waits until requests may be sent.
    pub async fn wait_while_paused(&self) {
        while let Some(until) = self.paused_until() {
            tokio::time::sleep_until(until).await;
        }
    }

    fn paused_until(&self) -> Option<Instant> {
        lock(&self.state).paused_until.filter(|until| *until > Instant::now())
    }

    /// Adds a measurement of how long a server takes to respond.
    pub fn record_latency(&self, measured: Duration) {
        let mut state = lock(&self.state);
        state.latency = Some(state.latency.map_or(measured, |known| (known * 3 + measured) / 4));
    }

    /// How long a server takes to respond.
    pub fn latency(&self) -> Duration {
        lock(&self.state).latency.unwrap_or(USUAL_LATENCY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn complaints_of_the_same_moment_count_once() {
        let connections = ConnectionLimit::new(8);
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(connections.acquire().await);
        }
        let started = Instant::now();
        for _ in 0..8 {
            connections.lower(8, Duration::from_millis(100));
        }
        assert!(connections.limit() == 4 && connections.is_exceeded());
        connections.wait_while_paused().await;
        assert!(started.elapsed() >= Duration::from_millis(100));
        permits.truncate(4);
        assert!(!connections.is_exceeded());
        let full = tokio::time::timeout(Duration::from_millis(20), connections.acquire()).await;
        assert!(full.is_err());
        permits.pop();
        let _permit = connections.acquire().await;
        connections.lower(1, Duration::ZERO);
        assert_eq!(connections.limit(), 1);
    }

    #[test]
    fn a_wait_that_ends_the_attempt_pauses_nothing() {
        let connections = ConnectionLimit::new(8);
        connections.lower(8, Duration::from_secs(3600));
        assert!(connections.limit() == 8 && connections.paused_until().is_none());
    }
}
