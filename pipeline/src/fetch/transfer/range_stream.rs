//! A stretch of a file, as it comes over one connection. A connection that is
//! silent for too long is raced by another one.

use bytes::Bytes;
use clipmill_core::net::Response;
use clipmill_core::{Code, Error};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::fetch::transfer::origin::Address;

/// Most connections that race for the same bytes.
const MOST: usize = 4;

/// The bytes `at..end`, of which some may have come.
pub(crate) struct Line {
    at: u64,
    end: u64,
    response: Option<Response>,
}

impl Line {
    /// Nothing is asked yet.
    pub fn new(from: u64, end: u64) -> Line {
        Line { at: from, end, response: None }
    }

    /// With the answer to a request for these bytes.
    pub fn of(response: Response, from: u64, end: u64) -> Line {
        Line { at: from, end, response: Some(response) }
    }

    /// The next bytes; none at the end. After an error the rest may be asked
    /// for again.
    ///
    /// # Errors
    /// Those of sources; `too_large`.
    pub async fn next(&mut self, address: &Address) -> Result<Option<Bytes>, Error> {
        if self.at >= self.end {
            return Ok(None);
        }
        let (at, end) = (self.at, self.end);
        let open = self.response.take();
        if open.is_none() {
            // To be silent because it was asked to is no fault of a connection.
            address.means.lanes.calm().await;
        }
        let first = async {
            match open {
                Some(response) => more(response).await,
                None => begin(address, at, end).await,
            }
        };
        let (response, bytes) = raced(first, || begin(address, at, end), address).await?;
        let mut bytes = bytes
            .ok_or_else(|| Error::later(Code::SourceUnreachable, "the server sent too little"))?;
        address.means.budget.take(bytes.len())?;
        bytes.truncate(usize::try_from(end - at).unwrap_or(usize::MAX));
        self.at += bytes.len() as u64;
        self.response = Some(response);
        Ok(Some(bytes))
    }
}

type More = (Response, Option<Bytes>);

async fn begin(address: &Address, from: u64, end: u64) -> Result<More, Error> {
    let asked = Instant::now();
    let response = address.open(from, end - 1).await?;
    address.means.lanes.answered(asked.elapsed());
    more(response).await
}

async fn more(mut response: Response) -> Result<More, Error> {
    loop {
        match response.chunk().await.map_err(Error::from)? {
            Some(bytes) if bytes.is_empty() => {}
            bytes => return Ok((response, bytes)),
        }
    }
}

/// Does something, and again beside it when it takes longer than a connection
/// may be silent: whichever succeeds first counts.
pub(crate) async fn raced<T, A, B>(
    first: A,
    again: impl Fn() -> B,
    address: &Address,
) -> Result<T, Error>
where
    A: Future<Output = Result<T, Error>> + Send,
    B: Future<Output = Result<T, Error>> + Send,
{
    let mut first = std::pin::pin!(first);
    let mut patience = address.means.stall;
    if let Ok(done) = tokio::time::timeout(patience, &mut first).await {
        return done;
    }
    let mut racing: FuturesUnordered<BoxFuture<'_, _>> = FuturesUnordered::new();
    racing.push(Box::pin(first));
    while racing.len() < MOST {
        tracing::debug!("a connection is silent; its bytes are asked for over another one");
        racing.push(Box::pin(again()));
        patience *= 2;
        if let Ok(done) = tokio::time::timeout(patience, first_of(&mut racing)).await {
            return done;
        }
    }
    first_of(&mut racing).await
}

/// The first success, or the last failure.
async fn first_of<T>(
    racing: &mut FuturesUnordered<BoxFuture<'_, Result<T, Error>>>,
) -> Result<T, Error> {
    let mut failure = Error::later(Code::SourceTimeout, "the server sends nothing");
    while let Some(ended) = racing.next().await {
        match ended {
            Ok(done) => return Ok(done),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
