//! A store in a folder, of this machine or shared by the nodes of a cluster.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{Error, GetResultPayload, ObjectStore as _, ObjectStoreExt as _};

use super::artifact::{Artifact, ReadRange, Stored};
use super::error::ArtifactError;

/// How long an operation in a folder may take: a folder of another machine can
/// hang.
const DEADLINE: Duration = Duration::from_secs(30);
/// Bytes that are read from a disk at a time.
const PIECE: u64 = 128 * 1024;

/// Files in a folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    store: Arc<LocalFileSystem>,
    path: PathBuf,
}

impl Folder {
    /// The folder, which is created when it is missing.
    ///
    /// # Errors
    /// When it can't be created or read.
    pub fn open_or_create(path: &Path) -> Result<Folder, ArtifactError> {
        std::fs::create_dir_all(path)?;
        let store = LocalFileSystem::new_with_prefix(path)?.with_fsync(true);
        Ok(Folder { store: Arc::new(store), path: path.to_owned() })
    }

    /// Where it is, in the operator's words.
    pub fn describe(&self) -> String {
        format!("the folder {}", self.path.display())
    }

    /// Where the file of a key is.
    pub fn path(&self, key: &Key) -> Result<PathBuf, ArtifactError> {
        Ok(self.store.path_to_filesystem(key)?)
    }

    /// Moves a file in. However long that takes: between file systems it is
    /// copied, and only the caller knows how large it may be.
    pub async fn put(&self, key: &Key, from: &Path) -> Result<u64, ArtifactError> {
        let target = self.path(key)?;
        let from = from.to_owned();
        let moved = tokio::task::spawn_blocking(move || move_durably(&from, &target));
        Ok(moved.await.map_err(io::Error::other).flatten()?)
    }

    /// Writes a few bytes, durably.
    pub async fn write(&self, key: &Key, bytes: Bytes) -> Result<(), ArtifactError> {
        in_time("writing a file", self.store.put(key, bytes.into())).await??;
        Ok(())
    }

    pub async fn open(&self, key: &Key) -> Result<Option<Artifact>, ArtifactError> {
        let found = match in_time("opening a file", self.store.get(key)).await? {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let meta = found.meta;
        let GetResultPayload::File(file, _) = found.payload else {
            return Err(io::Error::other("the folder answered with no file").into());
        };
        let etag = meta.e_tag.unwrap_or_else(|| {
            format!("\"{:x}-{:x}\"", meta.last_modified.timestamp_micros(), meta.size)
        });
        Ok(Some(Artifact { size: meta.size, etag, content: Box::new(OpenFile(file)) }))
    }

    pub async fn delete(&self, key: &Key) -> Result<(), ArtifactError> {
        match in_time("removing a file", self.store.delete(key)).await? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub fn keys(&self) -> BoxStream<'static, Result<Stored, ArtifactError>> {
        self.store
            .list(None)
            .map_ok(|meta| Stored { key: meta.location.into(), changed: meta.last_modified })
            .map_err(ArtifactError::from)
            .boxed()
    }
}

/// A file of the folder, open for reading.
#[derive(Debug)]
struct OpenFile(std::fs::File);

impl ReadRange for OpenFile {
    fn read(self: Box<Self>, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let state = (Arc::new(self.0), range.start);
        futures_util::stream::try_unfold(state, move |(file, offset)| async move {
            if offset >= range.end {
                return Ok(None);
            }
            let reader = Arc::clone(&file);
            // At most PIECE, so the cast is exact.
            let length = (range.end - offset).min(PIECE) as usize;
            let reading = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; length];
                reader.read_exact_at(&mut piece, offset).map(|()| Bytes::from(piece))
            });
            let piece = in_time("reading a file", reading).await.map_err(io::Error::other)?;
            let piece = piece.map_err(io::Error::other)??;
            let next = offset + piece.len() as u64;
            Ok(Some((piece, (file, next))))
        })
        .boxed()
    }
}

/// Waits for an operation in a folder.
///
/// # Errors
/// When it takes longer than [`DEADLINE`].
pub(super) async fn in_time<T>(
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, ArtifactError> {
    tokio::time::timeout(DEADLINE, work).await.map_err(|_| ArtifactError::late(what))
}

/// Moves a file so that after a loss of power there is either the old target
/// or the whole new one. Between file systems it is copied beside the target
/// first; what a crash leaves of such a copy is listed as a key of its own,
/// which starts like the target's.
fn move_durably(from: &Path, target: &Path) -> io::Result<u64> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let mut file = std::fs::File::open(from)?;
    let meta = file.metadata()?;
    file.sync_all()?;
    match std::fs::rename(from, target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let name = target.file_name().unwrap_or_default().to_string_lossy();
            let mut copy = tempfile::Builder::new()
                .prefix(&format!("{name}.part-"))
                .permissions(meta.permissions())
                .tempfile_in(folder)?;
            io::copy(&mut file, copy.as_file_mut())?;
            copy.as_file().sync_all()?;
            copy.persist(target).map_err(|error| error.error)?;
            std::fs::remove_file(from)?;
        }
        Err(error) => return Err(error),
    }
    std::fs::File::open(folder)?.sync_all()?;
    Ok(meta.len())
}
