//! How fast one connection is. Pure: the caller passes the time.

use std::time::{Duration, Instant};

/// How long is measured before a rate counts, and after which it is old.
const WINDOW: Duration = Duration::from_millis(500);

/// Bytes over time, of the last half second or so.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Throughput {
    window_start: Option<Instant>,
    bytes: u64,
    last: Option<f64>,
}

impl Throughput {
    /// Starts a measurement, as a request is sent.
    pub fn start(&mut self, now: Instant) {
        self.window_start = Some(now);
        self.bytes = 0;
    }

    /// Counts bytes that arrived.
    pub fn add(&mut self, bytes: u64, now: Instant) {
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(rate) = self.measured(now) {
            self.last = Some(rate);
            self.start(now);
        }
    }

    /// Bytes a second; none before the first window is over. Falls while nothing
    /// arrives.
    pub fn rate(&self, now: Instant) -> Option<f64> {
        self.measured(now).or(self.last)
    }

    /// Bytes a second of the last whole window.
    pub fn last(&self) -> Option<f64> {
        self.last
    }

    fn measured(&self, now: Instant) -> Option<f64> {
        let elapsed = now.saturating_duration_since(self.window_start?);
        (elapsed >= WINDOW).then(|| self.bytes as f64 / elapsed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_window() {
        let mut throughput = Throughput::default();
        let started = Instant::now();
        let at = |millis| started + Duration::from_millis(millis);
        throughput.start(started);
        throughput.add(1000, at(100));
        assert_eq!(throughput.rate(at(200)), None);
        throughput.add(1000, at(1000));
        assert_eq!(throughput.rate(at(1000)), Some(2000.0));
        throughput.add(5000, at(2000));
        assert_eq!((throughput.rate(at(2100)), throughput.last()), (Some(5000.0), Some(5000.0)));
        assert_eq!((throughput.rate(at(4000)), throughput.last()), (Some(0.0), Some(5000.0)));
    }
}
