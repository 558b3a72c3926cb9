//! What is known of one encoder. The clock is the caller's.

use std::time::{Duration, Instant};

/// Failed jobs in a row after which an encoder is left alone.
const PATIENCE: u32 = 3;
/// How long it is left alone, until it is tried anew.
const REST: Duration = Duration::from_secs(600);

/// How an encoder fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has tried it.
    #[default]
    Unknown,
    /// It works; so many jobs in a row failed nevertheless.
    Works { failures: u32 },
    /// It does not, and is not asked before then.
    Rests { why: String, until: Instant },
}

impl Standing {
    /// Whether it has to be tried before it is used.
    pub(super) fn wants_trial(&self, now: Instant) -> bool {
        match self {
            Standing::Unknown => true,
            Standing::Works { .. } => false,
            Standing::Rests { until, .. } => *until <= now,
        }
    }

    /// It was tried.
    pub(super) fn tried(&mut self, result: Result<(), String>, now: Instant) {
        *self = match result {
            Ok(()) => Standing::Works { failures: 0 },
            Err(why) => Standing::Rests { why, until: now + REST },
        };
    }

    /// A job went well.
    pub(super) fn worked(&mut self) {
        if let Standing::Works { failures } = self {
            *failures = 0;
        }
    }

    /// A job failed by its fault. True when it is left alone from now on.
    pub(super) fn failed(&mut self, why: &str, now: Instant) -> bool {
        // Jobs that began before it was left alone say nothing new.
        let Standing::Works { failures } = self else { return false };
        *failures += 1;
        let enough = *failures >= PATIENCE;
        if enough {
            *self = Standing::Rests { why: why.to_owned(), until: now + REST };
        }
        enough
    }

    /// Whether it works, or why not.
    pub(super) fn state(&self) -> Result<(), String> {
        match self {
            Standing::Unknown => Err("it was not tried".to_owned()),
            Standing::Works { .. } => Ok(()),
            Standing::Rests { why, .. } => Err(why.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_three_times_in_a_row_rests_and_is_tried_anew() {
        let now = Instant::now();
        let mut standing = Standing::default();
        assert!(standing.wants_trial(now) && standing.state().is_err());
        standing.tried(Ok(()), now);
        assert!(!standing.failed("busy", now) && !standing.failed("busy", now));
        standing.worked();
        assert!(!standing.failed("busy", now) && !standing.failed("busy", now));
        assert_eq!(standing.state(), Ok(()));
        assert!(standing.failed("busy", now));
        assert_eq!(standing.state(), Err("busy".to_owned()));
        assert!(!standing.failed("late", now), "a job that was under way");
        assert!(!standing.wants_trial(now + REST - Duration::from_secs(1)));
        assert!(standing.wants_trial(now + REST));
        standing.tried(Err("gone".to_owned()), now + REST);
        assert!(!standing.wants_trial(now + REST) && standing.wants_trial(now + 2 * REST));
        standing.tried(Ok(()), now + 2 * REST);
        assert_eq!(standing, Standing::Works { failures: 0 });
    }
}
