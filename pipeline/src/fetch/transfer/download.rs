//! Getting stretches of remote files over several connections, each byte
//! straight to its place.
//!
//! Which connection gets what is in [`Pieces`], how one of them reads in
//! [`Line`].

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clipmill_core::{Code, Error};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use crate::fetch::context::Means;
use crate::fetch::transfer::open_unsized;
use crate::fetch::transfer::origin::Address;
use crate::fetch::transfer::range_stream::Line;
use crate::fetch::transfer::retry::pause;
use crate::fetch::transfer::scheduler::{Next, Piece, Pieces, worth};
use crate::workspace;

/// How often a connection without work looks whether it can help.
const LOOK: Duration = Duration::from_millis(25);

/// A stretch of a remote file, and where it belongs.
pub(crate) struct Need<'a> {
    /// The file, which must be pinned to a version.
    pub address: &'a Address,
    /// Its first byte in the remote file.
    pub from: u64,
    /// Bytes.
    pub length: u64,
    /// Where it is put.
    pub sink: Sink,
    /// The place of its first byte there.
    pub place: u64,
}

/// Where bytes are put.
#[derive(Debug, Clone)]
pub(crate) enum Sink {
    /// To a file, which grows as needed.
    File(Arc<File>),
    /// To a buffer that is large enough.
    Memory(Arc<Mutex<Vec<u8>>>),
}

impl Sink {
    /// Puts bytes to a place.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub async fn put(&self, bytes: Bytes, place: u64) -> Result<(), Error> {
        match self {
            Sink::File(file) => {
                let file = Arc::clone(file);
                let written =
                    tokio::task::spawn_blocking(move || file.write_all_at(&bytes, place)).await;
                written
                    .map_err(std::io::Error::other)
                    .flatten()
                    .map_err(|error| workspace::explain(&error))
            }
            Sink::Memory(buffer) => {
                let mut buffer = lock(buffer);
                let from = usize::try_from(place).unwrap_or(usize::MAX);
                let room = buffer.get_mut(from..from.saturating_add(bytes.len()));
                let room = room
                    .ok_or_else(|| Error::never(Code::Internal, "bytes came that have no place"))?;
                room.copy_from_slice(&bytes);
                Ok(())
            }
        }
    }

    /// What was put beyond this place does not count any more.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub fn end(&self, place: u64) -> Result<(), Error> {
        match self {
            Sink::File(file) => file.set_len(place).map_err(|error| workspace::explain(&error)),
            // A buffer is of one length from the first.
            Sink::Memory(_) => Ok(()),
        }
    }
}

/// Is told which byte of which need is the first one that is not there yet.
pub(crate) type OnReached<'a> = &'a (dyn Fn((usize, u64)) + Sync);

