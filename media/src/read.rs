//! Reading a file at any place: a local one, one in memory, or a remote one.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::MediaError;

/// A file that can be read at any place.
#[async_trait]
pub trait ReadAt: Send + Sync {
    /// Bytes of the whole file.
    fn size(&self) -> u64;

    /// Exactly the bytes `from..from + length`.
    ///
    /// Each call may be a request over a network: callers ask for what they
    /// need in few calls, and never for more than they would keep.
    ///
    /// # Errors
    /// [`MediaErrorKind::Read`](crate::MediaErrorKind::Read) when they can't be had, also when they
    /// are beyond the end.
    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError>;
}

/// A local file. Reads block for as long as the disk does.
#[derive(Debug, Clone)]
pub struct LocalFile {
    file: Arc<std::fs::File>,
    size: u64,
}

impl LocalFile {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> std::io::Result<LocalFile> {
        let file = std::fs::File::open(path)?;
        let size = file.metadata()?.len();
        Ok(LocalFile { file: Arc::new(file), size })
    }

    /// The same file, as if it ended here.
    pub fn until(self, end: u64) -> LocalFile {
        LocalFile { size: self.size.min(end), ..self }
    }

    /// The open file.
    pub fn file(&self) -> &std::fs::File {
        &self.file
    }
}

#[async_trait]
impl ReadAt for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let end = from.checked_add(length as u64).filter(|end| *end <= self.size);
        if end.is_none() {
            return Err(MediaError::read("the file ends too early"));
        }
        let mut bytes = vec![0; length];
        std::os::unix::fs::FileExt::read_exact_at(&*self.file, &mut bytes, from)
            .map_err(|error| MediaError::read(error.to_string()))?;
        Ok(bytes.into())
    }
}

#[async_trait]
impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let from = usize::try_from(from).ok();
        let range = from.and_then(|from| Some(from..from.checked_add(length)?));
        match range.filter(|range| range.end <= self.len()) {
            Some(range) => Ok(self.slice(range)),
            None => Err(MediaError::read("the file ends too early")),
        }
    }
}
