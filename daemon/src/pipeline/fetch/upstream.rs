//! One remote file, read in ranges through the guarded client.
//!
//! Ranges are small at first, because a reader may jump away, and at most
//! 10 MiB, because media servers throttle longer ones. A range that breaks off
//! or stalls goes on from where it stopped.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use clipmill_plugins::net::{Client, Response};
use clipmill_plugins::{Retry, SourceError};
use futures_util::Stream;
use futures_util::future::BoxFuture;

use super::budget::Budget;
use super::request::{CHANGED, Refusal, Remote, ask, head, tag};
use crate::pipeline::StageError;

/// First bytes of a file, which are read at once.
const HEAD: u64 = 256 * 1024;
/// How much of the beginning of a file is kept, because every reader begins
/// there, bytes.
const KEPT: usize = 4 * 1024 * 1024;
/// The first range of a reader, bytes; each further one is twice as long.
const FIRST: u64 = 128 * 1024;
/// The longest range, bytes.
const LONGEST: u64 = 10 * 1024 * 1024;
/// Failures in a row after which a file is given up.
const PATIENCE: u32 = 5;
/// The wait after the first failure; it doubles with each further one.
const BACKOFF: Duration = Duration::from_millis(200);
/// The longest wait that a server may ask for within one attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Asks the source for a fresh address of the same file.
pub(super) type Renew =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Remote, SourceError>> + Send + Sync>;

/// A file that can be read in ranges.
pub(super) struct Upstream {
    client: Client,
    remote: tokio::sync::Mutex<Remote>,
    renew: Renew,
    renewed: AtomicBool,
    /// Bytes of the whole file.
    pub size: u64,
    tag: Option<String>,
    /// The first bytes.
    pub head: Bytes,
    /// What is kept of the beginning, in one piece.
    kept: Mutex<Vec<u8>>,
    budget: Arc<Budget>,
    failure: Mutex<Option<StageError>>,
}

/// How a server answered.
pub(super) enum Opened {
    /// It serves ranges.
    Ranged(Arc<Upstream>),
    /// It sends the whole file or nothing.
    Whole(Box<Response>),
}

impl Upstream {
    /// Asks for the first bytes.
    ///
    /// # Errors
    /// Those of sources.
    pub async fn open(
        client: Client,
        mut remote: Remote,
        renew: Renew,
        budget: Arc<Budget>,
    ) -> Result<Opened, StageError> {
        let (mut failures, mut renewed) = (0, false);
        loop {
            let error = match ask(&client, &remote, 0, HEAD - 1).await {
                Ok(response) if response.status() == 200 => {
                    return Ok(Opened::Whole(Box::new(response)));
                }
                Ok(response) => match head(response, HEAD as usize, &budget).await? {
                    Ok((head, size, tag)) => {
                        return Ok(Opened::Ranged(Arc::new(Upstream {
                            client,
                            remote: tokio::sync::Mutex::new(remote),
                            renew,
                            renewed: AtomicBool::new(renewed),
                            size,
                            tag,
                            kept: Mutex::new(head.to_vec()),
                            head,
                            budget,
                            failure: Mutex::new(None),
                        })));
                    }
                    Err(error) => error.into(),
                },
                Err(Refusal::Expired(error)) => {
                    if renewed {
                        return Err(error);
                    }
                    renewed = true;
                    remote = renewal(&renew, &remote, error).await?;
                    continue;
                }
                Err(Refusal::Other(error)) => error,
            };
            pause(&error, failures).await?;
            failures += 1;
        }
    }

    /// The bytes `from..=to`, as they come. An error ends the stream and can
    /// be had from [`Upstream::failure`].
    pub fn read(
        self: &Arc<Self>,
        from: u64,
        to: u64,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let reader = Reader {
            file: Arc::clone(self),
            at: from,
            end: to.min(self.size.saturating_sub(1)),
            range: FIRST,
            open: None,
            failures: 0,
        };
        futures_util::stream::try_unfold(reader, |mut reader| async move {
            match reader.next().await {
                Ok(Some(bytes)) => Ok(Some((bytes, reader))),
                Ok(None) => Ok(None),
                Err(error) => {
                    let told = io::Error::other(error.code);
                    let mut failure =
                        reader.file.failure.lock().unwrap_or_else(PoisonError::into_inner);
                    failure.get_or_insert(error);
                    Err(told)
                }
            }
        })
    }

    /// Why reading failed, if it did.
    pub fn failure(&self) -> Option<StageError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A piece of what is kept, for a reader that wants `at..=end`; none when
    /// it is to open a range.
    fn kept(&self, at: u64, end: u64) -> Option<Bytes> {
        const PIECE: usize = 256 * 1024;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(at).ok().filter(|from| *from < kept.len())?;
        let to = usize::try_from(end).map_or(usize::MAX, |end| end.saturating_add(1));
        let to = to.min(from + PIECE).min(kept.len());
        kept.get(from..to).map(Bytes::copy_from_slice)
    }

