//! When a failed request is made again.

use std::time::Duration;

use clipmill_core::{Code, Error, Retry};

/// Failures in a row after which a file is given up.
const PATIENCE: u32 = 5;
/// The wait after the first failure; it doubles with each further one.
const BACKOFF: Duration = Duration::from_millis(200);
/// The longest wait that a server may ask for within one attempt.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Waits before another try, after so many failures before this one.
///
/// # Errors
/// The error itself, when there is to be no further one.
pub(crate) async fn pause(error: &Error, failures: u32) -> Result<(), Error> {
    let wait = match error.retry {
        // Another version of the file does not become this one again.
        _ if error.code == Code::SourceChanged => return Err(error.clone()),
        Retry::After(wait) if wait <= LONGEST_WAIT => wait,
        Retry::Later => BACKOFF * 2_u32.saturating_pow(failures.min(10)),
        Retry::Never | Retry::After(_) => return Err(error.clone()),
    };
    if failures >= PATIENCE {
        return Err(error.clone());
    }
    tracing::debug!(code = %error.code, wait_ms = wait.as_millis() as u64, "asking again");
    tokio::time::sleep(wait).await;
    Ok(())
}
