//! The file that a codec fills.

use std::io;
use std::path::{Path, PathBuf};

use clipmill_core::{Code, Error};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::workspace;

/// After how many bytes the room on the disk is looked at again.
const LOOK: u64 = 16 << 20;

/// A growing file. It is removed when it is dropped before [`Sink::keep`].
pub(super) struct Sink {
    file: File,
    path: PathBuf,
    written: u64,
    looked: u64,
    most: u64,
    is_kept: bool,
}

impl Sink {
    /// A file that is not there yet and has at most so many bytes.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub async fn create(path: &Path, most: u64) -> Result<Sink, Error> {
        let file = File::create_new(path).await.map_err(|error| workspace::explain(&error))?;
        let path = path.to_path_buf();
        Ok(Sink { file, path, written: 0, looked: 0, most, is_kept: false })
    }

    /// Appends.
    ///
    /// # Errors
    /// `too_large`, `disk_full` or `internal`.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let length = bytes.len() as u64;
        if length == 0 {
            return Ok(());
        }
        let written = self.written.saturating_add(length);
        if written > self.most {
            return Err(Error::never(Code::TooLarge, "the result is larger than is allowed"));
        }
        if written >= self.looked {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            workspace::room_for(folder, length)?;
            self.looked = written.saturating_add(LOOK);
        }
        self.file.write_all(bytes).await.map_err(|error| workspace::explain(&error))?;
        self.written = written;
        Ok(())
    }

    /// Ends the file. Answers its size.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub async fn end(&mut self) -> Result<u64, Error> {
        self.file.flush().await.map_err(|error| workspace::explain(&error))?;
        Ok(self.written)
    }

    /// The file stays.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a half-made file could not be removed");
        }
    }
}
