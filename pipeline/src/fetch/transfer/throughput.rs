//! How fast a connection is. Pure: the time is told.

use std::time::{Duration, Instant};

/// How long is measured before a rate counts, and after which it is old.
const WINDOW: Duration = Duration::from_millis(500);

/// Bytes over time, of late.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    began: Option<Instant>,
    bytes: u64,
    last: Option<f64>,
}

impl Pace {
    /// A request begins.
    pub fn begin(&mut self, now: Instant) {
        (self.began, self.bytes) = (Some(now), 0);
    }

    /// Bytes came.
    pub fn add(&mut self, bytes: u64, now: Instant) {
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(rate) = self.measured(now) {
            self.last = Some(rate);
            self.begin(now);
        }
    }

    /// Bytes a second; none while nothing can be told. Falls while nothing comes.
    pub fn rate(&self, now: Instant) -> Option<f64> {
        self.measured(now).or(self.last)
    }

    /// Bytes a second when something came last.
    pub fn last(&self) -> Option<f64> {
        self.last
    }

    fn measured(&self, now: Instant) -> Option<f64> {
        let elapsed = now.saturating_duration_since(self.began?);
        (elapsed >= WINDOW).then(|| self.bytes as f64 / elapsed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_late() {
        let (mut pace, began) = (Pace::default(), Instant::now());
        let at = |millis| began + Duration::from_millis(millis);
        pace.begin(began);
        pace.add(1000, at(100));
        assert_eq!(pace.rate(at(200)), None);
        pace.add(1000, at(1000));
        assert_eq!(pace.rate(at(1000)), Some(2000.0));
        pace.add(5000, at(2000));
        assert_eq!((pace.rate(at(2100)), pace.last()), (Some(5000.0), Some(5000.0)));
        assert_eq!((pace.rate(at(4000)), pace.last()), (Some(0.0), Some(5000.0)));
    }
}