    /// Keeps bytes that continue what is kept.
    fn keep(&self, at: u64, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() as u64 == at && kept.len() < KEPT {
            kept.extend_from_slice(bytes);
        }
    }

    /// Opens a range, with a fresh address when the old one has expired.
    async fn range(&self, from: u64, to: u64) -> Result<Response, StageError> {
        let remote = self.remote.lock().await.clone();
        let error = match ask(&self.client, &remote, from, to).await {
            Ok(response) => return self.same(response, from),
            Err(Refusal::Other(error)) => return Err(error),
            Err(Refusal::Expired(error)) => error,
        };
        let mut current = self.remote.lock().await;
        // Another reader may have got the fresh address meanwhile.
        if *current == remote {
            if self.renewed.swap(true, Ordering::Relaxed) {
                return Err(error);
            }
            *current = renewal(&self.renew, &remote, error).await?;
        }
        let fresh = current.clone();
        drop(current);
        match ask(&self.client, &fresh, from, to).await {
            Ok(response) => self.same(response, from),
            Err(Refusal::Expired(error) | Refusal::Other(error)) => Err(error),
        }
    }

    /// Refuses parts of another file than the one that was begun.
    fn same(&self, response: Response, from: u64) -> Result<Response, StageError> {
        let here = response.content_range().is_some_and(|(first, ..)| first == from);
        let size = response.total_size().is_none_or(|size| size == self.size);
        let tag = tag(&response);
        // A fresh address may lead to another server, which has tags of its own.
        let tagged = tag == self.tag || tag.is_none() || self.renewed.load(Ordering::Relaxed);
        if here && size && tagged {
            return Ok(response);
        }
        Err(StageError::later("source_failed", CHANGED))
    }
}

/// One reader of an upstream.
struct Reader {
    file: Arc<Upstream>,
    /// Next byte.
    at: u64,
    /// Last byte.
    end: u64,
    /// Length of the next range.
    range: u64,
    /// The open response and its last byte.
    open: Option<(Response, u64)>,
    failures: u32,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, StageError> {
        loop {
            if self.at > self.end {
                return Ok(None);
            }
            if let Some(bytes) = self.file.kept(self.at, self.end) {
                self.at += bytes.len() as u64;
                return Ok(Some(bytes));
            }
            match self.piece().await {
                Ok(Some(bytes)) => {
                    self.failures = 0;
                    return Ok(Some(bytes));
                }
                Ok(None) => {}
                Err(error) => {
                    self.open = None;
                    pause(&error, self.failures).await?;
                    self.failures += 1;
                }
            }
        }
    }

    /// The next bytes of the open range, or of a new one; none at its end.
    async fn piece(&mut self) -> Result<Option<Bytes>, StageError> {
        let (response, last) = match &mut self.open {
            Some(open) => open,
            closed => {
                let last = self.end.min(self.at + self.range - 1);
                self.range = (self.range * 2).min(LONGEST);
                closed.insert((self.file.range(self.at, last).await?, last))
            }
        };
        let left = (*last + 1).saturating_sub(self.at);
        match response.chunk().await.map_err(SourceError::from)? {
            Some(mut bytes) => {
                self.file.budget.take(bytes.len())?;
                bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                self.file.keep(self.at, &bytes);
                self.at += bytes.len() as u64;
                if self.at > *last {
                    self.open = None;
                }
                Ok((!bytes.is_empty()).then_some(bytes))
            }
            None if left == 0 => {
                self.open = None;
                Ok(None)
            }
            None => Err(StageError::later("source_unreachable", "the server sent too little")),
        }
    }
}

async fn renewal(renew: &Renew, old: &Remote, error: StageError) -> Result<Remote, StageError> {
    let fresh = renew().await?;
    if fresh == *old { Err(error) } else { Ok(fresh) }
}

/// Waits before another try.
///
/// # Errors
/// The error itself, when there is to be no further one.
async fn pause(error: &StageError, failures: u32) -> Result<(), StageError> {
    let wait = match error.retry {
        // Another version of the file does not become this one again.
        _ if error.message == CHANGED => return Err(error.clone()),
        Retry::After(wait) if wait <= LONGEST_WAIT => wait,
        Retry::Later => BACKOFF * 2_u32.saturating_pow(failures.min(10)),
        Retry::Never | Retry::After(_) => return Err(error.clone()),
    };
    if failures >= PATIENCE {
        return Err(error.clone());
    }
    tracing::debug!(code = error.code, wait_ms = wait.as_millis() as u64, "reading again");
    tokio::time::sleep(wait).await;
    Ok(())
}
