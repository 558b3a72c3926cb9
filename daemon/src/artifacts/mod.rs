//! Where finished files and uploads are: in folders, of this machine or shared
//! by a cluster, or in a bucket of an S3-compatible service.
//!
//! Owns keys, durability, and the deadlines and retries of every request. It
//! does not know records: whose file it is and how long it stays is for others
//! to say.

use async_trait::async_trait;
use clipmill_core::{Error, Time};
use clipmill_pipeline::ArtifactStore;

mod artifact;
mod bucket;
mod check;
mod error;
mod folder;
mod key;
mod kind;
mod mark;
mod stores;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path as Key;
use tokio::io::{AsyncWriteExt as _, BufWriter};
use url::Url;

pub use artifact::Artifact;
pub use error::ArtifactError;
pub use kind::kind;
pub use stores::Stores;

use self::bucket::Bucket;
use self::check::Health;
use self::error::Why;
use self::folder::Folder;
use self::key::Names;
use clipmill_core::disk;

/// Bytes that are written at a time.
const PIECE: usize = 256 << 10;

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
    place: Place,
    names: Names,
    health: Health,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Bucket(Bucket),
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

/// A file of the store, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key.
    pub key: String,
    /// When it was last written, by the clock of the store.
    pub changed: Time,
}

/// What a client that follows a signed address is told about the file.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// `Content-Disposition`.
    pub disposition: &'a str,
    /// `Content-Type`.
    pub media_type: &'a str,
}

impl Artifacts {
    /// The store in a folder, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder can't be made or read.
    pub fn in_folder(folder: &Path) -> Result<Artifacts, ArtifactError> {
        let place = Place::Folder(Folder::at(folder)?);
        Ok(Artifacts::at(place, folder))
    }

    fn at(place: Place, folder: &Path) -> Artifacts {
        let names = Names::below(folder);
        Artifacts { inner: Arc::new(Inner { place, names, health: Health::default() }) }
    }

    /// The key that a name stands for; none when it leads out of the store.
    pub fn key_of(&self, name: &str) -> Option<String> {
        self.inner.names.key(name).map(String::from)
    }

    /// Puts a local file under a key, replacing what was there; when this
    /// returns the bytes are durable and the local file is gone. A folder moves
    /// the file where it can; a bucket is sent it in parts, of which few are in
    /// memory at a time. When it is given up half-way the key holds what it held.
    ///
    /// # Errors
    /// When the bytes could not be made durable; the local file is still there.
    pub async fn put(&self, key: &str, from: &Path) -> Result<u64, ArtifactError> {
        let Some(key) = self.inner.names.key(key) else {
            let message = format!("`{key}` is no key of this store");
            return Err(ArtifactError::new(Why::Refused(None), message));
        };
        match &self.inner.place {
            Place::Folder(folder) => folder.put(&key, from).await,
            Place::Bucket(bucket) => bucket.put(&key, from).await,
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

    async fn open_key(&self, key: &Key) -> Result<Option<Artifact>, ArtifactError> {
        match &self.inner.place {
            Place::Folder(folder) => folder.open(key).await,
            Place::Bucket(bucket) => bucket.open(key).await,
        }
    }

    /// A path of this machine with the file's bytes, for programs that read
    /// files: the file itself, which must not be changed, or a copy in the
    /// folder `into`. A copy that an earlier call made is used again: nothing is
    /// ever written over the file of a key that a record names. None when there
    /// is no such file.
    ///
    /// # Errors
    /// When the store does not answer, or the folder has no room.
    pub async fn bring(&self, name: &str, into: &Path) -> Result<Option<PathBuf>, ArtifactError> {
        let Some(key) = self.inner.names.key(name) else { return Ok(None) };
        let place = match &self.inner.place {
            Place::Folder(folder) => {
                let path = folder.path(&key)?;
                let found = tokio::fs::try_exists(&path);
                return Ok(folder::in_time("looking for a file", found).await??.then_some(path));
            }
            Place::Bucket(_) => into.join(key.filename().unwrap_or("file")),
        };
        if tokio::fs::try_exists(&place).await? {
            return Ok(Some(place));
        }
        let Some(artifact) = self.open_key(&key).await? else { return Ok(None) };
        if !disk::has_room(into, artifact.size)? {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
        }
        // Not under its name before it is whole, and gone when this is given up.
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
        match &self.inner.place {
            Place::Folder(folder) => folder.delete(&key).await,
            Place::Bucket(bucket) => bucket.delete(&key).await,
        }
    }

    /// All files, in no order, a page at a time: there may be millions. Half-made
    /// ones are among them, under keys that begin with that of the whole one.
    /// Ends with its first error.
    pub fn keys(&self) -> BoxStream<'static, Result<Stored, ArtifactError>> {
        match &self.inner.place {
            Place::Folder(folder) => folder.keys(),
            Place::Bucket(bucket) => bucket.keys(),
        }
    }

    /// An address under which anybody can GET this file for so long (whole
    /// seconds, at least one), without asking us. None when the store can't, or
    /// the time is over.
    ///
    /// # Errors
    /// When no credentials can be had.
    pub async fn sign(
        &self,
        name: &str,
        life: Duration,
        shown: Shown<'_>,
    ) -> Result<Option<Url>, ArtifactError> {
        match (&self.inner.place, self.inner.names.key(name)) {
            (Place::Bucket(bucket), Some(key)) if life.as_secs() > 0 => {
                bucket.sign(&key, Duration::from_secs(life.as_secs()), shown).await.map(Some)
            }
            _ => Ok(None),
        }
    }
}
