//! Where finished files go, and where uploads come from.

use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use clipmill_core::Error;

/// The store of files under keys, as far as the pipeline needs it.
#[async_trait]
pub trait ArtifactStore: fmt::Debug + Send + Sync {
    /// Moves a local file into the store under `key`, and returns its size in
    /// bytes. When this returns, the file is durable.
    ///
    /// # Errors
    /// `artifact_store`, transient unless the store refused; `disk_full`.
    async fn put(&self, key: &str, from: &Path) -> Result<u64, Error>;

    /// Brings a file of the store into the folder `into` and returns its path
    /// there, which may be the stored file itself; none when the store has no such
    /// file.
    ///
    /// # Errors
    /// As [`ArtifactStore::put`].
    async fn bring(&self, name: &str, into: &Path) -> Result<Option<PathBuf>, Error>;
}
