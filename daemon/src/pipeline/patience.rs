//! Waiting out a store that is away.

use std::time::Duration;

use super::StageError;
use crate::artifacts::ArtifactError;

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
pub(super) async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, StageError>
where
    F: Future<Output = Result<T, ArtifactError>>,
{
    let begun = tokio::time::Instant::now();
    let (mut pause, longest) = PAUSES;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let is_away = error.code == "artifact_store" && error.is_transient();
        if !is_away || begun.elapsed() + pause > PATIENCE {
            return Err(explain(&error));
        }
        tracing::warn!(%error, "the work waits for the artifact store");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

fn explain(error: &ArtifactError) -> StageError {
    tracing::error!(%error, "the artifact store failed");
    if error.code == "disk_full" {
        return StageError::later("disk_full", "the server's disk is full");
    }
    let message = match error.is_transient() {
        true => "the server's file store does not answer",
        false => "the server's file store refuses",
    };
    StageError { code: "artifact_store", message: message.to_owned(), retry: error.retry }
}
