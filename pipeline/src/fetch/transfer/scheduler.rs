//! Which connection downloads which bytes. Pure: the caller passes the time.
//!
//! All downloads together are cut into as many equal chunks as there are
//! connections, and at the ends of files. The first chunk is assigned first,
//! because the start of a file may be of use before the rest is there, then the
//! longest ones. Of a file of unknown size the first response states the size, and
//! is its first chunk. A connection that is done takes the next chunk or, when
//! none is left, so much from the end of the slowest other one's that all are done
//! at the same time.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use clipmill_core::ByteRange;

use super::completion_time::{ConnectionLoad, completion_time};
use super::range_stream::LONGEST_REQUEST;
use super::throughput::Throughput;

/// Bytes for which one more connection pays.
const GRAIN: u64 = 256 * 1024;
/// The least time that taking bytes from another connection must save: its
/// response is cut short by it.
const LEAST_SAVING: Duration = Duration::from_millis(10);

/// Some bytes of one download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DownloadChunk {
    /// Which download.
    pub download: usize,
    /// The bytes that have not arrived, counted from the download's first one.
    pub left: ByteRange,
    /// Failures in a row.
    pub failures: u32,
}

/// The first byte that has not arrived yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FirstMissing {
    /// Of which download.
    pub download: usize,
    /// Counted from the download's first byte.
    pub offset: u64,
}

/// What a connection does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assignment {
    /// It downloads its chunk.
    Transfer,
    /// It opens this download, whose size is unknown.
    Open(usize),
    /// It waits: others download all that is left, and one of them may turn out
    /// slow.
    Wait,
    /// All bytes have arrived.
    Done,
}

/// Assigns the chunks of some downloads to connections.
#[derive(Debug)]
pub(super) struct Scheduler {
    waiting: VecDeque<DownloadChunk>,
    /// Downloads of unknown size.
    unopened: VecDeque<usize>,
    /// Bytes of all downloads that were opened, and how many these are.
    opened: OpenedTotal,
    connections: Vec<ConnectionState>,
}

#[derive(Debug, Default)]
struct OpenedTotal {
    bytes: u64,
    downloads: u64,
}

#[derive(Debug, Default)]
struct ConnectionState {
    chunk: Option<DownloadChunk>,
    /// The download that it opens.
    opening: Option<usize>,
    throughput: Throughput,
    /// Whether the connection runs at all.
    is_running: bool,
}

impl ConnectionState {
    fn current(&self) -> Option<DownloadChunk> {
        self.chunk.filter(|chunk| !chunk.left.is_empty())
    }

    /// Bytes a second: now while it has a chunk, else as it was last.
    fn rate(&self, now: Instant) -> Option<f64> {
        match self.current() {
            Some(_) => self.throughput.rate(now),
            None => self.throughput.last(),
        }
    }
}

/// How many connections pay for so many bytes, at most `most`.
pub(super) fn useful_connections(bytes: u64, most: usize) -> usize {
    usize::try_from(bytes.div_ceil(GRAIN)).unwrap_or(usize::MAX).clamp(1, most.max(1))
}

impl Scheduler {
    /// Cuts downloads of these lengths for so many connections.
    pub fn new(lengths: impl Iterator<Item = u64> + Clone, connections: usize) -> Scheduler {
        let connections = connections.max(1);
        let mut waiting = cut_evenly(lengths, connections);
        if let Some((_, others)) = waiting.split_first_mut() {
            others.sort_by_key(|chunk| Reverse(chunk.left.len));
        }
        Scheduler {
            waiting: waiting.into(),
            unopened: VecDeque::new(),
            opened: OpenedTotal::default(),
            connections: std::iter::repeat_with(Default::default).take(connections).collect(),
        }
    }

