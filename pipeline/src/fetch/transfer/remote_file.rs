//! A remote file of known size, of which any range can be read.
//!
//! Its first bytes are kept, because all who read a file start there, and a little
//! of what was read last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clipmill_core::net::Response;
use clipmill_core::{ByteRange, Error, lock};

use super::context::TransferContext;
use super::download::download;
use super::origin::{FileOrigin, RenewAddress};
use super::range_download::{DownloadSink, RangeDownload};
use super::range_request::RemoteAddress;
use super::range_stream::{RangeStream, race_when_silent};
use super::retry::{FailureStreak, retry};

/// How much of the start of a file is kept at most, bytes.
const MAX_START: usize = 4 * 1024 * 1024;
/// The least that is requested, bytes: a short read is followed by others.
const LEAST_REQUEST: u64 = 16 * 1024;
/// How many of the latest short reads are kept.
const MAX_LATEST: usize = 8;

/// A file whose server serves ranges.
pub struct RemoteFile {
    /// Where its bytes come from.
    pub origin: FileOrigin,
    /// Bytes of the whole file.
    pub size: u64,
    /// The first bytes.
    pub head: Bytes,
    cache: Mutex<ReadCache>,
    failure: Mutex<Option<Error>>,
}

/// How a server answered the first request.
pub enum OpenedFile {
    /// It serves ranges.
    Ranged(Arc<RemoteFile>),
    /// It sends the whole file or nothing.
    Whole(Box<Response>),
}

impl RemoteFile {
    /// Requests the first `head` bytes, or all that there are.
    ///
    /// # Errors
    /// Those of sources.
    pub async fn open(
        transfer: Arc<TransferContext>,
        address: RemoteAddress,
        renew: RenewAddress,
        head: u64,
    ) -> Result<OpenedFile, Error> {
        let origin = FileOrigin::new(transfer, address, renew);
        let range = ByteRange { offset: 0, len: head.max(1) };
        let response = request_first(&origin, range).await?;
        if response.status() == 200 {
            return Ok(OpenedFile::Whole(Box::new(response)));
        }
        let size = origin.pin(&response)?;
        let head = read_head(&origin, response, range.len.min(size)).await?;
        origin.pin_head(head.clone());
        let cache = Mutex::new(ReadCache { start: head.to_vec(), latest: VecDeque::new() });
        let failure = Mutex::new(None);
        Ok(OpenedFile::Ranged(Arc::new(RemoteFile { origin, size, head, cache, failure })))
    }

    /// Why reading failed, if it did.
    pub fn failure(&self) -> Option<Error> {
        lock(&self.failure).clone()
    }

    /// Notes why reading failed; the first reason stays.
    pub fn fail(&self, error: Error) {
        lock(&self.failure).get_or_insert(error);
    }

    /// Bytes from the start of a range that are kept: some or all; none when the
    /// first one is not.
    pub fn cached(&self, range: ByteRange) -> Option<Bytes> {
        lock(&self.cache).find(range)
    }

    /// Keeps bytes that continue what is kept of the file's start.
    pub fn cache_start(&self, offset: u64, bytes: &[u8]) {
        lock(&self.cache).extend_start(offset, bytes);
    }

    /// The bytes of a range, which must lie within the file.
    ///
    /// # Errors
    /// Those of sources; `too_large`.
    pub async fn read(&self, range: ByteRange) -> Result<Bytes, Error> {
        let mut bytes = Vec::new();
        let mut missing = range;
        while let Some(cached) = self.cached(missing) {
            if cached.len() as u64 == range.len {
                return Ok(cached);
            }
            bytes.extend_from_slice(&cached);
            missing = missing.skip(cached.len() as u64);
        }
        if !missing.is_empty() {
            let least = missing.offset.saturating_add(LEAST_REQUEST).min(self.size);
            let requested = ByteRange::between(missing.offset, missing.end().max(least));
            let rest = self.download(requested).await?;
            lock(&self.cache).insert(requested.offset, &rest);
            bytes.extend_from_slice(&rest);
            bytes.truncate(usize::try_from(range.len).unwrap_or(usize::MAX));
        }
        Ok(bytes.into())
    }

