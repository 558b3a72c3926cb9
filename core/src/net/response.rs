//! A response whose body can't stall or grow without end.

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use reqwest::header::{self, HeaderMap};
use tokio::time::Instant;
use url::Url;

use super::error;
use crate::{ByteRange, Code, Error, Retry};

/// The head of a response, with its body still to be read.
#[derive(Debug)]
pub struct Response {
    inner: reqwest::Response,
    url: Url,
    idle: Duration,
    deadline: Instant,
    left: u64,
}

/// What a `Content-Range` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// The bytes that the response holds.
    pub range: ByteRange,
    /// Bytes of the whole file, if the server states it.
    pub size: Option<u64>,
}

impl Response {
    pub(super) fn new(
        inner: reqwest::Response,
        url: Url,
        idle: Duration,
        deadline: Instant,
    ) -> Response {
        Response { inner, url, idle, deadline, left: u64::MAX }
    }

    /// Lets the body be at most this many bytes; more is `too_large`.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Response {
        self.left = bytes;
        self
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.inner.status().as_u16()
    }

    /// Headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The address that answered, after redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Bytes of this body, if the server tells.
    pub fn length(&self) -> Option<u64> {
        self.number(header::CONTENT_LENGTH)
    }

    /// Which bytes a partial response (206) holds, and the size of the whole file
    /// (RFC 9110, 14.4).
    pub fn content_range(&self) -> Option<ContentRange> {
        let text = self.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
        let (range, size) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let range =
            ByteRange::from_inclusive(first.trim().parse().ok()?, last.trim().parse().ok()?)?;
        Some(ContentRange { range, size: size.trim().parse().ok() })
    }

    /// Bytes of the whole file, from either header.
    pub fn total_size(&self) -> Option<u64> {
        match self.status() {
            206 => self.content_range().and_then(|part| part.size),
            200 => self.length(),
            _ => None,
        }
    }

    fn number(&self, name: header::HeaderName) -> Option<u64> {
        self.headers().get(name)?.to_str().ok()?.trim().parse().ok()
    }

    /// When the server wants to be asked again: after so many seconds, or at a
    /// moment, at most an hour from now.
    fn again(&self) -> Retry {
        const HOUR: u64 = 3600;
        let moment = || {
            let text = self.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
            let moment = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
            // A moment that has passed is now.
            let left = (moment.to_utc() - chrono::Utc::now()).num_seconds().max(0);
            Some(left.unsigned_abs())
        };
        let seconds = self.number(header::RETRY_AFTER).or_else(moment);
        seconds.map_or(Retry::Later, |s| Retry::After(Duration::from_secs(s.min(HOUR))))
    }

    /// The response itself if its status is 2xx.
    ///
    /// # Errors
    /// What the status means: `private_video` (401, 403), `removed_video`
    /// (404, 410), `geo_blocked` (451), `rate_limited` (429), `source_unreachable`
    /// (5xx), `source_failed`; 429 and 503 with the server's own wait of up to an
    /// hour.
    pub fn ok(self) -> Result<Response, Error> {
        let status = self.status();
        Err(match status {
            200..=299 => return Ok(self),
            401 | 403 => Error::never(
                Code::PrivateVideo,
                format!("the server does not hand this out to everybody ({status})"),
            ),
            404 | 410 => Error::never(
                Code::RemovedVideo,
                format!("the server has nothing at this address ({status})"),
            ),
            451 => Error::never(Code::GeoBlocked, "the server must not show this here (451)"),
            429 => {
                Error::new(Code::RateLimited, "the server wants fewer requests (429)", self.again())
            }
            503 => Error::new(
                Code::SourceUnreachable,
                "the server has no time now (503)",
                self.again(),
            ),
            500..=599 => Error::later(
                Code::SourceUnreachable,
                format!("the server is in trouble ({status})"),
            ),
            _ => Error::never(Code::SourceFailed, format!("the server answered {status}")),
        })
    }

    /// The next part of the body; none at its end. Cancel safe.
    ///
    /// # Errors
    /// `source_timeout` after too long a pause or at the deadline, `too_large`
    /// beyond the limit, `source_unreachable` when the connection breaks, also
    /// before the announced end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let wait = (Instant::now() + self.idle).min(self.deadline);
        let chunk = tokio::time::timeout_at(wait, self.inner.chunk()).await.map_err(|_| {
            if wait == self.deadline {
                Error::later(Code::SourceTimeout, "the download takes too long")
            } else {
                error::stalled(self.idle)
            }
        })?;
        let host = self.url.host_str().unwrap_or_default();
        let Some(chunk) = chunk.map_err(|error| error::from_reqwest(error, host))? else {
            return Ok(None);
        };
        let length = chunk.len() as u64;
        self.left = self
            .left
            .checked_sub(length)
            .ok_or_else(|| Error::never(Code::TooLarge, "the server sends more than is allowed"))?;
        Ok(Some(chunk))
    }

    /// The whole body, if it is at most `max` bytes.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub async fn bytes(self, max: usize) -> Result<Vec<u8>, Error> {
        let mut this = self.limit(max as u64);
        let mut body = Vec::new();
        while let Some(chunk) = this.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The body as a stream that ends with its first error.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        futures_util::stream::try_unfold(self, |mut this| async move {
            Ok(this.chunk().await?.map(|chunk| (chunk, this)))
        })
    }
}
