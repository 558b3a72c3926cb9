//! Sending finished files: in pieces, whole or in part, or by the address
//! under which the store hands them out.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use clipmill_core::{ByteRange, Code, Time};
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
use super::error::{Answer, ApiError};
use super::range::{RequestedRange, requested_range};
use crate::artifacts::{Artifact, Shown, extension_and_media_type};
use crate::telemetry::ByteFlow;

/// The file as an attachment of this name (without its extension, which
/// follows from the file), which is there until `expires_at`. Where that is
/// configured, the answer to anything but HEAD is an address of the store.
///
/// # Errors
/// 404 when its bytes are gone, 416 for a range outside of it.
pub async fn send_file(
    call: &Call,
    file: &StoredFile,
    expires_at: Option<Time>,
    stem: &str,
) -> Answer {
    let name = &file.file_path;
    let Some(artifact) = call.app.stores.files.open(name).await? else {
        tracing::error!(file.name = name, "a finished file is not in the store");
        return Err(ApiError::not_found(Code::FileGone, "The file is no longer there"));
    };
    let (extension, media_type) = extension_and_media_type(name);
    let disposition = content_disposition(&format!("{stem}.{extension}"));
    let shown = Shown { disposition: &disposition, media_type };
    match signed_address(call, name, expires_at, shown).await? {
        Some(url) => Ok(redirect(call, &url)),
        None => send_bytes(call, artifact, shown),
    }
}

/// Where the store itself hands out the file; none when the daemon sends it. The
/// address is good for a GET, so a HEAD is answered here.
async fn signed_address(
    call: &Call,
    name: &str,
    expires_at: Option<Time>,
    shown: Shown<'_>,
) -> Result<Option<Url>, ApiError> {
    let settings = &call.app.config.artifacts;
    if !settings.redirect || call.method == Method::HEAD {
        return Ok(None);
    }
    let life = Duration::from_secs(settings.redirect_seconds);
    let left = expires_at.map(|end| (end - call.app.clock.now()).to_std().unwrap_or_default());
    let life = left.map_or(life, |left| life.min(left));
    Ok(call.app.stores.files.sign(name, life, shown).await?)
}

/// After a POST the client must GET.
fn redirect(call: &Call, to: &Url) -> Response {
    let mut response = Response::default();
    *response.status_mut() = match call.method {
        Method::POST => StatusCode::SEE_OTHER,
        _ => StatusCode::FOUND,
    };
    let headers = response.headers_mut();
    headers.insert(LOCATION, header(to.as_str()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn send_bytes(call: &Call, artifact: Artifact, shown: Shown<'_>) -> Answer {
    let size = artifact.size;
    let etag = quoted(&artifact.etag);
    let (status, range) = match requested_range(&call.headers, size, &etag) {
        RequestedRange::Whole => (StatusCode::OK, ByteRange::between(0, size)),
        RequestedRange::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
        RequestedRange::Unsatisfiable => return Err(unsatisfiable(size)),
    };
    let mut response = if call.method == Method::HEAD {
        Response::default()
    } else {
        let app = Arc::clone(&call.app);
        let count = move |bytes: u64| app.metrics.bytes(ByteFlow::Served, bytes);
        let pieces = artifact.read(range.into());
        warp::reply::stream(CountedStream::new(pieces, count)).into_response()
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::PARTIAL_CONTENT
        && let Some(range) = range.content_range(size)
    {
        headers.insert(CONTENT_RANGE, header(&range));
    }
    headers.insert(CONTENT_TYPE, header(shown.media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(range.len));
    headers.insert(CONTENT_DISPOSITION, header(shown.disposition));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, header(&etag));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

fn unsatisfiable(size: u64) -> ApiError {
    ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        Code::RangeNotSatisfiable,
        "The file has no such bytes",
    )
    .header(CONTENT_RANGE, header(&format!("bytes */{size}")))
}

/// A `Content-Disposition` by RFC 6266: plain where the name is plain, with
/// an encoded second form where it is not.
fn content_disposition(name: &str) -> String {
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

/// A header's value. The texts here consist of visible ASCII.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// The pieces of a file, counted as they are sent. The lock is never contended: it
/// is there because warp shares bodies between threads, which streams of pieces
/// don't allow by themselves.
struct CountedStream<F: Fn(u64)> {
    pieces: Mutex<BoxStream<'static, std::io::Result<Bytes>>>,
    count: F,
}

impl<F: Fn(u64)> CountedStream<F> {
    fn new(pieces: BoxStream<'static, std::io::Result<Bytes>>, count: F) -> CountedStream<F> {
        CountedStream { pieces: Mutex::new(pieces), count }
    }
}

impl<F: Fn(u64) + Unpin> Stream for CountedStream<F> {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pieces = self.pieces.get_mut().unwrap_or_else(PoisonError::into_inner);
        let next = pieces.as_mut().poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(piece))) => (self.count)(piece.len() as u64),
            Poll::Ready(Some(Err(error))) => {
                tracing::error!(%error, "a file could not be read from the store; the answer breaks off")
            }
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
        assert_eq!(content_disposition("video_1.mp4"), "attachment; filename=\"video_1.mp4\"");
        assert_eq!(
            content_disposition("a\"b\r\nä.mp4"),
            "attachment; filename=\"a_b___.mp4\"; filename*=UTF-8''a%22b%0D%0A%C3%A4.mp4"
        );
    }

    #[test]
    fn etags_are_quoted_once() {
        assert_eq!(quoted("a-1"), "\"a-1\"");
        assert_eq!(quoted("\"a-1\""), "\"a-1\"");
    }
}
