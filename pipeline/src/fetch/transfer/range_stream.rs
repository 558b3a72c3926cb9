//! A byte range as it arrives over one connection. A connection that is silent
//! for too long is raced by another one.

use std::time::Duration;

use bytes::Bytes;
use clipmill_core::net::Response;
use clipmill_core::{ByteRange, Code, Error};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::origin::FileOrigin;

/// The longest range of one request, bytes: media servers throttle responses that
/// are longer.
pub const LONGEST_REQUEST: u64 = 10 * 1024 * 1024;
/// Most connections that race for the same bytes.
const MAX_RACERS: usize = 4;

/// A byte range of which some may have arrived.
pub struct RangeStream {
    /// What has not arrived yet.
    left: ByteRange,
    response: Option<Response>,
}

impl RangeStream {
    /// A stream of a range that is not requested yet.
    pub fn new(range: ByteRange) -> RangeStream {
        RangeStream { left: range, response: None }
    }

    /// A stream with the response to a request for this range.
    pub fn with_response(response: Response, range: ByteRange) -> RangeStream {
        RangeStream { left: range, response: Some(response) }
    }

    /// The next bytes; none at the end. After an error the next call requests what
    /// is left.
    ///
    /// # Errors
    /// Those of sources; `too_large`.
    pub async fn next(&mut self, origin: &FileOrigin) -> Result<Option<Bytes>, Error> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let (left, open) = (self.left, self.response.take());
        if open.is_none() {
            // A pause that the server asked for is no fault of a connection.
            origin.transfer.connections.wait_while_paused().await;
        }
        let first = async {
            match open {
                Some(response) => read_next(response).await,
                None => request_next(origin, left).await,
            }
        };
        let again = || request_next(origin, left);
        let read = race_when_silent(first, again, origin.transfer.stall).await?;
        let mut bytes = read.bytes.ok_or_else(sent_too_little)?;
        origin.transfer.budget.count(bytes.len())?;
        bytes.truncate(usize::try_from(left.len).unwrap_or(usize::MAX));
        self.left = left.skip(bytes.len() as u64);
        self.response = Some(read.response);
        Ok(Some(bytes))
    }
}

/// A response ended before the range that was requested.
pub(super) fn sent_too_little() -> Error {
    Error::later(Code::SourceUnreachable, "the server sent too little")
}

/// Bytes of a response, none at its end, and the response itself for more.
struct Read {
    response: Response,
    bytes: Option<Bytes>,
}

async fn request_next(origin: &FileOrigin, range: ByteRange) -> Result<Read, Error> {
    read_next(request_measured(origin, range).await?).await
}

/// Requests a range and measures how long the server takes to respond.
pub(super) async fn request_measured(
    origin: &FileOrigin,
    range: ByteRange,
) -> Result<Response, Error> {
    let sent = Instant::now();
    let response = origin.request(range).await?;
    origin.transfer.connections.record_latency(sent.elapsed());
    Ok(response)
}

async fn read_next(mut response: Response) -> Result<Read, Error> {
    loop {
        let bytes = response.chunk().await?;
        if bytes.as_ref().is_none_or(|bytes| !bytes.is_empty()) {
            return Ok(Read { response, bytes });
        }
    }
}

/// Does something, and again beside it when it takes longer than a connection may
/// be silent: the first success counts.
pub(super) async fn race_when_silent<T, A, B>(
    first: A,
    again: impl Fn() -> B,
    stall: Duration,
) -> Result<T, Error>
where
    A: Future<Output = Result<T, Error>> + Send,
    B: Future<Output = Result<T, Error>> + Send,
{
    let mut first = std::pin::pin!(first);
    let mut wait = stall;
    if let Ok(done) = tokio::time::timeout(wait, &mut first).await {
        return done;
    }
    let mut racers: FuturesUnordered<BoxFuture<'_, _>> = FuturesUnordered::new();
    racers.push(Box::pin(first));
    while racers.len() < MAX_RACERS {
        tracing::debug!("a connection is silent; its bytes are requested over another one");
        racers.push(Box::pin(again()));
        wait *= 2;
        if let Ok(done) = tokio::time::timeout(wait, first_success(&mut racers)).await {
            return done;
        }
    }
    first_success(&mut racers).await
}

/// The first success, or the last failure.
async fn first_success<T>(
    racers: &mut FuturesUnordered<BoxFuture<'_, Result<T, Error>>>,
) -> Result<T, Error> {
    let mut failure = Error::later(Code::SourceTimeout, "the server sends nothing");
    while let Some(ended) = racers.next().await {
        match ended {
            Ok(done) => return Ok(done),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_silent_attempt_is_raced_by_others() {
        let attempts = AtomicUsize::new(0);
        let again = || async {
            match attempts.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Error::later(Code::SourceTimeout, "")),
                _ => Ok("late"),
            }
        };
        let silent = std::future::pending::<Result<&str, Error>>();
        let done = race_when_silent(silent, again, Duration::from_millis(1)).await;
        assert_eq!((done, attempts.into_inner()), (Ok("late"), 2));
        let quick = async { Ok("at once") };
        let done = race_when_silent(quick, || async { Ok("late") }, Duration::from_secs(60)).await;
        assert_eq!(done, Ok("at once"));
    }
}
