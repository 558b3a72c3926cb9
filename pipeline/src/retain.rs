//! The retain stage: the finished file goes into the artifact store.

use clipmill_core::Error;

use crate::artifact_store::{ArtifactStore, until_store_answers};
use crate::stages::{Encoded, Retained};

/// Moves the file; when this returns it is durable.
pub(crate) async fn retain(
    encoded: Encoded,
    key: &str,
    artifacts: &dyn ArtifactStore,
) -> Result<Retained, Error> {
    let size = until_store_answers(|| artifacts.put(key, &encoded.path)).await?;
    Ok(Retained { key: key.to_owned(), size })
}