    async fn download(&self, source: ByteRange) -> Result<Bytes, Error> {
        let buffer = vec![0; usize::try_from(source.len).unwrap_or(usize::MAX)];
        let buffer = Arc::new(Mutex::new(buffer));
        let sink = DownloadSink::Memory(Arc::clone(&buffer));
        let range = RangeDownload { origin: &self.origin, source, sink, target_offset: 0 };
        download(&self.origin.transfer, &[range], &|_| {}).await?;
        let bytes = std::mem::take(&mut *lock(&buffer));
        Ok(bytes.into())
    }
}

/// What was read already.
struct ReadCache {
    /// The file's start, in one piece.
    start: Vec<u8>,
    /// Other offsets and their bytes, the latest last.
    latest: VecDeque<(u64, Bytes)>,
}

impl ReadCache {
    fn find(&self, range: ByteRange) -> Option<Bytes> {
        if let Some(place) = overlap(0, self.start.len(), range) {
            return self.start.get(place).map(Bytes::copy_from_slice);
        }
        let found = |(offset, bytes): &(u64, Bytes)| {
            overlap(*offset, bytes.len(), range).map(|place| bytes.slice(place))
        };
        self.latest.iter().rev().find_map(found)
    }

    fn insert(&mut self, offset: u64, bytes: &Bytes) {
        let continues_start = self.start.len() as u64 == offset;
        self.extend_start(offset, bytes);
        if !continues_start && bytes.len() as u64 <= 2 * LEAST_REQUEST {
            if self.latest.len() >= MAX_LATEST {
                self.latest.pop_front();
            }
            self.latest.push_back((offset, bytes.clone()));
        }
    }

    fn extend_start(&mut self, offset: u64, bytes: &[u8]) {
        if self.start.len() as u64 == offset && self.start.len() < MAX_START {
            let room = MAX_START - self.start.len();
            self.start.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        }
    }
}

/// Where the first bytes of `range` are in a buffer of `len` bytes that lie at
/// `offset` in the file; none when the very first one is not in it.
fn overlap(offset: u64, len: usize, range: ByteRange) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(range.offset.checked_sub(offset)?).ok()?;
    let most = usize::try_from(range.len).unwrap_or(usize::MAX);
    let end = start.saturating_add(most).min(len);
    (start < end).then_some(start..end)
}

/// The response to the first request.
async fn request_first(origin: &FileOrigin, range: ByteRange) -> Result<Response, Error> {
    let request = || origin.request(range);
    retry(|| async {
        origin.transfer.connections.wait_while_paused().await;
        race_when_silent(request(), request, origin.transfer.stall).await
    })
    .await
}

/// The first `len` bytes.
async fn read_head(origin: &FileOrigin, response: Response, len: u64) -> Result<Bytes, Error> {
    let mut stream = RangeStream::with_response(response, ByteRange { offset: 0, len });
    let (mut head, mut failures) = (Vec::new(), FailureStreak::default());
    loop {
        match stream.next(origin).await {
            Ok(Some(bytes)) => {
                head.extend_from_slice(&bytes);
                failures.reset();
            }
            Ok(None) => return Ok(head.into()),
            Err(error) => failures.wait_after(error).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_found_again() {
        let mut cache = ReadCache { start: b"0123".to_vec(), latest: VecDeque::new() };
        cache.insert(4, &Bytes::from_static(b"45"));
        cache.insert(20, &Bytes::from_static(b"abcd"));
        let find =
            |start, end| cache.find(ByteRange::between(start, end)).map(|bytes| bytes.to_vec());
        assert_eq!(find(2, 5), Some(b"234".to_vec()));
        assert_eq!(find(4, 99), Some(b"45".to_vec()));
        assert_eq!(find(21, 23), Some(b"bc".to_vec()));
        for (start, end) in [(6, 9), (19, 22), (24, 30), (2, 2)] {
            assert_eq!(find(start, end), None, "{start} {end}");
        }
    }
}
