//! A server of one file, on the loopback address, for one ffmpeg: so ffmpeg
//! never reaches another machine itself.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::{AbortHandle, JoinSet};

use super::reader;
use crate::fetch::transfer::remote_file::Upstream;

/// Most connections at a time; ffmpeg has one, or two while it jumps.
const CONNECTIONS: usize = 8;
/// The system's send buffer of a connection, bytes.
const BUFFER: u32 = 64 * 1024;
/// Longest wait for a request's head.
const HEAD_WAIT: Duration = Duration::from_secs(30);

type Body = UnsyncBoxBody<Bytes, io::Error>;

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
    /// Serves a file under an address that nobody can guess.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(file: Arc<Upstream>) -> io::Result<Relay> {
        let socket = TcpSocket::new_v4()?;
        // What lies in the system's buffer was read from afar for nothing when
        // ffmpeg jumps away. Connections take the size over.
        socket.set_send_buffer_size(BUFFER)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(16)?;
        let path = format!("/{:032x}", rand::random::<u128>());
        let address = format!("http://{}{path}", listener.local_addr()?);
        let task = tokio::spawn(accept(listener, file, Arc::from(path))).abort_handle();
        Ok(Relay { address, task })
    }

    /// Where the file is served.
    pub fn address(&self) -> &str {
        &self.address
    }
}

async fn accept(listener: TcpListener, file: Arc<Upstream>, path: Arc<str>) {
    // Ends its connections when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
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
                let answer = answer(&request, &file, &path);
                async move { Ok::<_, Infallible>(answer) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WAIT)
                .max_buf_size(BUFFER as usize)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                // ffmpeg closes a connection whenever it has read enough.
                tracing::trace!(%error, "a relayed connection ended early");
            }
        });
    }
}

fn answer(request: &Request<Incoming>, file: &Arc<Upstream>, path: &str) -> Response<Body> {
    if request.uri().path() != path {
        return empty(StatusCode::NOT_FOUND);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let last = file.size.saturating_sub(1);
    let asked = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let (from, to) = match asked.map(|range| parse(range, last)) {
        None => (0, last),
        Some(Some(range)) => range,
        Some(None) => {
            let mut response = empty(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", file.size));
            return response;
        }
    };
    let body = match *request.method() {
        Method::HEAD => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        _ => StreamBody::new(reader::read(file, from, to).map_ok(Frame::data)).boxed_unsync(),
    };
    let mut response = Response::new(body);
    if asked.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {from}-{to}/{}", file.size));
    }
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::CONTENT_LENGTH, &(to - from + 1).to_string());
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// `bytes=a-` or `bytes=a-b`, which is all that ffmpeg asks for.
fn parse(range: &str, last: u64) -> Option<(u64, u64)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.trim().parse().ok()?;
    let to = match to.trim() {
        "" => last,
        to => to.parse::<u64>().ok()?.min(last),
    };
    (from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(parse("bytes=0-", 99), Some((0, 99)));
        assert_eq!(parse("bytes=10-1000", 99), Some((10, 99)));
        for bad in ["bytes=100-", "bytes=-5", "bytes=5-4", "items=0-1", "bytes=0-1,3-4", ""] {
            assert_eq!(parse(bad, 99), None, "{bad}");
        }
    }
}
