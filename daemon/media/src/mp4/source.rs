//! Reading the index of a file: few requests, nothing twice, and never more
//! than a bound. What the bytes mean is no matter here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::future::try_join_all;

use super::boxes::Header;
use crate::{Error, ReadAt};

/// Most bytes of one request; more become several at the same time.
const REQUEST: u64 = 2 << 20;

/// A file whose index is read.
pub(crate) struct Source<'a> {
    file: &'a dyn ReadAt,
    kept: Mutex<BTreeMap<u64, Bytes>>,
    left: AtomicU64,
}

impl<'a> Source<'a> {
    /// A file of which at most `bound` bytes may be read.
    pub fn new(file: &'a dyn ReadAt, bound: u64) -> Source<'a> {
        Source { file, kept: Mutex::default(), left: AtomicU64::new(bound) }
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Exactly these bytes; those that were read before are not read again.
    pub async fn get(&self, from: u64, length: u64) -> Result<Bytes, Error> {
        let end = self.end(from, length)?;
        if let Some(have) = self.kept(from).filter(|have| have.len() as u64 >= length) {
            return Ok(have.slice(..length as usize));
        }
        let mut missing = Vec::new();
        let mut at = from;
        while at < end {
            if let Some(have) = self.kept(at) {
                at += have.len() as u64;
                continue;
            }
            let until = self.next_kept(at).unwrap_or(end).min(end).min(at + REQUEST);
            missing.push((at, until - at));
            at = until;
        }
        let read = missing.iter().map(|(at, length)| self.fresh(*at, *length));
        let read = try_join_all(read).await?;
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for ((at, _), bytes) in missing.iter().zip(read) {
                kept.insert(*at, bytes);
            }
        }
        let mut all: Option<BytesMut> = None;
        let mut at = from;
        while at < end {
            // What was read meanwhile for somebody else may lie in between, but
            // every byte is there now.
            let have = self.kept(at).ok_or_else(|| Error::read("bytes were lost"))?;
            let have = have.slice(..have.len().min((end - at) as usize));
            if at == from && have.len() as u64 == length {
                return Ok(have);
            }
            at += have.len() as u64;
            all.get_or_insert_with(|| BytesMut::with_capacity(length as usize))
                .extend_from_slice(&have);
        }
        Ok(all.unwrap_or_default().freeze())
    }

    /// At least so many bytes, if there are. If they have to be read, `window`
    /// bytes are.
    pub async fn peek(&self, from: u64, least: u64, window: u64) -> Result<Bytes, Error> {
        let room = self.size().saturating_sub(from);
        let least = least.min(room);
        match self.kept(from) {
            Some(have) if have.len() as u64 >= least => Ok(have),
            _ => self.get(from, window.max(least).min(room)).await,
        }
    }

    /// The header of a box that may take `room` bytes.
    pub async fn header(&self, from: u64, room: u64, window: u64) -> Result<Header, Error> {
        Header::read(&self.peek(from, 16.min(room), window.min(room)).await?, room)
    }

    /// Exactly these bytes, which are not kept.
    pub async fn fresh(&self, from: u64, length: u64) -> Result<Bytes, Error> {
        self.end(from, length)?;
        let spend = |left: u64| left.checked_sub(length);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_err() {
            return Err(Error::too_large("the index of the file is too large"));
        }
        let bytes = self.file.read_at(from, length as usize).await?;
        if bytes.len() as u64 != length {
            return Err(Error::read("fewer bytes were read than asked for"));
        }
        Ok(bytes)
    }

    fn end(&self, from: u64, length: u64) -> Result<u64, Error> {
        from.checked_add(length)
            .filter(|end| *end <= self.size() && usize::try_from(length).is_ok())
            .ok_or_else(|| Error::damaged("the file ends too early"))
    }

    /// What was read from here on.
    fn kept(&self, from: u64) -> Option<Bytes> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, bytes) = kept.range(..=from).next_back()?;
        let skip = usize::try_from(from - start).ok()?;
        (skip < bytes.len()).then(|| bytes.slice(skip..))
    }

    fn next_kept(&self, from: u64) -> Option<u64> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.range(from..).next().map(|(start, _)| *start)
    }
}
