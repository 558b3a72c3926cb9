//! One request to the service: within a time, and again when it may help.

use std::time::Duration;

use super::super::ArtifactError;

/// How long one try of a request may take that carries few bytes.
pub(super) const SMALL: Duration = Duration::from_secs(10);
/// How long one try of a request may take that carries a part of a file, or
/// that joins the parts.
pub(super) const LARGE: Duration = Duration::from_secs(60);
/// How often a request is tried in all.
pub(super) const TRIES: u32 = 4;

/// Tries a request until it is answered, refused, or has been tried often
/// enough. A longer absence of the service is for the caller to wait out.
///
/// # Errors
/// That of the last try.
pub(super) async fn tried<T, F>(
    what: &'static str,
    limit: Duration,
    request: impl Fn() -> F,
) -> Result<T, ArtifactError>
where
    F: Future<Output = object_store::Result<T>>,
{
    let mut tries = 1;
    loop {
        let error = match tokio::time::timeout(limit, request()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => ArtifactError::from(error),
            Err(_) => ArtifactError::late(what),
        };
        if tries == TRIES || !error.is_transient() {
            return Err(error);
        }
        tracing::info!(%error, artifact.attempt = tries, "{what} is tried again");
        tokio::time::sleep(pause(tries)).await;
        tries += 1;
    }
}

/// The wait after so many tries: 0.2 s, 0.6 s, 1.8 s, and a little chance, so
/// that what failed together does not come back together.
pub(super) fn pause(tries: u32) -> Duration {
    let steps = 3_u32.saturating_pow(tries.saturating_sub(1).min(4));
    Duration::from_millis(200).saturating_mul(steps).mul_f64(0.8 + 0.4 * rand::random::<f64>())
}
