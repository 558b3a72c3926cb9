//! What a download is: bytes of a remote file, and where they are written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clipmill_core::disk::file_error;
use clipmill_core::{ByteRange, Code, Error, lock};

use super::origin::FileOrigin;

/// A range of a remote file, and where it is written.
pub struct RangeDownload<'a> {
    /// The file, which must be pinned to a version.
    pub origin: &'a FileOrigin,
    /// The bytes in the remote file.
    pub source: ByteRange,
    /// Where they are written.
    pub sink: DownloadSink,
    /// The place of the first one there.
    pub target_offset: u64,
}

impl<'a> RangeDownload<'a> {
    /// All of a file of unknown size, which is not pinned yet.
    pub fn unsized_file(origin: &'a FileOrigin, sink: DownloadSink) -> RangeDownload<'a> {
        let source = ByteRange { offset: 0, len: 0 };
        RangeDownload { origin, source, sink, target_offset: 0 }
    }
}

/// Takes bytes of a download in any order.
#[derive(Debug, Clone)]
pub enum DownloadSink {
    /// A file, which grows as needed.
    File(Arc<File>),
    /// A buffer that is large enough from the start.
    Memory(Arc<Mutex<Vec<u8>>>),
}

impl DownloadSink {
    /// Writes bytes to their place.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub async fn write_at(&self, bytes: Bytes, offset: u64) -> Result<(), Error> {
        match self {
            DownloadSink::File(file) => {
                let file = Arc::clone(file);
                let write = move || file.write_all_at(&bytes, offset);
                let written = tokio::task::spawn_blocking(write).await;
                written.map_err(io::Error::other).flatten().map_err(file_error)
            }
            DownloadSink::Memory(buffer) => {
                let mut buffer = lock(buffer);
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let place = buffer
                    .get_mut(start..start.saturating_add(bytes.len()))
                    .ok_or_else(|| Error::never(Code::Internal, "bytes came that have no place"))?;
                place.copy_from_slice(&bytes);
                Ok(())
            }
        }
    }

    /// Drops what was written beyond this length.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub(super) fn truncate(&self, len: u64) -> Result<(), Error> {
        match self {
            DownloadSink::File(file) => file.set_len(len).map_err(file_error),
            // A buffer keeps its length.
            DownloadSink::Memory(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[tokio::test]
    async fn bytes_land_at_their_place() {
        let buffer = Arc::new(Mutex::new(vec![0; 4]));
        let sinks = [
            DownloadSink::Memory(Arc::clone(&buffer)),
            DownloadSink::File(Arc::new(tempfile::tempfile().unwrap())),
        ];
        for sink in &sinks {
            sink.write_at(Bytes::from_static(b"cd"), 2).await.unwrap();
            sink.write_at(Bytes::from_static(b"ab"), 0).await.unwrap();
        }
        assert_eq!(*lock(&buffer), b"abcd");
        assert!(sinks[0].write_at(Bytes::from_static(b"xy"), 3).await.is_err());
        let DownloadSink::File(file) = &sinks[1] else { return };
        let mut read = [0; 4];
        file.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(read, *b"abcd");
        sinks[1].truncate(3).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3);
    }
}
