//! Sending finished files: in pieces, whole or in part.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::{Context, Poll};

use bytes::Bytes;
use clipmill_storage::StoredFile;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, StatusCode};
use warp::reply::{Reply as _, Response};

use super::call::Call;
use super::error::ApiError;
use super::range::{Part, part};
use super::route::Answer;
use crate::telemetry::ByteFlow;

impl Call {
    /// The file as an attachment of this name (without its extension, which
    /// follows from the file).
    ///
    /// # Errors
    /// 404 when its bytes are gone, 416 for a range outside of it.
    pub async fn send_file(&self, file: &StoredFile, stem: &str) -> Answer {
        let gone = || ApiError::not_found("file_gone", "The file is no longer there");
        let artifact = self.app.artifacts.open(&file.file_path).await?.ok_or_else(gone)?;
        let (extension, media_type) = kind(&file.file_path);
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
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(CONTENT_DISPOSITION, header(&disposition(&format!("{stem}.{extension}"))));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(ETAG, header(&etag));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        Ok(response)
    }
}

/// Extension and media type by the key's extension; a file is never sent as
/// something that a browser would run.
fn kind(key: &str) -> (&'static str, &'static str) {
    let extension = key.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("webm") => ("webm", "video/webm"),
        Some("mkv") => ("mkv", "video/x-matroska"),
        _ => ("mp4", "video/mp4"),
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
    fn media_types_follow_extensions() {
        assert_eq!(kind("abc.webm").1, "video/webm");
        assert_eq!(kind("abc.html"), ("mp4", "video/mp4"));
        assert_eq!(kind("/old/place/abc.MP4").1, "video/mp4");
    }

    #[test]
    fn etags_are_quoted_once() {
        assert_eq!(quoted("a-1"), "\"a-1\"");
        assert_eq!(quoted("\"a-1\""), "\"a-1\"");
    }
}
