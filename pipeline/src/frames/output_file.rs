//! The file that a codec fills.

use std::io;
use std::path::{Path, PathBuf};

use clipmill_core::disk::file_error;
use clipmill_core::{Code, Error};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::workspace;

/// After how many bytes the free space on the disk is checked again.
const SPACE_CHECK_BYTES: u64 = 16 << 20;

/// A growing file. It is removed when it is dropped before [`OutputFile::keep`].
pub(super) struct OutputFile {
    file: File,
    path: PathBuf,
    written: u64,
    /// From how many bytes on the free space has to be checked.
    checked_until: u64,
    max_bytes: u64,
    is_kept: bool,
}

impl OutputFile {
    /// Creates a file that is not there yet and gets at most so many bytes.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub async fn create(path: &Path, max_bytes: u64) -> Result<OutputFile, Error> {
        let file = File::create_new(path).await.map_err(file_error)?;
        let path = path.to_path_buf();
        Ok(OutputFile { file, path, written: 0, checked_until: 0, max_bytes, is_kept: false })
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
        if written > self.max_bytes {
            return Err(Error::never(Code::TooLarge, "the result is larger than is allowed"));
        }
        if written >= self.checked_until {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            workspace::room_for(folder, length)?;
            self.checked_until = written.saturating_add(SPACE_CHECK_BYTES);
        }
        self.file.write_all(bytes).await.map_err(file_error)?;
        self.written = written;
        Ok(())
    }

    /// Completes the file and returns its size in bytes.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub async fn finish(&mut self) -> Result<u64, Error> {
        self.file.flush().await.map_err(file_error)?;
        Ok(self.written)
    }

    /// The file stays.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a half-made file could not be removed");
        }
    }
}
