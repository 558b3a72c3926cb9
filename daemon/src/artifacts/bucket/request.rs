//! One request to the service: with a deadline, and repeated when that may help.

use std::time::Duration;

use crate::artifacts::error::ArtifactError;

/// Deadline of one attempt at a request that carries few bytes.
pub(super) const SMALL: Duration = Duration::from_secs(10);
/// Deadline of one attempt at a request that carries a part of a file, or that
/// joins the parts.
pub(super) const LARGE: Duration = Duration::from_secs(60);
/// Attempts at a request, the first included.
pub(super) const ATTEMPTS: u32 = 4;

/// Sends a request until the service answers or refuses it, at most [`ATTEMPTS`]
/// times. The caller waits out a longer absence of the service.
///
/// # Errors
/// That of the last attempt.
pub(super) async fn with_retries<T, F>(
    what: &'static str,
    limit: Duration,
    request: impl Fn() -> F,
) -> Result<T, ArtifactError>
where
    F: Future<Output = object_store::Result<T>>,
{
    let mut attempt = 1;
    loop {
        let error = match tokio::time::timeout(limit, request()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => ArtifactError::from(error),
            Err(_) => ArtifactError::late(what),
        };
        if attempt == ATTEMPTS || !error.is_transient() {
            return Err(error);
        }
        let pause = backoff(attempt);
        let retry_in_ms = pause.as_millis() as u64;
        tracing::info!(%error, artifact.attempt = attempt, retry_in_ms, "{what} failed");
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// The wait after the attempt of this number: 0.2 s, 0.6 s, 1.8 s, each with
/// jitter, so that requests that failed together do not come back together.
pub(super) fn backoff(attempt: u32) -> Duration {
    let steps = 3_u32.saturating_pow(attempt.saturating_sub(1).min(4));
    Duration::from_millis(200).saturating_mul(steps).mul_f64(0.8 + 0.4 * rand::random::<f64>())
}
