//! Reads the index of a file with few requests, nothing twice, and never more
//! than a bound.
//!
//! Bytes are read for one of two reasons: a reader awaits them, or they are
//! prefetched because a reader will probably ask for them. Both share what is
//! read or on its way.

use std::collections::BTreeMap;
use std::mem::take;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use clipmill_core::lock;
use futures_util::future::{BoxFuture, Shared, poll_fn, try_join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use super::boxes::BoxHeader;
use super::limits;
use crate::{MediaError, ReadAt};

/// A file whose index is read.
pub(crate) struct Mp4Source<'a> {
    file: &'a dyn ReadAt,
    /// What was read or is being read, by its first byte; none overlap.
    stretches: Mutex<BTreeMap<u64, Stretch<'a>>>,
    /// Prefetches that [`Mp4Source::run`] does not poll yet.
    started: Mutex<Vec<SharedRead<'a>>>,
    /// Bytes that may still be read.
    left: AtomicU64,
}

/// A read that several readers may await.
type SharedRead<'a> = Shared<BoxFuture<'a, Result<Bytes, MediaError>>>;

/// Bytes that are there or on their way.
struct Stretch<'a> {
    length: u64,
    read: SharedRead<'a>,
}

/// The stretches that hold a range.
#[derive(Default)]
struct Cover<'a> {
    /// All of them in order, each with its first byte.
    all: Vec<(u64, SharedRead<'a>)>,
    /// Those that were not there before.
    started: Vec<SharedRead<'a>>,
}

impl<'a> Mp4Source<'a> {
    /// A file of which at most `bound` bytes may be read.
    pub fn new(file: &'a dyn ReadAt, bound: u64) -> Mp4Source<'a> {
        Mp4Source {
            file,
            stretches: Mutex::default(),
            started: Mutex::default(),
            left: AtomicU64::new(bound),
        }
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Runs what reads from this file, and the prefetches beside it. Those that
    /// are not done when `work` is are dropped.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut prefetches = FuturesUnordered::new();
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            prefetches.extend(take(&mut *lock(&self.started)));
            while let Poll::Ready(Some(_)) = prefetches.poll_next_unpin(context) {}
            Poll::Pending
        })
        .await
    }

    /// Starts to read bytes that a reader will probably ask for, as far as the
    /// file has them and the bound allows. An error reaches the reader that needs them.
    /// Makes progress only while [`Mp4Source::run`] runs.
    pub fn prefetch(&self, from: u64, length: u64) {
        let end = from.saturating_add(length.max(limits::PREFETCH)).min(self.size());
        if length == 0 || from >= end {
            return;
        }
        let mut cover = Cover::default();
        // Beyond the bound nothing is prefetched.
        let _ = self.cover(from, end, limits::PREFETCH_GAP, &mut cover);
        lock(&self.started).append(&mut cover.started);
    }

    /// Exactly these bytes; those that were read before are not read again.
    pub async fn read(&self, from: u64, length: u64) -> Result<Bytes, MediaError> {
        let end = self.end(from, length)?;
        let mut cover = Cover::default();
        self.cover(from, end, 0, &mut cover)?;
        let Some(&(start, _)) = cover.all.first() else { return Ok(Bytes::new()) };
        let read = try_join_all(cover.all.into_iter().map(|(_, read)| read)).await?;
        let skip = (from - start) as usize;
        if let [one] = &read[..] {
            return Ok(one.slice(skip..skip + length as usize));
        }
        let mut all = BytesMut::with_capacity(length as usize);
        for (number, bytes) in read.iter().enumerate() {
            let bytes = if number == 0 { &bytes[skip..] } else { bytes };
            let missing = length as usize - all.len();
            all.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        }
        Ok(all.freeze())
    }

    /// At least `least` bytes, if the file has them. When they have to be read,
    /// `window` bytes are.
    pub async fn read_at_least(
        &self,
        from: u64,
        least: u64,
        window: u64,
    ) -> Result<Bytes, MediaError> {
        let room = self.size().saturating_sub(from);
        let least = least.min(room);
        let available = self.available(from).filter(|available| *available >= least);
        self.read(from, available.unwrap_or(window.max(least).min(room))).await
    }

    /// The header of a box that may take `room` bytes.
    pub async fn read_header(
        &self,
        from: u64,
        room: u64,
        window: u64,
    ) -> Result<BoxHeader, MediaError> {
        BoxHeader::read(&self.read_at_least(from, 16.min(room), window.min(room)).await?, room)
    }

    /// Finds the stretches that hold the bytes `from..to`, and starts those that
    /// were not there, unless they are shorter than `least`.
    fn cover(
        &self,
        from: u64,
        to: u64,
        least: u64,
        cover: &mut Cover<'a>,
    ) -> Result<(), MediaError> {
        let mut stretches = lock(&self.stretches);
        let mut at = from;
        while at < to {
            if let Some((start, stretch)) = holder(&stretches, at) {
                cover.all.push((start, stretch.read.clone()));
                at = start + stretch.length;
                continue;
            }
            let next = stretches.range(at..).next().map_or(to, |(start, _)| *start);
            let length = next.min(to).min(at + limits::REQUEST) - at;
            if length < least {
                at += length;
                continue;
            }
            let spend = |left: u64| left.checked_sub(length);
            if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_err() {
                return Err(MediaError::too_large("the index of the file is too large"));
            }
            let read = read_exactly(self.file, at, length).boxed().shared();
            cover.started.push(read.clone());
            cover.all.push((at, read.clone()));
            stretches.insert(at, Stretch { length, read });
            at += length;
        }
        Ok(())
    }

    /// Whether a byte is there or on its way.
    pub fn is_requested(&self, byte: u64) -> bool {
        holder(&lock(&self.stretches), byte).is_some()
    }

    /// Bytes from here on that are there or on their way in one stretch.
    fn available(&self, from: u64) -> Option<u64> {
        let stretches = lock(&self.stretches);
        holder(&stretches, from).map(|(start, stretch)| start + stretch.length - from)
    }

    fn end(&self, from: u64, length: u64) -> Result<u64, MediaError> {
        from.checked_add(length)
            .filter(|end| *end <= self.size() && usize::try_from(length).is_ok())
            .ok_or_else(|| MediaError::damaged("the file ends too early"))
    }
}

/// The stretch that holds a byte, and its first byte.
fn holder<'s, 'a>(
    stretches: &'s BTreeMap<u64, Stretch<'a>>,
    byte: u64,
) -> Option<(u64, &'s Stretch<'a>)> {
    let (start, stretch) = stretches.range(..=byte).next_back()?;
    (byte - start < stretch.length).then_some((*start, stretch))
}

async fn read_exactly(file: &dyn ReadAt, from: u64, length: u64) -> Result<Bytes, MediaError> {
    let bytes = file.read_at(from, length as usize).await?;
    if bytes.len() as u64 != length {
        return Err(MediaError::read("fewer bytes were read than asked for"));
    }
    Ok(bytes)
}
