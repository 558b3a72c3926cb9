//! Sending finished files: in pieces, whole or in part, or by the address
//! under which the store hands them out.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use clipmill_core::Time;
use clipmill_storage::StoredFile;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, StatusCode};
use url::Url;
use warp::reply::{Reply as _, Response};

use super::call::Call;
use super::error::ApiError;
use super::range::{Part, part};
use super::route::Answer;
use crate::artifacts::{Artifact, Shown, extension_and_media_type};
use crate::telemetry::ByteFlow;

impl Call {
    /// The file as an attachment of this name (without its extension, which
    /// follows from the file), which is there until `expires_at`. Where that is
    /// configured, the answer to anything but HEAD is an address of the store.
    ///
    /// # Errors
    /// 404 when its bytes are gone, 416 for a range outside of it.
    pub async fn send_file(
        &self,
        file: &StoredFile,
        expires_at: Option<Time>,
        stem: &str,
    ) -> Answer {
        let name = &file.file_path;
        let Some(artifact) = self.app.artifacts.open(name).await? else {
            tracing::error!(file.name = name, "a finished file is not in the store");
            return Err(ApiError::not_found("file_gone", "The file is no longer there"));
        };
        let (extension, media_type) = extension_and_media_type(name);
        let disposition = disposition(&format!("{stem}.{extension}"));
        let shown = Shown { disposition: &disposition, media_type };
        match self.elsewhere(name, expires_at, shown).await? {
            Some(url) => Ok(self.redirect(&url)),
            None => self.send(artifact, shown),
        }
    }

    /// Where the store itself hands out the file; none when we are to. The
    /// address is good for a GET, so a HEAD is answered here.
    async fn elsewhere(
        &self,
        name: &str,
        expires_at: Option<Time>,
        shown: Shown<'_>,
    ) -> Result<Option<Url>, ApiError> {
        let settings = &self.app.config.artifacts;
        if !settings.redirect || self.method == Method::HEAD {
            return Ok(None);
        }
        let life = Duration::from_secs(settings.redirect_seconds);
        let left = expires_at.map(|end| (end - self.app.clock.now()).to_std().unwrap_or_default());
        let life = left.map_or(life, |left| life.min(left));
        Ok(self.app.artifacts.sign(name, life, shown).await?)
    }

    /// After a POST the client must GET.
    fn redirect(&self, to: &Url) -> Response {
        let mut response = Response::default();
        *response.status_mut() = match self.method {
            Method::POST => StatusCode::SEE_OTHER,
            _ => StatusCode::FOUND,
        };
        let headers = response.headers_mut();
        headers.insert(LOCATION, header(to.as_str()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn send(&self, artifact: Artifact, shown: Shown<'_>) -> Answer {
        let size = artifact.size;
        let etag = quoted(&artifact.etag);
        let (status, range) = match part(&self.headers, size, &etag) {
            Part::Whole => (StatusCode::OK, 0..size),
            Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
            Part::Unsatisfiable => {
                let error = "The file has no such bytes";
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                return Err(ApiError::new(status, "range_not_satisfiable", error)
                    .header(CONTENT_RANGE, header(&format!("bytes */{size}"))));
            }
        };
        let length = range.end - range.start;
        let mut response = if self.method == Method::HEAD {
            Response::default()
        } else {
            let app = std::sync::Arc::clone(&self.app);
            let count = move |bytes: u64| app.metrics.bytes(ByteFlow::Served, bytes);
            warp::reply::stream(Sent::of(artifact.read(range.clone()), count)).into_response()
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
            headers.insert(CONTENT_RANGE, header(&range));
        }
        headers.insert(CONTENT_TYPE, header(shown.media_type));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(CONTENT_DISPOSITION, header(shown.disposition));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(ETAG, header(&etag));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        Ok(response)
    }
}

/// A `Content-Disposition` by RFC 6266: plain where the name is plain, with
/// an encoded second form where it is not.
fn disposition(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"\\%/".contains(c) || c == ' ';
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

fn quoted(etag: &str) -> String {
    if etag.starts_with('"') && etag.len() > 1 && etag.ends_with('"') {
        etag.to_owned()
    } else {
        format!("\"{}\"", etag.replace(|c: char| !c.is_ascii_graphic() || c == '"', "_"))
    }
}

/// Everything that is put in here is made of visible ASCII.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// A file's pieces on their way, counted. The lock is never contended: it is
/// there because warp shares bodies between threads, which streams of pieces
/// don't allow by themselves.
struct Sent<F: Fn(u64)> {
    pieces: Mutex<BoxStream<'static, std::io::Result<Bytes>>>,
    count: F,
}

impl<F: Fn(u64)> Sent<F> {
    fn of(pieces: BoxStream<'static, std::io::Result<Bytes>>, count: F) -> Sent<F> {
        Sent { pieces: Mutex::new(pieces), count }
    }
}

impl<F: Fn(u64) + Unpin> Stream for Sent<F> {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pieces = self.pieces.get_mut().unwrap_or_else(PoisonError::into_inner);
        let next = pieces.as_mut().poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(piece))) => (self.count)(piece.len() as u64),
            Poll::Ready(Some(Err(error))) => tracing::error!(%error, "a file could not be read"),
            _ => {}
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_headers() {
        assert_eq!(disposition("video_1.mp4"), "attachment; filename=\"video_1.mp4\"");
        assert_eq!(
            disposition("a\"b\r\nä.mp4"),
            "attachment; filename=\"a_b___.mp4\"; filename*=UTF-8''a%22b%0D%0A%C3%A4.mp4"
        );
    }

    #[test]
    fn etags_are_quoted_once() {
        assert_eq!(quoted("a-1"), "\"a-1\"");
        assert_eq!(quoted("\"a-1\""), "\"a-1\"");
    }
}