    /// Downloads of unknown size: each is opened after all chunks are assigned.
    pub fn open_later(&mut self, downloads: Range<usize>) {
        self.unopened.extend(downloads);
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Assigns work to a connection. `latency` is how long a server takes to
    /// respond.
    pub fn assign(&mut self, connection: usize, now: Instant, latency: Duration) -> Assignment {
        if self.is_done() {
            return Assignment::Done;
        }
        // What it stopped and did not leave to the others is not lost.
        self.put_back(connection);
        if let Some(own) = self.connections.get_mut(connection) {
            own.is_running = true;
        }
        let unopened = if self.waiting.is_empty() { self.unopened.pop_front() } else { None };
        let chunk = match unopened {
            Some(_) => None,
            None => self
                .waiting
                .pop_front()
                .or_else(|| self.take_from_slowest(connection, now, latency)),
        };
        let Some(own) = self.connections.get_mut(connection) else { return Assignment::Done };
        own.opening = unopened;
        let assignment = match (unopened, chunk) {
            (Some(download), _) => Assignment::Open(download),
            (None, Some(_)) => Assignment::Transfer,
            (None, None) => return Assignment::Wait,
        };
        own.chunk = chunk;
        own.throughput.start(now);
        assignment
    }

    /// The download that a connection opens has so many bytes. The first ones are
    /// that connection's chunk; those beyond one request are left to all.
    pub fn opened(&mut self, connection: usize, len: u64) {
        let Some(own) = self.connections.get_mut(connection) else { return };
        let Some(download) = own.opening.take() else { return };
        self.opened.bytes = self.opened.bytes.saturating_add(len);
        self.opened.downloads += 1;
        let mut rest = ByteRange { offset: 0, len };
        while !rest.is_empty() {
            let left = ByteRange { len: rest.len.min(LONGEST_REQUEST), ..rest };
            let chunk = DownloadChunk { download, left, failures: 0 };
            if left.offset == 0 {
                own.chunk = Some(chunk);
            } else {
                self.waiting.push_back(chunk);
            }
            rest = rest.skip(left.len);
        }
    }

    /// What is left of a connection's chunk; it becomes less when another one takes
    /// from it.
    pub fn current(&self, connection: usize) -> Option<DownloadChunk> {
        self.connections.get(connection)?.current()
    }

    /// So many more bytes of a connection's chunk are in their place.
    pub fn advance(&mut self, connection: usize, bytes: u64, now: Instant) {
        let Some(own) = self.connections.get_mut(connection) else { return };
        own.throughput.add(bytes, now);
        if let Some(chunk) = &mut own.chunk {
            chunk.left = chunk.left.skip(bytes);
            chunk.failures = 0;
        }
    }

    /// Counts a failure and returns how many preceded it.
    pub fn failed(&mut self, connection: usize) -> u32 {
        match self.connections.get_mut(connection).and_then(|own| own.chunk.as_mut()) {
            Some(chunk) => {
                chunk.failures += 1;
                chunk.failures - 1
            }
            None => 0,
        }
    }

    /// Leaves a connection's chunk to the others.
    pub fn put_back(&mut self, connection: usize) {
        if let Some(chunk) = self.current(connection) {
            self.waiting.push_front(chunk);
        }
        if let Some(own) = self.connections.get_mut(connection) {
            own.chunk = None;
            own.is_running = false;
            if let Some(download) = own.opening.take() {
                self.unopened.push_front(download);
            }
        }
    }

    /// Whether all bytes have arrived.
    pub fn is_done(&self) -> bool {
        let is_idle = |own: &ConnectionState| own.opening.is_none() && own.current().is_none();
        self.waiting.is_empty() && self.unopened.is_empty() && self.connections.iter().all(is_idle)
    }

    /// The first byte that has not arrived; none when all have.
    pub fn first_missing(&self) -> Option<FirstMissing> {
        let current = self.connections.iter().filter_map(ConnectionState::current);
        let chunks = self.waiting.iter().copied().chain(current);
        let opening = self.connections.iter().filter_map(|own| own.opening);
        let unopened = self.unopened.iter().copied().chain(opening);
        let of_chunks = chunks
            .map(|chunk| FirstMissing { download: chunk.download, offset: chunk.left.offset });
        let of_unopened = unopened.map(|download| FirstMissing { download, offset: 0 });
        of_chunks.chain(of_unopened).min()
    }

    /// Bytes from the end of the chunk that would be complete last, if taking them
    /// pays: so many that all connections are done at the same time when the others
    /// that have less help likewise.
    fn take_from_slowest(
        &mut self,
        taker: usize,
        now: Instant,
        latency: Duration,
    ) -> Option<DownloadChunk> {
        let latency = latency.as_secs_f64();
        // A connection that was not measured yet is as fast as the fastest one.
        let fastest = self.connections.iter().filter_map(|own| own.rate(now)).reduce(f64::max)?;
        // What is being opened is as long as others were.
        let expected = self.opened.bytes.checked_div(self.opened.downloads).unwrap_or(0);
        let load = |own: &ConnectionState| {
            let left = own.current().map_or(0, |chunk| chunk.left.len);
            let bytes = if own.opening.is_some() { expected } else { left } as f64;
            ConnectionLoad { bytes, rate: own.rate(now).unwrap_or(fastest).max(1.0) }
        };
        let running = self.connections.iter().filter(|own| own.is_running);
        let done_in = completion_time(&running.map(load).collect::<Vec<_>>(), latency);
        let own = load(self.connections.get(taker)?);
        let others = self.connections.iter_mut().enumerate().filter(|(other, _)| *other != taker);
        // Nothing is taken before it was measured how fast it arrives.
        let measured = others
            .map(|(_, other)| other)
            .filter(|other| other.current().is_some() && other.rate(now).is_some());
        let (slowest, victim) = measured
            .map(|other| (load(other), other))
            .max_by(|(a, _), (b, _)| a.seconds().total_cmp(&b.seconds()))?;
        if slowest.seconds() - done_in < LEAST_SAVING.as_secs_f64().max(latency / 4.0) {
            return None;
        }
        // When these two alone would be done; the others may not have to help.
        let both_done_in = (slowest.bytes + own.rate * latency) / (slowest.rate + own.rate);
        let most = own.rate * (done_in - latency);
        let taken = most.min(slowest.bytes - slowest.rate * done_in.min(both_done_in));
        let chunk = victim.chunk.as_mut()?;
        // A cast of a float saturates.
        let kept = chunk.left.len.saturating_sub(taken as u64);
        let stolen = DownloadChunk { left: chunk.left.skip(kept), failures: 0, ..*chunk };
        chunk.left.len = kept;
        Some(stolen).filter(|stolen| !stolen.left.is_empty())
    }
}

/// Chunks of downloads of these lengths: as many equal ones as there are
/// connections, or a multiple of that where one would be too long for a request.
fn cut_evenly(
    lengths: impl Iterator<Item = u64> + Clone,
    connections: usize,
) -> Vec<DownloadChunk> {
    let all = lengths.clone().fold(0, u64::saturating_add);
    // A share may become a little longer.
    let longest_share = LONGEST_REQUEST - 2 * GRAIN;
    let rounds = all.div_ceil(longest_share.saturating_mul(connections as u64)).max(1);
    let share = all.div_ceil(rounds.saturating_mul(connections as u64)).max(1);
    let mut chunks = Vec::new();
    // Where the next share starts, counted from the download's first byte.
    let mut cut = share;
    for (download, length) in lengths.enumerate() {
        let mut start = 0;
        while start < length {
            // A cut close to an end would be a request of its own for little.
            while cut < start + GRAIN {
                cut += share.max(GRAIN);
            }
            let end = if cut.saturating_add(GRAIN) > length { length } else { cut };
            let left = ByteRange::between(start, end);
            chunks.push(DownloadChunk { download, left, failures: 0 });
            start = end;
        }
        cut = cut.saturating_sub(length);
    }
    chunks
}

#[cfg(test)]
mod tests;
