//! A server of one file, on the loopback address, for one ffmpeg: so ffmpeg never
//! reaches another machine itself.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clipmill_core::ByteRange;
use futures_util::TryStreamExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{AbortHandle, JoinSet};

use super::reader::read_range;
use crate::fetch::transfer::RemoteFile;

/// Most connections at a time; ffmpeg has one, or two while it jumps.
const MAX_CONNECTIONS: usize = 8;
/// The system's send buffer of a connection, bytes.
const SEND_BUFFER: u32 = 64 * 1024;
/// Longest wait for a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

type RelayBody = UnsyncBoxBody<Bytes, io::Error>;

/// The running server. Dropping it ends it and all its connections.
pub(crate) struct Relay {
    address: String,
    task: AbortHandle,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// Serves a file under an address that can't be guessed.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(file: Arc<RemoteFile>) -> io::Result<Relay> {
        let socket = TcpSocket::new_v4()?;
        // When ffmpeg jumps away, what is in the system's buffer was downloaded for
        // nothing. Connections inherit the size.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(16)?;
        let path = format!("/{:032x}", rand::random::<u128>());
        let address = format!("http://{}{path}", listener.local_addr()?);
        let task = tokio::spawn(accept_connections(listener, file, Arc::from(path))).abort_handle();
        Ok(Relay { address, task })
    }

    /// Where the file is served.
    pub fn address(&self) -> &str {
        &self.address
    }
}

async fn accept_connections(listener: TcpListener, file: Arc<RemoteFile>, path: Arc<str>) {
    // Ends its connections when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the relay can't accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (file, path) = (Arc::clone(&file), Arc::clone(&path));
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let response = respond(&request, &file, &path);
                async move { Ok::<_, Infallible>(response) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(SEND_BUFFER as usize)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                // ffmpeg closes a connection whenever it has read enough.
                tracing::trace!(%error, "a relayed connection ended early");
            }
        });
    }
}

fn respond(request: &Request<Incoming>, file: &Arc<RemoteFile>, path: &str) -> Response<RelayBody> {
    if request.uri().path() != path {
        return empty(StatusCode::NOT_FOUND);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let requested = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = match requested.map(|range| parse_range(range, file.size)) {
        None => ByteRange { offset: 0, len: file.size },
        Some(Some(range)) => range,
        Some(None) => {
            let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            set_header(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", file.size));
            return response;
        }
    };
    let body = match *request.method() {
        Method::HEAD => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        _ => StreamBody::new(read_range(file, range).map_ok(Frame::data)).boxed_unsync(),
    };
    let mut response = Response::new(body);
    if let Some(range) = requested.and(range.content_range(file.size)) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set_header(&mut response, header::CONTENT_RANGE, &range);
    }
    set_header(&mut response, header::ACCEPT_RANGES, "bytes");
    set_header(&mut response, header::CONTENT_LENGTH, &range.len.to_string());
    response
}

fn empty(status: StatusCode) -> Response<RelayBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn set_header(response: &mut Response<RelayBody>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The bytes that a `Range` header names of a file of this size: `bytes=a-` or
/// `bytes=a-b`, which is all that ffmpeg sends. None for other forms and beyond the
/// end.
fn parse_range(header: &str, size: u64) -> Option<ByteRange> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let first: u64 = first.trim().parse().ok()?;
    let range = match last.trim() {
        "" => ByteRange::starting_at(first),
        last => ByteRange::from_inclusive(first, last.parse().ok()?)?,
    };
    Some(ByteRange::between(first, range.end().min(size))).filter(|range| !range.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let all = ByteRange::between(0, 100);
        assert_eq!(parse_range("bytes=0-", 100), Some(all));
        assert_eq!(parse_range("bytes=0-99", 100), Some(all));
        assert_eq!(parse_range("bytes=10-1000", 100), Some(ByteRange::between(10, 100)));
        for bad in ["bytes=100-", "bytes=-5", "bytes=5-4", "items=0-1", "bytes=0-1,3-4", ""] {
            assert_eq!(parse_range(bad, 100), None, "{bad}");
        }
    }
}
