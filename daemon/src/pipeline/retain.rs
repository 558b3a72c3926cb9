//! Putting the finished file into the artifact store.

use super::{ArtifactError, Artifacts, Encoded, Retained, StageError};

/// Moves the file; when this returns it is durable.
pub(super) async fn retain(
    encoded: Encoded,
    key: &str,
    artifacts: &Artifacts,
) -> Result<Retained, StageError> {
    let size = artifacts.put(key, &encoded.path).await.map_err(|error| explain(&error))?;
    Ok(Retained { key: key.to_owned(), size })
}

fn explain(error: &ArtifactError) -> StageError {
    tracing::error!(%error, "the artifact store refused a file");
    match error.code {
        "disk_full" => StageError::later("disk_full", "the server's disk is full"),
        _ => StageError::later("internal", "the finished file could not be stored"),
    }
}
