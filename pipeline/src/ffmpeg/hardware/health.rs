//! What is known of one hardware encoder: a circuit breaker. The caller passes the
//! time in.

use std::time::{Duration, Instant};

/// Failed jobs in a row after which an encoder is left alone.
const MAX_FAILURES: u32 = 3;
/// How long it is left alone until it is tried anew.
pub(super) const REST: Duration = Duration::from_secs(600);

/// Whether an encoder works, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum EncoderHealth {
    /// It was not tried yet.
    #[default]
    Untried,
    /// It works; so many jobs in a row failed nevertheless.
    Works { failures: u32 },
    /// It does not, and is not tried before then.
    Broken { why: String, until: Instant },
}

impl EncoderHealth {
    /// Whether it has to be tried before it is used.
    pub(super) fn wants_trial(&self, now: Instant) -> bool {
        match self {
            EncoderHealth::Untried => true,
            EncoderHealth::Works { .. } => false,
            EncoderHealth::Broken { until, .. } => *until <= now,
        }
    }

    /// It was tried.
    pub(super) fn tried(&mut self, result: Result<(), String>, now: Instant) {
        *self = match result {
            Ok(()) => EncoderHealth::Works { failures: 0 },
            Err(why) => EncoderHealth::Broken { why, until: now + REST },
        };
    }

    /// A job succeeded.
    pub(super) fn job_succeeded(&mut self) {
        if let EncoderHealth::Works { failures } = self {
            *failures = 0;
        }
    }

    /// A job failed through its fault. True when it is left alone from now on.
    pub(super) fn job_failed(&mut self, why: &str, now: Instant) -> bool {
        // Jobs that started before it was left alone show nothing new.
        let EncoderHealth::Works { failures } = self else { return false };
        *failures += 1;
        let enough = *failures >= MAX_FAILURES;
        if enough {
            *self = EncoderHealth::Broken { why: why.to_owned(), until: now + REST };
        }
        enough
    }

    /// Whether it works, or why not.
    pub(super) fn state(&self) -> Result<(), String> {
        match self {
            EncoderHealth::Untried => Err("it was not tried".to_owned()),
            EncoderHealth::Works { .. } => Ok(()),
            EncoderHealth::Broken { why, .. } => Err(why.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_break_it_until_it_is_tried_anew() {
        let now = Instant::now();
        let mut health = EncoderHealth::default();
        assert!(health.wants_trial(now) && health.state().is_err());
        health.tried(Ok(()), now);
        assert!(!health.job_failed("busy", now) && !health.job_failed("busy", now));
        health.job_succeeded();
        assert!(!health.job_failed("busy", now) && !health.job_failed("busy", now));
        assert_eq!(health.state(), Ok(()));
        assert!(health.job_failed("busy", now));
        assert_eq!(health.state(), Err("busy".to_owned()));
        assert!(!health.job_failed("late", now), "a job that was under way");
        assert!(!health.wants_trial(now + REST - Duration::from_secs(1)));
        assert!(health.wants_trial(now + REST));
        health.tried(Err("gone".to_owned()), now + REST);
        assert!(!health.wants_trial(now + REST) && health.wants_trial(now + 2 * REST));
        health.tried(Ok(()), now + 2 * REST);
        assert_eq!(health, EncoderHealth::Works { failures: 0 });
    }
}
