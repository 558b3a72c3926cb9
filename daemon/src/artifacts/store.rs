//! A store of files: a folder or a bucket behind the same operations.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::{Error, disk};
use clipmill_pipeline::ArtifactStore;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path as Key;
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::artifact::{Artifact, Shown, Stored};
use super::bucket::Bucket;
use super::error::{ArtifactError, FailureKind};
use super::folder::{self, Folder};
use super::names::RecordNames;

/// Bytes that are written at a time.
const PIECE: usize = 256 << 10;

/// The file that holds the mark of a store. Its name starts with no id, so that
/// the sweeper never takes it for an orphan.
const MARK_KEY: &str = "clipmill-store.id";
/// A mark is a short word, bytes; a longer file is none of ours.
const LONGEST_MARK: u64 = 256;

/// A store of files under keys (`abc123.mp4`). Cheap to clone.
///
/// Where a method takes a `name`, that is what a record says: a key, or an
/// absolute path below the configured folder, as older records have it. A name
/// that leads anywhere else is one of a file that is not there.
#[derive(Debug, Clone)]
pub struct Artifacts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: StorePlace,
    names: RecordNames,
    last_check: Mutex<Option<LastCheck>>,
}

/// Where the files of one store are.
#[derive(Debug)]
pub(super) enum StorePlace {
    Folder(Folder),
    Bucket(Bucket),
}

/// What the last check of a store has found.
#[derive(Debug)]
pub(super) struct LastCheck {
    /// When it was made.
    pub checked: Instant,
    /// What is wrong; none when all is well.
    pub problem: Option<String>,
}

#[async_trait]
impl ArtifactStore for Artifacts {
    async fn put(&self, key: &str, from: &Path) -> Result<u64, Error> {
        Ok(Artifacts::put(self, key, from).await?)
    }

    async fn bring(&self, name: &str, into: &Path) -> Result<Option<PathBuf>, Error> {
        Ok(Artifacts::bring(self, name, into).await?)
    }
}

impl Artifacts {
    /// The store in a folder, which is created when it is missing.
    ///
    /// # Errors
    /// When the folder can't be created or read.
    pub fn in_folder(folder: &Path) -> Result<Artifacts, ArtifactError> {
        let place = StorePlace::Folder(Folder::open_or_create(folder)?);
        Ok(Artifacts::new(place, folder))
    }

    /// The store at this place. `folder` is what absolute names in older records
    /// start with.
    pub(super) fn new(place: StorePlace, folder: &Path) -> Artifacts {
        let names = RecordNames::below(folder);
        Artifacts { inner: Arc::new(Inner { place, names, last_check: Mutex::new(None) }) }
    }

    pub(super) fn place(&self) -> &StorePlace {
        &self.inner.place
    }

    pub(super) fn last_check(&self) -> &Mutex<Option<LastCheck>> {
        &self.inner.last_check
    }

    /// The key that a name stands for; none when the name leads out of the store.
    pub fn key_of(&self, name: &str) -> Option<String> {
        self.inner.names.key(name).map(String::from)
    }

    /// Puts a local file under a key, replacing what was there; when this
    /// returns the bytes are durable and the local file is gone. A folder moves
    /// the file where it can; a bucket is sent it in parts, of which few are in
    /// memory at a time. When the caller drops the future half-way, the key holds
    /// what it held before.
    ///
    /// # Errors
    /// When the bytes could not be made durable; the local file is still there.
    pub async fn put(&self, key: &str, from: &Path) -> Result<u64, ArtifactError> {
        let Some(key) = self.inner.names.key(key) else {
            let message = format!("`{key}` is no key of this store");
            return Err(ArtifactError::new(FailureKind::Refused(None), message));
        };
        match &self.inner.place {
            StorePlace::Folder(folder) => folder.put(&key, from).await,
            StorePlace::Bucket(bucket) => bucket.put(&key, from).await,
        }
    }

    /// Writes a few bytes under a key, durably.
    pub(super) async fn write(&self, key: &Key, bytes: Bytes) -> Result<(), ArtifactError> {
        match &self.inner.place {
            StorePlace::Folder(folder) => folder.write(key, bytes).await,
            StorePlace::Bucket(bucket) => bucket.write(key, bytes).await,
        }
    }

