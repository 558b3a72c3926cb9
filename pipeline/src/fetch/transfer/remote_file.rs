//! One remote file, of which any part can be had.
//!
//! Its beginning is kept, because everybody who reads a file begins there, and
//! a little of what was read last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::net::Response;
use clipmill_core::{Code, Error};
use clipmill_media::ReadAt;

use crate::fetch::context::Means;
use crate::fetch::transfer::download::{Need, Sink, gather};
use crate::fetch::transfer::origin::{Address, Renew, Version};
use crate::fetch::transfer::range_request::{Remote, tag};
use crate::fetch::transfer::range_stream::{Line, raced};
use crate::fetch::transfer::retry::pause;

/// First bytes of a file, which are read at once.
pub(crate) const HEAD: u64 = 256 * 1024;
/// How much of the beginning of a file is kept at most, bytes.
const KEPT: usize = 4 * 1024 * 1024;
/// What is read at least, bytes: whoever reads a little reads on.
const LEAST: u64 = 16 * 1024;
/// How many of the latest short reads are kept.
const LATEST: usize = 8;
/// The longest read, bytes.
const LONGEST_READ: usize = 256 * 1024 * 1024;

/// A file that is served in parts.
pub(crate) struct Upstream {
    /// Where it is.
    pub address: Address,
    /// Bytes of the whole file.
    pub size: u64,
    /// The first bytes.
    pub head: Bytes,
    kept: Mutex<Kept>,
    failure: Mutex<Option<Error>>,
}

/// What was read already.
struct Kept {
    /// The beginning, in one piece.
    start: Vec<u8>,
    /// Other places and their bytes, the latest last.
    latest: VecDeque<(u64, Bytes)>,
}

/// How a server answered.
pub(crate) enum Opened {
    /// It serves parts.
    Ranged(Arc<Upstream>),
    /// It sends the whole file or nothing.
    Whole(Box<Response>),
}

impl Upstream {
    /// Asks for the first bytes, `head` of them or all that there are.
    ///
    /// # Errors
    /// Those of sources.
    pub async fn open(
        means: Arc<Means>,
        remote: Remote,
        renew: Renew,
        head: u64,
    ) -> Result<Opened, Error> {
        let address = Address::new(means, remote, renew);
        let most = head.max(1);
        let response = first(&address, most).await?;
        if response.status() == 200 {
            return Ok(Opened::Whole(Box::new(response)));
        }
        let Some((0, _, Some(size))) = response.content_range() else {
            return Err(Error::never(
                Code::SourceFailed,
                "the server does not tell the file's size",
            ));
        };
        let version = Version { size, tag: tag(&response), head: Bytes::new() };
        address.pin(version);
        let head = start(&address, response, most.min(size)).await?;
        address.begins(head.clone());
        let kept = Kept { start: head.to_vec(), latest: VecDeque::new() };
        let (kept, failure) = (Mutex::new(kept), Mutex::new(None));
        Ok(Opened::Ranged(Arc::new(Upstream { address, size, head, kept, failure })))
    }

    /// Why reading failed, if it did.
    pub fn failure(&self) -> Option<Error> {
        lock(&self.failure).clone()
    }

    /// Says why reading failed; the first reason stays.
    pub fn fail(&self, error: Error) {
        lock(&self.failure).get_or_insert(error);
    }

    /// The first of the bytes `from..to`, when they are kept: some or all.
    pub fn kept(&self, from: u64, to: u64) -> Option<Bytes> {
        lock(&self.kept).find(from, to)
    }

    /// Keeps bytes that continue what is kept of the beginning.
    pub fn keep_start(&self, from: u64, bytes: &[u8]) {
        lock(&self.kept).lengthen(from, bytes);
    }

    async fn read(&self, from: u64, length: usize) -> Result<Bytes, Error> {
        let end = from.saturating_add(length as u64);
        let mut bytes = Vec::new();
        while let Some(more) = self.kept(from + bytes.len() as u64, end) {
            if more.len() == length {
                return Ok(more);
            }
            bytes.extend_from_slice(&more);
        }
        let missing = from + bytes.len() as u64;
        if missing < end {
            let ahead = missing.saturating_add(LEAST).max(end).min(self.size);
            let rest = self.collect(missing, ahead).await?;
            lock(&self.kept).add(missing, &rest);
            bytes.extend_from_slice(&rest);
            bytes.truncate(length);
        }
        Ok(bytes.into())
    }

