//! The artifact store: where finished files and uploads are.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream::BoxStream;

/// Why the artifact store could not do it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ArtifactError {
    /// Stable machine code: `disk_full`, `artifact_store`.
    pub code: &'static str,
    /// For the log; may hold paths, so never for clients.
    pub message: String,
}

/// A store of finished files under keys (`abc123.mp4`).
#[derive(Debug, Clone)]
pub struct Artifacts {}

/// A file in the store, open for reading: it can be read to its end even when
/// it is deleted meanwhile.
#[derive(Debug)]
pub struct Artifact {
    /// Bytes.
    pub size: u64,
    /// Changes whenever the content does.
    pub etag: String,
}

impl Artifacts {
    /// The store in a local folder, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder can't be made or written.
    pub fn in_folder(_folder: &Path) -> Result<Artifacts, ArtifactError> {
        unimplemented!()
    }

    /// Puts a local file under a key, replacing what was there; when this
    /// returns the bytes are durable. Moves the file where it can.
    ///
    /// # Errors
    /// When the bytes could not be made durable; the key then holds what it held.
    pub async fn put(&self, _key: &str, _from: &Path) -> Result<u64, ArtifactError> {
        unimplemented!()
    }

    /// Opens a file; none when there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(&self, _key: &str) -> Result<Option<Artifact>, ArtifactError> {
        unimplemented!()
    }

    /// Removes a file. Removing one that is not there succeeds.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete(&self, _key: &str) -> Result<(), ArtifactError> {
        unimplemented!()
    }

    /// All keys with the time of their last change.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keys(&self) -> Result<Vec<(String, clipmill_storage::Time)>, ArtifactError> {
        unimplemented!()
    }
}

impl Artifact {
    /// A part of the file, in bounded pieces.
    pub fn read(self, _range: Range<u64>) -> BoxStream<'static, std::io::Result<Bytes>> {
        unimplemented!()
    }
}
