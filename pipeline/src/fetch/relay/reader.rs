//! Reads a range of a remote file for the relay: over one connection at a time, in
//! requests that are short at first, because ffmpeg may jump away.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use clipmill_core::{ByteRange, Error};
use futures_util::Stream;

use crate::fetch::transfer::{FailureStreak, LONGEST_REQUEST, RangeStream, RemoteFile};

/// The first request of a reader, bytes; each further one is twice as long.
const FIRST_REQUEST: u64 = 128 * 1024;
/// How much of what is kept is handed out at once, bytes.
const CACHED_PART: u64 = 256 * 1024;

/// The bytes of a range, as they arrive. An error ends the stream and can be had
/// from [`RemoteFile::failure`].
pub(super) fn read_range(
    file: &Arc<RemoteFile>,
    range: ByteRange,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let reader = RangeReader {
        file: Arc::clone(file),
        left: ByteRange::between(range.offset, range.end().min(file.size)),
        next_request: FIRST_REQUEST,
        stream: None,
        failures: FailureStreak::default(),
    };
    futures_util::stream::try_unfold(reader, |mut reader| async move {
        match reader.next().await {
            Ok(Some(bytes)) => Ok(Some((bytes, reader))),
            Ok(None) => Ok(None),
            Err(error) => {
                let code = io::Error::other(error.code.as_str());
                reader.file.fail(error);
                Err(code)
            }
        }
    })
}

struct RangeReader {
    file: Arc<RemoteFile>,
    /// What was not read yet.
    left: ByteRange,
    /// Length of the next request.
    next_request: u64,
    /// The open request.
    stream: Option<RangeStream>,
    failures: FailureStreak,
}

impl RangeReader {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while !self.left.is_empty() {
            let part = ByteRange { len: self.left.len.min(CACHED_PART), ..self.left };
            if let Some(bytes) = self.file.cached(part) {
                self.left = self.left.skip(bytes.len() as u64);
                self.stream = None;
                return Ok(Some(bytes));
            }
            let request = ByteRange { len: self.left.len.min(self.next_request), ..self.left };
            let stream = self.stream.get_or_insert_with(|| {
                self.next_request = (self.next_request * 2).min(LONGEST_REQUEST);
                RangeStream::new(request)
            });
            match stream.next(&self.file.origin).await {
                Ok(Some(bytes)) => {
                    self.file.cache_start(self.left.offset, &bytes);
                    self.left = self.left.skip(bytes.len() as u64);
                    self.failures.reset();
                    return Ok(Some(bytes));
                }
                Ok(None) => self.stream = None,
                Err(error) => {
                    self.stream = None;
                    self.failures.wait_after(error).await?;
                }
            }
        }
        Ok(None)
    }
}
