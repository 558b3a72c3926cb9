//! A file in a store, open for reading.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::bucket::Object;
use super::folder::in_time;

/// Bytes that are read from a disk at a time.
const PIECE: u64 = 128 * 1024;

/// A file in a store. In a folder it can be read to its end even when it is
/// deleted meanwhile; in a bucket as far as the service still has it.
#[derive(Debug)]
pub struct Artifact {
    /// Bytes.
    pub size: u64,
    /// Changes whenever the content does.
    pub etag: String,
    pub(super) bytes: Source,
}

/// Where the bytes are read from.
#[derive(Debug)]
pub(super) enum Source {
    File(std::fs::File),
    Object(Object),
}

impl Artifact {
    /// A part of the file, in bounded pieces. What lies beyond the end of the
    /// file is left out; a file that was cut short is an error.
    pub fn read(self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let range = range.start..range.end.min(self.size);
        match self.bytes {
            Source::File(file) => read_file(file, range),
            Source::Object(object) => object.read(range),
        }
    }
}

fn read_file(file: std::fs::File, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
    let state = (Arc::new(file), range.start);
    futures_util::stream::try_unfold(state, move |(file, at)| async move {
        if at >= range.end {
            return Ok(None);
        }
        let reader = Arc::clone(&file);
        // At most PIECE, so the cast is exact.
        let wanted = (range.end - at).min(PIECE) as usize;
        let reading = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; wanted];
            reader.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
        });
        let piece = in_time("reading a file", reading).await.map_err(io::Error::other)?;
        let piece = piece.map_err(io::Error::other)??;
        let next = at + piece.len() as u64;
        Ok(Some((piece, (file, next))))
    })
    .boxed()
}
