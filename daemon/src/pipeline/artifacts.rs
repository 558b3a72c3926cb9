//! The artifact store: where finished files and uploads are.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{Error, GetResultPayload, ObjectStore, ObjectStoreExt};

/// Bytes that are read at a time.
const PIECE: u64 = 128 * 1024;

/// Why the artifact store could not do it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ArtifactError {
    /// Stable machine code: `disk_full`, `artifact_store`.
    pub code: &'static str,
    /// For the log; may hold paths, so never for clients.
    pub message: String,
}

impl From<Error> for ArtifactError {
    fn from(error: Error) -> ArtifactError {
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            if let Some(inner) = inner.downcast_ref::<io::Error>() {
                return ArtifactError { message: error.to_string(), ..code_of(inner) };
            }
            cause = inner.source();
        }
        ArtifactError { code: "artifact_store", message: error.to_string() }
    }
}

fn code_of(error: &io::Error) -> ArtifactError {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk_full",
        _ => "artifact_store",
    };
    ArtifactError { code, message: error.to_string() }
}

/// A store of finished files under keys (`abc123.mp4`).
#[derive(Debug, Clone)]
pub struct Artifacts {
    store: Arc<LocalFileSystem>,
}

/// A file in the store, open for reading: it can be read to its end even when
/// it is deleted meanwhile.
#[derive(Debug)]
pub struct Artifact {
    /// Bytes.
    pub size: u64,
    /// Changes whenever the content does.
    pub etag: String,
    file: std::fs::File,
}

impl Artifacts {
    /// The store in a local folder, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder can't be made or written.
    pub fn in_folder(folder: &Path) -> Result<Artifacts, ArtifactError> {
        std::fs::create_dir_all(folder).map_err(|error| code_of(&error))?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        let artifacts = Artifacts { store: Arc::new(store) };
        // A folder that can't be written is better known now than at the end of an encode.
        let probe = tempfile::Builder::new().prefix(".probe-").tempfile_in(folder);
        probe.map_err(|error| code_of(&error))?;
        Ok(artifacts)
    }

    /// Puts a local file under a key, replacing what was there; when this
    /// returns the bytes are durable. Moves the file where it can.
    ///
    /// # Errors
    /// When the bytes could not be made durable; the key then holds what it held.
    pub async fn put(&self, key: &str, from: &Path) -> Result<u64, ArtifactError> {
        let target = self.store.path_to_filesystem(&parse(key)?)?;
        let from = from.to_path_buf();
        let moved = tokio::task::spawn_blocking(move || move_durably(&from, &target));
        moved.await.map_err(io::Error::other).flatten().map_err(|error| code_of(&error))
    }

    /// Opens a file; none when there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(&self, key: &str) -> Result<Option<Artifact>, ArtifactError> {
        let found = match self.store.get(&parse(key)?).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let meta = found.meta;
        let GetResultPayload::File(file, _) = found.payload else {
            return Err(ArtifactError {
                code: "artifact_store",
                message: "the local store answered with something else than a file".to_owned(),
            });
        };
        let etag = meta.e_tag.unwrap_or_else(|| {
            format!("\"{:x}-{:x}\"", meta.last_modified.timestamp_micros(), meta.size)
        });
        Ok(Some(Artifact { size: meta.size, etag, file }))
    }

    /// Removes a file. Removing one that is not there succeeds.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), ArtifactError> {
        match self.store.delete(&parse(key)?).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// All keys with the time of their last change.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn keys(&self) -> Result<Vec<(String, clipmill_storage::Time)>, ArtifactError> {
        let all =
            self.store.list(None).map_ok(|meta| (meta.location.to_string(), meta.last_modified));
        Ok(all.try_collect().await?)
    }
}

impl Artifact {
    /// A part of the file, in bounded pieces. What lies beyond the end of the
    /// file is left out; a file that was cut short is an error.
    pub fn read(self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let end = range.end.min(self.size);
        let state = (Arc::new(self.file), range.start);
        futures_util::stream::try_unfold(state, move |(file, at)| async move {
            if at >= end {
                return Ok(None);
            }
            let reader = Arc::clone(&file);
            // At most PIECE, so the cast is exact.
            let wanted = (end - at).min(PIECE) as usize;
            let piece = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; wanted];
                reader.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
            })
            .await
            .map_err(io::Error::other)??;
            let next = at + piece.len() as u64;
            Ok(Some((piece, (file, next))))
        })
        .boxed()
    }
}

fn parse(key: &str) -> Result<Key, ArtifactError> {
    Key::parse(key)
        .map_err(|error| ArtifactError { code: "artifact_store", message: error.to_string() })
}

/// Moves a file so that after a loss of power there is either the old target
/// or the whole new one. Between file systems it is copied beside the target
/// first; what a crash leaves of such a copy is listed as a key of its own.
fn move_durably(from: &Path, target: &Path) -> io::Result<u64> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let file = std::fs::File::open(from)?;
    let size = file.metadata()?.len();
    file.sync_all()?;
    match std::fs::rename(from, target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut copy = tempfile::Builder::new().prefix("part-").tempfile_in(folder)?;
            io::copy(&mut io::BufReader::new(file), copy.as_file_mut())?;
            copy.as_file().sync_all()?;
            copy.persist(target).map_err(|error| error.error)?;
            std::fs::remove_file(from)?;
        }
        Err(error) => return Err(error),
    }
    sync_folder(folder.to_path_buf())?;
    Ok(size)
}

fn sync_folder(folder: PathBuf) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    async fn text(artifact: Artifact, range: Range<u64>) -> Vec<u8> {
        let parts: Vec<Bytes> = artifact.read(range).try_collect().await.unwrap();
        assert!(parts.iter().all(|part| part.len() as u64 <= PIECE));
        parts.concat()
    }

    #[tokio::test]
    async fn a_file_goes_in_comes_out_and_is_read_to_its_end_though_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Artifacts::in_folder(&folder.path().join("files")).unwrap();
        let work = folder.path().join("work.mp4");
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
        std::fs::write(&work, &bytes).unwrap();
        assert_eq!(store.put("a.mp4", &work).await.unwrap(), 300_000);
        assert!(!work.exists());
        let first = store.open("a.mp4").await.unwrap().unwrap();
        let second = store.open("a.mp4").await.unwrap().unwrap();
        let third = store.open("a.mp4").await.unwrap().unwrap();
        let keys = store.keys().await.unwrap();
        assert_eq!(keys.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["a.mp4"]);
        std::fs::write(&work, b"other").unwrap();
        store.put("a.mp4", &work).await.unwrap();
        assert_ne!(store.open("a.mp4").await.unwrap().unwrap().etag, first.etag);
        store.delete("a.mp4").await.unwrap();
        store.delete("a.mp4").await.unwrap();
        assert!(store.open("a.mp4").await.unwrap().is_none());
        assert_eq!(text(first, 0..300_000).await, bytes);
        assert_eq!(text(second, 250_000..u64::MAX).await, &bytes[250_000..]);
        assert!(text(third, 400_000..500_000).await.is_empty());
    }

    #[tokio::test]
    async fn keys_stay_within_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = Artifacts::in_folder(folder.path()).unwrap();
        assert!(store.open("../secret").await.is_err());
        assert!(store.put("a/../../b", Path::new("/nonexistent")).await.is_err());
    }
}
