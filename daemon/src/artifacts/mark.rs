//! The mark of a store: a word in a small file of its own, by which daemons
//! know that they look at the same place.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path as Key;

use super::error::Why;
use super::{ArtifactError, Artifacts, Place};

/// Its name begins with no id, so that it is never taken for an orphan.
const NAME: &str = "clipmill-store.id";

/// A mark is a short word; what is longer is somebody else's file.
const LONGEST: u64 = 256;

impl Artifacts {
    /// The mark that the store has.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn mark(&self) -> Result<Option<String>, ArtifactError> {
        let Some(file) = self.open_key(&Key::from(NAME)).await? else { return Ok(None) };
        let pieces: Vec<Bytes> = file.read(0..LONGEST).try_collect().await?;
        String::from_utf8(pieces.concat())
            .map(|word| Some(word.trim().to_owned()))
            .map_err(|_| ArtifactError::new(Why::Other, format!("{NAME} in the store is not ours")))
    }

    /// Gives the store a mark.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn set_mark(&self, word: &str) -> Result<(), ArtifactError> {
        let (key, bytes) = (Key::from(NAME), Bytes::from(word.to_owned()));
        match &self.inner.place {
            Place::Folder(folder) => folder.write(&key, bytes).await,
            Place::Bucket(bucket) => bucket.write(&key, bytes).await,
        }
    }
}
