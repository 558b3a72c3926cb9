//! Waiting out a store that is away.

use std::time::Duration;

use clipmill_core::{Code, Error};

/// How long a store is waited for before the attempt counts as failed: what is
/// made already costs more to make again than to keep for a while.
const PATIENCE: Duration = Duration::from_secs(600);
/// The first and the longest wait between two tries.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Asks a store until it answers, refuses, or was away for too long. A full
/// disk is not waited for here: that is told at once.
///
/// # Errors
/// `disk_full`, or `artifact_store`, to be tried again later unless it refused.
pub(super) async fn until_store_answers<T, F>(ask: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let started = tokio::time::Instant::now();
    let (mut pause, longest) = PAUSES;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let is_away = error.code == Code::ArtifactStore && error.is_transient();
        if !is_away || started.elapsed() + pause > PATIENCE {
            tracing::error!(error = %error.chain(), "the artifact store failed");
            return Err(error);
        }
        tracing::warn!(error = %error.chain(), "the job waits for the artifact store");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
