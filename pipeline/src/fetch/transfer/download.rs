//! Downloads byte ranges of remote files over several connections, each byte
//! straight to its place.
//!
//! [`Scheduler`] says which connection downloads what, [`RangeStream`] how one of
//! them reads.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use clipmill_core::{ByteRange, Code, Error, lock};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;

use super::context::TransferContext;
use super::open_unsized::{OpenedDownload, open_unsized};
use super::range_download::RangeDownload;
use super::range_stream::RangeStream;
use super::retry::{FailureStreak, wait_before_retry};
use super::scheduler::{Assignment, FirstMissing, Scheduler, useful_connections};

/// How often a connection without work checks whether it can help.
const IDLE_INTERVAL: Duration = Duration::from_millis(25);

/// Is called with the first byte that has not arrived, whenever some arrived.
pub type OnProgress<'a> = &'a (dyn Fn(FirstMissing) + Sync);

/// Downloads all ranges, over as many connections as pay and may be.
///
/// # Errors
/// Those of sources; `too_large`, `disk_full`, `internal`.
pub async fn download(
    transfer: &TransferContext,
    downloads: &[RangeDownload<'_>],
    on_progress: OnProgress<'_>,
) -> Result<(), Error> {
    let bytes = downloads.iter().map(|download| download.source.len).fold(0, u64::saturating_add);
    let connections = useful_connections(bytes, transfer.connections.limit());
    let lengths = downloads.iter().map(|download| download.source.len);
    let scheduler = Mutex::new(Scheduler::new(lengths, connections));
    Download { transfer, downloads, scheduler, on_progress, work: Notify::new() }.run().await
}

/// Downloads ranges and, in the same way, files of unknown size
/// ([`RangeDownload::unsized_file`]), whose first responses state it.
///
/// # Errors
/// As [`download`].
pub async fn download_with_unsized(
    transfer: &TransferContext,
    ranges: Vec<RangeDownload<'_>>,
    unsized_files: Vec<RangeDownload<'_>>,
) -> Result<(), Error> {
    if unsized_files.is_empty() {
        return download(transfer, &ranges, &|_| {}).await;
    }
    let known = ranges.len();
    let downloads: Vec<RangeDownload<'_>> = ranges.into_iter().chain(unsized_files).collect();
    let lengths = downloads.iter().map(|download| download.source.len);
    let mut scheduler = Scheduler::new(lengths, transfer.connections.limit());
    scheduler.open_later(known..downloads.len());
    let (scheduler, work) = (Mutex::new(scheduler), Notify::new());
    Download { transfer, downloads: &downloads, scheduler, on_progress: &|_| {}, work }.run().await
}

/// What all connections of one download share.
struct Download<'a> {
    transfer: &'a TransferContext,
    downloads: &'a [RangeDownload<'a>],
    scheduler: Mutex<Scheduler>,
    on_progress: OnProgress<'a>,
    /// Wakes connections that wait, because there may be work for them.
    work: Notify,
}

impl Download<'_> {
    async fn run(&self) -> Result<(), Error> {
        let count = lock(&self.scheduler).connections();
        // All may have closed because a server wanted fewer connections.
        while !lock(&self.scheduler).is_done() {
            let mut tasks: FuturesUnordered<_> =
                (0..count).map(|connection| self.run_connection(connection)).collect();
            while let Some(ended) = tasks.next().await {
                ended?;
                if lock(&self.scheduler).is_done() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Download task: one connection, until all bytes have arrived or there are too
    /// many connections.
    async fn run_connection(&self, connection: usize) -> Result<(), Error> {
        let _permit = self.transfer.connections.acquire().await;
        loop {
            let latency = self.transfer.connections.latency();
            let assignment = lock(&self.scheduler).assign(connection, Instant::now(), latency);
            match assignment {
                Assignment::Done => return Ok(()),
                Assignment::Wait => {
                    let _ = tokio::time::timeout(IDLE_INTERVAL, self.work.notified()).await;
                }
                Assignment::Open(download) => self.open(connection, download).await?,
                Assignment::Transfer => self.transfer_chunk(connection, None).await?,
            }
            if self.transfer.connections.is_exceeded() {
                lock(&self.scheduler).put_back(connection);
                return Ok(());
            }
        }
    }

    /// Learns the size of a file and downloads its first chunk.
    async fn open(&self, connection: usize, download: usize) -> Result<(), Error> {
        let Some(file) = self.downloads.get(download) else { return Ok(()) };
        let mut failures = FailureStreak::default();
        loop {
            self.transfer.connections.wait_while_paused().await;
            let (len, stream) = match open_unsized(file).await {
                Ok(OpenedDownload::Ranged { size, stream }) => (size, Some(stream)),
                Ok(OpenedDownload::Complete) => (0, None),
                Err(_) if self.transfer.connections.is_exceeded() => return Ok(()),
                Err(error) => {
                    failures.wait_after(error).await?;
                    continue;
                }
            };
            lock(&self.scheduler).opened(connection, len);
            self.work.notify_waiters();
            return self.transfer_chunk(connection, stream.map(|stream| *stream)).await;
        }
    }

    /// Downloads the connection's chunk, or stops when there are too many
    /// connections. `stream` is a request for it that was sent already.
    async fn transfer_chunk(
        &self,
        connection: usize,
        mut stream: Option<RangeStream>,
    ) -> Result<(), Error> {
        loop {
            let Some(chunk) = lock(&self.scheduler).current(connection) else { return Ok(()) };
            let Some(download) = self.downloads.get(chunk.download) else { return Ok(()) };
            let offset = download.source.offset + chunk.left.offset;
            let range = ByteRange { offset, ..chunk.left };
            let open = stream.get_or_insert_with(|| RangeStream::new(range));
            let bytes = match open.next(download.origin).await {
                Ok(Some(bytes)) => bytes,
                // The stream was opened for what is left now, or for more.
                Ok(None) => return Err(Error::later(Code::Internal, "a chunk ended early")),
                Err(error) => {
                    stream = None;
                    let earlier = lock(&self.scheduler).failed(connection);
                    if self.transfer.connections.is_exceeded() {
                        return Ok(());
                    }
                    wait_before_retry(error, earlier).await?;
                    continue;
                }
            };
            let len = bytes.len() as u64;
            download.sink.write_at(bytes, download.target_offset + chunk.left.offset).await?;
            let mut scheduler = lock(&self.scheduler);
            scheduler.advance(connection, len, Instant::now());
            if let Some(missing) = scheduler.first_missing() {
                (self.on_progress)(missing);
            }
        }
    }
}
