//! Reading the index of a file: few requests, nothing twice, and never more
//! than a bound. What the bytes mean is no matter here.

use std::collections::BTreeMap;
use std::mem::take;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, Shared, poll_fn, try_join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};

use super::boxes::Header;
use crate::{Error, ReadAt};

/// Most bytes of one request; more become several at the same time.
const REQUEST: u64 = 2 << 20;
/// What is read ahead at least: less takes as long.
const LEAST: u64 = 16 << 10;
/// Fewer bytes than these beside others are not read ahead: a guess of a place
/// may be off by a few.
const SCRAP: u64 = 1 << 10;

/// A file whose index is read.
pub(crate) struct Source<'a> {
    file: &'a dyn ReadAt,
    /// What was read or is being read, by its first byte; none overlap.
    stretches: Mutex<BTreeMap<u64, Stretch<'a>>>,
    /// Those that nobody may be waiting for.
    ahead: Mutex<Vec<Reading<'a>>>,
    left: AtomicU64,
}

/// Bytes that somebody waits for, or several.
type Reading<'a> = Shared<BoxFuture<'a, Result<Bytes, Error>>>;

/// Bytes that are there or on their way.
struct Stretch<'a> {
    length: u64,
    reading: Reading<'a>,
}

impl<'a> Source<'a> {
    /// A file of which at most `bound` bytes may be read.
    pub fn new(file: &'a dyn ReadAt, bound: u64) -> Source<'a> {
        Source {
            file,
            stretches: Mutex::default(),
            ahead: Mutex::default(),
            left: AtomicU64::new(bound),
        }
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Runs what reads from this file, and beside it what is read ahead. What
    /// of that has not come by the end is given up.
    pub async fn along<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut ahead = FuturesUnordered::new();
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            ahead.extend(take(&mut *lock(&self.ahead)));
            while let Poll::Ready(Some(_)) = ahead.poll_next_unpin(context) {}
            Poll::Pending
        })
        .await
    }

    /// Begins to read bytes that will probably be asked for, as far as there
    /// are so many. What goes wrong is told to who asks for them. They come
    /// only while [`Source::along`] runs.
    pub fn ahead(&self, from: u64, length: u64) {
        let end = from.saturating_add(length.max(LEAST)).min(self.size());
        if length == 0 || from >= end {
            return;
        }
        let mut fresh = Vec::new();
        // Beyond the bound nothing is read ahead.
        let _ = self.cover(from, end, SCRAP, &mut fresh);
        lock(&self.ahead).append(&mut fresh);
    }

    /// Exactly these bytes; those that were read before are not read again.
    pub async fn get(&self, from: u64, length: u64) -> Result<Bytes, Error> {
        let end = self.end(from, length)?;
        let stretches = self.cover(from, end, 0, &mut Vec::new())?;
        let Some(&(start, _)) = stretches.first() else { return Ok(Bytes::new()) };
        let read = try_join_all(stretches.into_iter().map(|(_, reading)| reading)).await?;
        let skip = (from - start) as usize;
        if let [one] = &read[..] {
            return Ok(one.slice(skip..skip + length as usize));
        }
        let mut all = BytesMut::with_capacity(length as usize);
        for (at, bytes) in read.iter().enumerate() {
            let bytes = if at == 0 { &bytes[skip..] } else { bytes };
            let missing = length as usize - all.len();
            all.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        }
        Ok(all.freeze())
    }

    /// At least so many bytes, if there are. If they have to be read, `window`
    /// bytes are.
    pub async fn peek(&self, from: u64, least: u64, window: u64) -> Result<Bytes, Error> {
        let room = self.size().saturating_sub(from);
        let least = least.min(room);
        let there = self.here(from).filter(|there| *there >= least);
        self.get(from, there.unwrap_or(window.max(least).min(room))).await
    }

    /// The header of a box that may take `room` bytes.
    pub async fn header(&self, from: u64, room: u64, window: u64) -> Result<Header, Error> {
        Header::read(&self.peek(from, 16.min(room), window.min(room)).await?, room)
    }

    /// The stretches that hold the bytes `from..to` of the file, in order, each
    /// with its first byte. Those that were not there before are begun, unless
    /// they are shorter than `scrap`, and put to `fresh` as well.
    fn cover(
        &self,
        from: u64,
        to: u64,
        scrap: u64,
        fresh: &mut Vec<Reading<'a>>,
    ) -> Result<Vec<(u64, Reading<'a>)>, Error> {
        let mut stretches = lock(&self.stretches);
        let mut found = Vec::new();
        let mut at = from;
        while at < to {
            if let Some((start, stretch)) = holder(&stretches, at) {
                found.push((start, stretch.reading.clone()));
                at = start + stretch.length;
                continue;
            }
            let next = stretches.range(at..).next().map_or(to, |(start, _)| *start);
            let length = next.min(to).min(at + REQUEST) - at;
            if length < scrap {
                at += length;
                continue;
            }
            let spend = |left: u64| left.checked_sub(length);
            if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_err() {
                return Err(Error::too_large("the index of the file is too large"));
            }
            let reading = read(self.file, at, length).boxed().shared();
            fresh.push(reading.clone());
            found.push((at, reading.clone()));
            stretches.insert(at, Stretch { length, reading });
            at += length;
        }
        Ok(found)
    }

    /// Whether a byte is there or on its way.
    pub fn begun(&self, byte: u64) -> bool {
        holder(&lock(&self.stretches), byte).is_some()
    }

    /// How many bytes from here on are there or on their way in one stretch.
    fn here(&self, from: u64) -> Option<u64> {
        let stretches = lock(&self.stretches);
        holder(&stretches, from).map(|(start, stretch)| start + stretch.length - from)
    }

    fn end(&self, from: u64, length: u64) -> Result<u64, Error> {
        from.checked_add(length)
            .filter(|end| *end <= self.size() && usize::try_from(length).is_ok())
            .ok_or_else(|| Error::damaged("the file ends too early"))
    }
}

/// The stretch that holds a byte, and its first one.
fn holder<'s, 'a>(
    stretches: &'s BTreeMap<u64, Stretch<'a>>,
    byte: u64,
) -> Option<(u64, &'s Stretch<'a>)> {
    let (start, stretch) = stretches.range(..=byte).next_back()?;
    (byte - start < stretch.length).then_some((*start, stretch))
}

async fn read(file: &dyn ReadAt, from: u64, length: u64) -> Result<Bytes, Error> {
    let bytes = file.read_at(from, length as usize).await?;
    if bytes.len() as u64 != length {
        return Err(Error::read("fewer bytes were read than asked for"));
    }
    Ok(bytes)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
