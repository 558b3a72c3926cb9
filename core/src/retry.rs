//! How long to wait before the same thing is tried again.

use std::time::Duration;

/// Waits that double: `first` after one failure, twice as long after the next,
/// never longer than `longest`.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Waits from `first` to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff { first, longest }
    }

    /// The wait after a failure that `earlier` others preceded.
    pub fn pause(self, earlier: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(earlier)).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(1));
        let millis = |earlier| backoff.pause(earlier).as_millis();
        assert_eq!([0, 1, 2, 3, u32::MAX].map(millis), [200, 400, 800, 1000, 1000]);
    }
}
