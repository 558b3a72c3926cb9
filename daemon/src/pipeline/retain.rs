//! Putting the finished file into the artifact store.

use super::patience::patiently;
use super::{Encoded, Retained, StageError};
use crate::artifacts::Artifacts;

/// Moves the file; when this returns it is durable.
pub(super) async fn retain(
    encoded: Encoded,
    key: &str,
    artifacts: &Artifacts,
) -> Result<Retained, StageError> {
    let size = patiently(|| artifacts.put(key, &encoded.path)).await?;
    Ok(Retained { key: key.to_owned(), size })
}
