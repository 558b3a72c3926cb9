//! A guarded HTTP client.
//!
//! It reaches hosts that the manifest asks for and the operator granted, on
//! public addresses; so does every redirect.
//!
//! ```no_run
//! # use clipmill_plugin::http;
//! # fn main() -> Result<(), clipmill_plugin::SourceError> {
//! let page = http::get("https://example.org/api/1")?.ok()?.text();
//! let answer = http::Request::post("https://example.org/api", "{}")
//!     .header("content-type", "application/json")
//!     .send()?;
//! # Ok(())
//! # }
//! ```

pub use crate::bindings::clipmill::plugin::http::{HttpError, Method, Request, Response};

use crate::bindings::clipmill::plugin::http;
use crate::{FailureCode, Header, SourceError};

/// Sends a GET.
///
/// # Errors
/// [`HttpError`] when there is no answer. Any status is one: see
/// [`Response::ok`].
pub fn get(url: impl Into<String>) -> Result<Response, HttpError> {
    Request::new(Method::Get, url).send()
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Request {
        Request { method, url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A POST with a body of up to 1 MiB.
    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Request {
        Request { body: body.into(), ..Request::new(Method::Post, url) }
    }

    /// With one more header. Those that are the client's own business (`Host`,
    /// `Content-Length`, `Range`, `Connection` and the like) are ignored.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer.
    pub fn send(&self) -> Result<Response, HttpError> {
        http::send(self)
    }
}

impl Response {
    /// The answer, if its status says that all is well.
    ///
    /// # Errors
    /// [`SourceError`] with what the status means for a video: gone, not for
    /// everybody, too many requests, or a site that is down.
    pub fn ok(self) -> Result<Response, SourceError> {
        use FailureCode as Code;
        let status = self.status;
        let text = |what: &str| format!("the site {what} (HTTP {status})");
        Err(match status {
            200..=299 => return Ok(self),
            401 | 403 => SourceError::give_up(Code::PrivateVideo, text("does not show it to us")),
            404 | 410 => SourceError::give_up(Code::RemovedVideo, text("has nothing there")),
            451 => SourceError::give_up(Code::GeoBlocked, text("may not show it here")),
            429 => match self.header("retry-after").and_then(|seconds| seconds.parse().ok()) {
                Some(seconds) => {
                    SourceError::retry_after(Code::RateLimited, text("wants a pause"), seconds)
                }
                None => SourceError::retry(Code::RateLimited, text("wants a pause")),
            },
            408 | 425 | 500..=599 => {
                SourceError::retry(Code::SourceUnreachable, text("is in trouble"))
            }
            _ => SourceError::give_up(Code::SourceFailed, text("refuses")),
        })
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.value.as_str())
    }
}
