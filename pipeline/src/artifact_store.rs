//! Where finished files go and where uploads come from, and how long the pipeline
//! waits for a store that is away.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Code, Error};

/// How long a store is waited for before the attempt counts as failed: what is
/// made already costs more to make again than to keep for a while.
const MAX_WAIT: Duration = Duration::from_secs(600);
/// The wait before the second try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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

/// Calls a store until it answers, refuses, or was away for 10 minutes. A full disk
/// is not waited for: that error is returned at once.
///
/// # Errors
/// `disk_full`, or `artifact_store`, to be tried again later unless it refused.
pub(crate) async fn until_store_answers<T, F>(call: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let started = tokio::time::Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let is_away = error.code == Code::ArtifactStore && error.is_transient();
        if !is_away || started.elapsed() + pause > MAX_WAIT {
            tracing::error!(error = %error.chain(), "the artifact store failed");
            return Err(error);
        }
        let seconds = pause.as_secs();
        tracing::warn!(
            error = %error.chain(),
            "the job waits for the artifact store; it tries again in {seconds} s"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