    /// Opens a file; none when there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(&self, name: &str) -> Result<Option<Artifact>, ArtifactError> {
        let Some(key) = self.inner.names.key(name) else { return Ok(None) };
        self.open_key(&key).await
    }

    pub(super) async fn open_key(&self, key: &Key) -> Result<Option<Artifact>, ArtifactError> {
        match &self.inner.place {
            StorePlace::Folder(folder) => folder.open(key).await,
            StorePlace::Bucket(bucket) => bucket.open(key).await,
        }
    }

    /// A path of this machine with the file's bytes, for programs that read
    /// files: the file itself, which must not be changed, or a copy in the
    /// folder `into`. A copy of an earlier call is used again: no call ever
    /// writes over the file of a key that a record names. None when there is no
    /// such file.
    ///
    /// # Errors
    /// When the store does not answer, or the folder has no room.
    pub async fn bring(&self, name: &str, into: &Path) -> Result<Option<PathBuf>, ArtifactError> {
        let Some(key) = self.inner.names.key(name) else { return Ok(None) };
        let place = match &self.inner.place {
            StorePlace::Folder(folder) => {
                let path = folder.path(&key)?;
                let found = tokio::fs::try_exists(&path);
                return Ok(folder::in_time("looking for a file", found).await??.then_some(path));
            }
            StorePlace::Bucket(_) => into.join(key.filename().unwrap_or("file")),
        };
        if tokio::fs::try_exists(&place).await? {
            return Ok(Some(place));
        }
        let Some(artifact) = self.open_key(&key).await? else { return Ok(None) };
        if !disk::has_room(into, artifact.size)? {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
        }
        // Not under its name before it is whole, and removed when the future is dropped.
        let (half, draft) = tempfile::NamedTempFile::new_in(into)?.into_parts();
        let mut half = BufWriter::with_capacity(PIECE, tokio::fs::File::from_std(half));
        let mut pieces = artifact.read(0..u64::MAX);
        while let Some(piece) = pieces.try_next().await? {
            half.write_all(&piece).await?;
        }
        half.flush().await?;
        // A copy that survives a loss of power is a whole one.
        half.get_ref().sync_all().await?;
        draft.persist(&place).map_err(|error| error.error)?;
        Ok(Some(place))
    }

    /// Removes a file. Removing one that is not there succeeds.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete(&self, name: &str) -> Result<(), ArtifactError> {
        let Some(key) = self.inner.names.key(name) else { return Ok(()) };
        self.delete_key(&key).await
    }

    pub(super) async fn delete_key(&self, key: &Key) -> Result<(), ArtifactError> {
        match &self.inner.place {
            StorePlace::Folder(folder) => folder.delete(key).await,
            StorePlace::Bucket(bucket) => bucket.delete(key).await,
        }
    }

    /// All files, in no order, a page at a time: there may be millions. Unfinished
    /// ones are among them, under keys that start with the key of the whole one.
    /// Ends with its first error.
    pub fn keys(&self) -> BoxStream<'static, Result<Stored, ArtifactError>> {
        match &self.inner.place {
            StorePlace::Folder(folder) => folder.keys(),
            StorePlace::Bucket(bucket) => bucket.keys(),
        }
    }

    /// An address under which clients can GET this file from the service itself,
    /// for `life` (whole seconds, at least one). None for a folder, and when
    /// `life` is shorter than a second.
    ///
    /// # Errors
    /// When the machine has no credentials.
    pub async fn sign(
        &self,
        name: &str,
        life: Duration,
        shown: Shown<'_>,
    ) -> Result<Option<Url>, ArtifactError> {
        match (&self.inner.place, self.inner.names.key(name)) {
            (StorePlace::Bucket(bucket), Some(key)) if life.as_secs() > 0 => {
                bucket.sign(&key, Duration::from_secs(life.as_secs()), shown).await.map(Some)
            }
            _ => Ok(None),
        }
    }
    /// The mark of the store: a word in a small file of its own, by which daemons
    /// know that they use the same place. None when it has no mark yet.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn mark(&self) -> Result<Option<String>, ArtifactError> {
        let Some(file) = self.open_key(&Key::from(MARK_KEY)).await? else { return Ok(None) };
        let pieces: Vec<Bytes> = file.read(0..LONGEST_MARK).try_collect().await?;
        String::from_utf8(pieces.concat()).map(|word| Some(word.trim().to_owned())).map_err(|_| {
            let message = format!("{MARK_KEY} in the store is not ours");
            ArtifactError::new(FailureKind::Other, message)
        })
    }

    /// Gives the store a mark.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn set_mark(&self, word: &str) -> Result<(), ArtifactError> {
        self.write(&Key::from(MARK_KEY), Bytes::from(word.to_owned())).await
    }
}
