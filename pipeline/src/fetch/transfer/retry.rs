//! When a failed request is sent again.

use std::time::Duration;

use clipmill_core::{Backoff, Code, Error, Retry};

/// Failures in a row after which a transfer fails.
const MAX_FAILURES: u32 = 5;
/// The waits between attempts where the server names none.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(6));
/// The longest wait that a server may name within one attempt at a job; a longer
/// one ends the attempt.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Failures in a row of one transfer.
#[derive(Debug, Default)]
pub struct FailureStreak(u32);

impl FailureStreak {
    /// Bytes arrived: the streak ends.
    pub fn reset(&mut self) {
        self.0 = 0;
    }

    /// Counts a failure and waits until the request may be sent again.
    ///
    /// # Errors
    /// The error itself, when the request is not to be sent again.
    pub async fn wait_after(&mut self, error: Error) -> Result<(), Error> {
        wait_before_retry(error, self.0).await?;
        self.0 += 1;
        Ok(())
    }
}

/// Repeats `attempt` until it succeeds or fails for good.
///
/// # Errors
/// Its last error.
pub async fn retry<T, F>(attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut failures = FailureStreak::default();
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => failures.wait_after(error).await?,
        }
    }
}

/// Waits before another attempt, after a failure that `earlier` others in a row
/// preceded.
///
/// # Errors
/// The error itself, when there is to be no other attempt.
pub(super) async fn wait_before_retry(error: Error, earlier: u32) -> Result<(), Error> {
    let Some(wait) = wait_after(&error, earlier) else { return Err(error) };
    tracing::debug!(error = %error.chain(), wait_ms = wait.as_millis() as u64, "retrying a request");
    tokio::time::sleep(wait).await;
    Ok(())
}

fn wait_after(error: &Error, earlier: u32) -> Option<Duration> {
    // Another version of the file does not become this one again.
    if error.code == Code::SourceChanged || earlier >= MAX_FAILURES {
        return None;
    }
    match error.retry {
        Retry::After(wait) => Some(wait).filter(|wait| *wait <= LONGEST_WAIT),
        Retry::Later => Some(BACKOFF.pause(earlier)),
        Retry::Never => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_that_may_pass_are_waited_for() {
        let later = Error::later(Code::SourceUnreachable, "");
        let millis = |error: &Error, earlier| wait_after(error, earlier).map(|w| w.as_millis());
        assert_eq!(
            [0, 1, 4, 5].map(|n| millis(&later, n)),
            [Some(200), Some(400), Some(3200), None]
        );
        let after = |seconds| Retry::After(Duration::from_secs(seconds));
        assert_eq!(millis(&later.clone().with_retry(after(7)), 1), Some(7000));
        assert_eq!(millis(&later.clone().with_retry(after(31)), 0), None);
        assert_eq!(millis(&later.with_retry(Retry::Never), 0), None);
        assert_eq!(millis(&Error::later(Code::SourceChanged, ""), 0), None);
    }
}
