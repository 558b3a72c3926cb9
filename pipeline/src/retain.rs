//! Putting the finished file into the artifact store.

use clipmill_core::Error;

use crate::store_retry::until_store_answers;
use crate::{ArtifactStore, Encoded, Retained};

/// Moves the file; when this returns it is durable.
pub(super) async fn retain(
    encoded: Encoded,
    key: &str,
    artifacts: &dyn ArtifactStore,
) -> Result<Retained, Error> {
    let size = until_store_answers(|| artifacts.put(key, &encoded.path)).await?;
    Ok(Retained { key: key.to_owned(), size })
}