/// Gets all of it, over as many connections as pay and may be.
///
/// # Errors
/// Those of sources; `too_large`, `disk_full`, `internal`.
pub(crate) async fn gather(means: &Means, needs: &[Need<'_>]) -> Result<(), Error> {
    gather_telling(means, needs, &|_| {}).await
}

/// The same, of files too of which nobody knows yet how long they are: needs of
/// a whole file that is not pinned, and of no length. Their first answers tell.
///
/// # Errors
/// As [`gather`].
pub(crate) async fn gather_files(
    means: &Means,
    needs: Vec<Need<'_>>,
    files: Vec<Need<'_>>,
) -> Result<(), Error> {
    let known = needs.len();
    let needs: Vec<Need<'_>> = needs.into_iter().chain(files).collect();
    let count = if needs.len() > known { means.lanes.limit() } else { connections(means, &needs) };
    let mut pieces = Pieces::new(needs.iter().map(|need| need.length), count);
    pieces.open_later(known..needs.len());
    work(means, &needs, pieces, &|_| {}).await
}

/// The same as [`gather`], and tells how far it is from the beginning.
///
/// # Errors
/// As [`gather`].
pub(crate) async fn gather_telling(
    means: &Means,
    needs: &[Need<'_>],
    reached: OnReached<'_>,
) -> Result<(), Error> {
    let lengths = needs.iter().map(|need| need.length);
    let count = connections(means, needs);
    work(means, needs, Pieces::new(lengths, count), reached).await
}

/// How many connections pay.
fn connections(means: &Means, needs: &[Need<'_>]) -> usize {
    let bytes = needs.iter().map(|need| need.length).fold(0, u64::saturating_add);
    worth(bytes, means.lanes.limit())
}

async fn work(
    means: &Means,
    needs: &[Need<'_>],
    pieces: Pieces,
    reached: OnReached<'_>,
) -> Result<(), Error> {
    let (count, pieces, news) = (pieces.lanes(), Mutex::new(pieces), Notify::new());
    // All may have left because a server wanted fewer connections.
    while !lock(&pieces).is_done() {
        let crew = Crew { means, needs, pieces: &pieces, reached, news: &news };
        let mut lanes: FuturesUnordered<_> = (0..count).map(|lane| crew.lane(lane)).collect();
        while let Some(ended) = lanes.next().await {
            ended?;
            if lock(&pieces).is_done() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What all connections of one gathering share.
struct Crew<'a> {
    means: &'a Means,
    needs: &'a [Need<'a>],
    pieces: &'a Mutex<Pieces>,
    reached: OnReached<'a>,
    /// There may be something to do for those who wait.
    news: &'a Notify,
}

impl Crew<'_> {
    /// One connection, until there is nothing more to do or there are too many.
    async fn lane(&self, lane: usize) -> Result<(), Error> {
        let _place = self.means.lanes.enter().await;
        loop {
            let next = lock(self.pieces).next(lane, Instant::now(), self.means.lanes.latency());
            match next {
                Next::Done => return Ok(()),
                Next::Wait => {
                    let _ = tokio::time::timeout(LOOK, self.news.notified()).await;
                }
                Next::Open(need) => self.open(lane, need).await?,
                Next::Work => self.piece(lane, None).await?,
            }
            if self.means.lanes.too_many() {
                lock(self.pieces).put_back(lane);
                return Ok(());
            }
        }
    }

    /// Learns how long a file is and gets the first piece of it.
    async fn open(&self, lane: usize, need: usize) -> Result<(), Error> {
        let Some(file) = self.needs.get(need) else { return Ok(()) };
        let mut failures = 0;
        loop {
            self.means.lanes.calm().await;
            let (length, line) = match open_unsized::open(file).await {
                Ok(Some((length, line))) => (length, Some(line)),
                Ok(None) => (0, None),
                Err(error) => {
                    if self.means.lanes.too_many() {
                        return Ok(());
                    }
                    pause(&error, failures).await?;
                    failures += 1;
                    continue;
                }
            };
            lock(self.pieces).opened(lane, length);
            self.news.notify_waiters();
            return self.piece(lane, line).await;
        }
    }

    /// Gets one piece, or gives it back when there are too many connections.
    async fn piece(&self, lane: usize, mut line: Option<Line>) -> Result<(), Error> {
        while let Some(piece) = self.current(lane) {
            let Some(need) = self.needs.get(piece.need) else { return Ok(()) };
            let open =
                line.get_or_insert_with(|| Line::new(need.from + piece.at, need.from + piece.end));
            let bytes = match open.next(need.address).await {
                Ok(Some(bytes)) => bytes,
                // The line was opened for what is left now, or for more.
                Ok(None) => return Err(Error::later(Code::Internal, "a piece ended early")),
                Err(error) => {
                    line = None;
                    if self.means.lanes.too_many() {
                        lock(self.pieces).failed(lane);
                        return Ok(());
                    }
                    let before = lock(self.pieces).failed(lane);
                    pause(&error, before).await?;
                    continue;
                }
            };
            let length = bytes.len() as u64;
            need.sink.put(bytes, need.place + piece.at).await?;
            let mut pieces = lock(self.pieces);
            pieces.advance(lane, length, Instant::now());
            if let Some(missing) = pieces.first_missing() {
                (self.reached)(missing);
            }
        }
        Ok(())
    }

    fn current(&self, lane: usize) -> Option<Piece> {
        lock(self.pieces).current(lane)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