    /// The bytes `from..to`, anew.
    async fn collect(&self, from: u64, to: u64) -> Result<Bytes, Error> {
        let length = to.saturating_sub(from);
        let room = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let buffer = Arc::new(Mutex::new(room));
        let sink = Sink::Memory(Arc::clone(&buffer));
        let need = Need { address: &self.address, from, length, sink, place: 0 };
        gather(&self.address.means, &[need]).await?;
        let bytes = std::mem::take(&mut *lock(&buffer));
        Ok(bytes.into())
    }
}

#[async_trait]
impl ReadAt for Upstream {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, clipmill_media::Error> {
        if from.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(clipmill_media::Error::read("the file ends too early"));
        }
        if length > LONGEST_READ {
            return Err(clipmill_media::Error::too_large("too much would be read at once"));
        }
        self.read(from, length).await.map_err(|error| {
            let told = clipmill_media::Error::read(error.code.as_str());
            self.fail(error);
            told
        })
    }
}

impl Kept {
    fn find(&self, from: u64, to: u64) -> Option<Bytes> {
        let part = |first: u64, bytes: &[u8]| {
            let skip = usize::try_from(from.checked_sub(first)?).ok()?;
            let most = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
            let rest = bytes.get(skip..).filter(|rest| !rest.is_empty() && most > 0)?;
            Some((skip, rest.len().min(most)))
        };
        if let Some((skip, length)) = part(0, &self.start) {
            return self.start.get(skip..skip + length).map(Bytes::copy_from_slice);
        }
        let found = |(first, bytes): &(u64, Bytes)| {
            part(*first, bytes).map(|(skip, length)| bytes.slice(skip..skip + length))
        };
        self.latest.iter().rev().find_map(found)
    }

    fn add(&mut self, from: u64, bytes: &Bytes) {
        let goes_on = self.start.len() as u64 == from;
        self.lengthen(from, bytes);
        if !goes_on && bytes.len() as u64 <= 2 * LEAST {
            if self.latest.len() >= LATEST {
                self.latest.pop_front();
            }
            self.latest.push_back((from, bytes.clone()));
        }
    }

    fn lengthen(&mut self, from: u64, bytes: &[u8]) {
        if self.start.len() as u64 == from && self.start.len() < KEPT {
            let room = KEPT - self.start.len();
            self.start.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        }
    }
}

/// The answer to the first request.
async fn first(address: &Address, most: u64) -> Result<Response, Error> {
    let ask = || address.open(0, most - 1);
    let mut failures = 0;
    loop {
        address.means.lanes.calm().await;
        match raced(ask(), ask, address).await {
            Ok(response) => return Ok(response),
            Err(error) => pause(&error, failures).await?,
        }
        failures += 1;
    }
}

/// The first bytes, up to `end`.
async fn start(address: &Address, response: Response, end: u64) -> Result<Bytes, Error> {
    let mut line = Line::of(response, 0, end);
    let (mut head, mut failures) = (Vec::new(), 0);
    loop {
        match line.next(address).await {
            Ok(Some(bytes)) => {
                head.extend_from_slice(&bytes);
                failures = 0;
            }
            Ok(None) => return Ok(head.into()),
            Err(error) => {
                pause(&error, failures).await?;
                failures += 1;
                line = Line::new(head.len() as u64, end);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_found_again() {
        let mut kept = Kept { start: b"0123".to_vec(), latest: VecDeque::new() };
        kept.add(4, &Bytes::from_static(b"45"));
        kept.add(20, &Bytes::from_static(b"abcd"));
        let find = |from, to| kept.find(from, to).map(|bytes| bytes.to_vec());
        assert_eq!(find(2, 5), Some(b"234".to_vec()));
        assert_eq!(find(4, 99), Some(b"45".to_vec()));
        assert_eq!(find(21, 23), Some(b"bc".to_vec()));
        for (from, to) in [(6, 9), (19, 22), (24, 30), (2, 2)] {
            assert_eq!(find(from, to), None, "{from} {to}");
        }
    }
}
