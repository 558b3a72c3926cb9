//! A file behind a server, as the daemon reads it: the beginning is there, each
//! request waits for its answer, and eight connections share the work.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_media::{MediaError, ReadAt};
use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// What is there without asking.
const HEAD: u64 = 256 << 10;
/// The shortest request, bytes.
const LEAST: u64 = 16 << 10;
/// A read is dealt out to connections in shares of so many bytes or more.
const SHARE: u64 = 256 << 10;
const CONNECTIONS: u64 = 8;
const LATENCY: Duration = Duration::from_millis(40);
/// Bytes a second on a connection.
const RATE: f64 = 4e6;

/// A file that takes its time, by a clock that is stopped.
pub struct SlowServer<F> {
    pub file: F,
    requests: AtomicUsize,
    bytes: AtomicU64,
    started: Instant,
    connections: Semaphore,
}

/// What reading cost so far.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub requests: usize,
    pub bytes: u64,
    pub time: Duration,
}

impl<F> SlowServer<F> {
    pub fn new(file: F) -> SlowServer<F> {
        SlowServer {
            file,
            requests: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            started: Instant::now(),
            connections: Semaphore::new(CONNECTIONS as usize),
        }
    }

    pub fn cost(&self) -> Cost {
        Cost {
            requests: self.requests.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            time: self.started.elapsed(),
        }
    }

    async fn request(&self, bytes: u64) {
        let _place = self.connections.acquire().await.unwrap();
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        sleep(LATENCY + Duration::from_secs_f64(bytes as f64 / RATE)).await;
    }
}

#[async_trait]
impl<F: ReadAt> ReadAt for SlowServer<F> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let end = from + length as u64;
        let from_there = from.max(HEAD.min(self.size()));
        if from_there < end {
            let missing = (end - from_there).max(LEAST).min(self.size() - from_there);
            let shares = missing.div_ceil(SHARE).min(CONNECTIONS);
            join_all((0..shares).map(|_| self.request(missing / shares))).await;
        }
        self.file.read_at(from, length).await
    }
}
