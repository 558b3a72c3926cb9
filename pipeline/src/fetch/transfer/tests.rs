//! The engine against a local server.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use clipmill_core::net::{Client, ClientSettings};
use clipmill_core::{ByteRange, Code, Error, lock};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::settings::FetchSettings;

const SIZE: usize = 3 * 1024 * 1024;

/// Bytes of a file, of which no two neighbourhoods are alike.
fn content() -> Bytes {
    static CONTENT: LazyLock<Bytes> =
        LazyLock::new(|| (0..SIZE / 4).flat_map(|index| (index as u32).to_be_bytes()).collect());
    CONTENT.clone()
}

/// Serves one file in different ways, by the path.
struct FileServer {
    base: Url,
    requests: AtomicUsize,
}

impl FileServer {
    async fn start() -> Arc<FileServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = Arc::new(FileServer { base, requests: AtomicUsize::new(0) });
        let shared = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&shared);
                let service = hyper::service::service_fn(move |request| {
                    let response = server.respond(&request);
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        server
    }

    fn respond(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let earlier = self.requests.fetch_add(1, Ordering::Relaxed);
        match request.uri().path() {
            "/expired" => empty(StatusCode::FORBIDDEN),
            "/busy" if earlier == 1 => empty(StatusCode::TOO_MANY_REQUESTS),
            "/whole" => Response::new(Full::new(content())),
            "/changing" => partial(request.headers(), &format!("\"{earlier}\"")),
            _ => partial(request.headers(), "\"same\""),
        }
    }

    fn address(&self, path: &str) -> RemoteAddress {
        RemoteAddress { url: self.base.join(path).unwrap(), headers: BTreeMap::new() }
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::default()).unwrap()
}

fn partial(headers: &HeaderMap, tag: &str) -> Response<Full<Bytes>> {
    let range = headers[header::RANGE].to_str().unwrap().strip_prefix("bytes=").unwrap();
    let (first, last) = range.split_once('-').unwrap();
    let range = ByteRange::from_inclusive(first.parse().unwrap(), last.parse().unwrap()).unwrap();
    let range = ByteRange::between(range.offset, range.end().min(SIZE as u64));
    let content_range = range.content_range(SIZE as u64).unwrap();
    Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_RANGE, content_range)
        .header(header::ETAG, tag)
        .body(Full::new(content().slice(range.offset as usize..range.end() as usize)))
        .unwrap()
}

fn transfer() -> Arc<TransferContext> {
    let settings =
        ClientSettings { allow: vec!["127.0.0.0/8".parse().unwrap()], ..ClientSettings::default() };
    let client = Client::new(settings).unwrap();
    Arc::new(TransferContext::new(client, &FetchSettings::default(), u64::MAX))
}

/// An address whose renewal is this one.
fn renewed_to(address: RemoteAddress) -> RenewAddress {
    Arc::new(move || {
        let fresh = address.clone();
        Box::pin(async move { Ok(fresh) })
    })
}

async fn open(
    transfer: &Arc<TransferContext>,
    address: RemoteAddress,
    fresh: RemoteAddress,
) -> Result<Arc<RemoteFile>, Error> {
    let opened = RemoteFile::open(Arc::clone(transfer), address, renewed_to(fresh), 1000).await?;
    match opened {
        OpenedFile::Ranged(file) => Ok(file),
        OpenedFile::Whole(_) => panic!("the server serves ranges"),
    }
}

#[tokio::test]
async fn ranges_arrive_at_their_place() {
    let (server, transfer) = (FileServer::start().await, transfer());
    let file = open(&transfer, server.address("/file"), server.address("/file")).await.unwrap();
    assert_eq!((file.size, file.head.len()), (SIZE as u64, 1000));
    let buffer = Arc::new(Mutex::new(vec![0; SIZE]));
    let range = |source: ByteRange, target_offset| RangeDownload {
        origin: &file.origin,
        source,
        sink: DownloadSink::Memory(Arc::clone(&buffer)),
        target_offset,
    };
    let half = SIZE as u64 / 2;
    let halves = [
        range(ByteRange::between(half, SIZE as u64), 0),
        range(ByteRange::between(0, half), SIZE as u64 - half),
    ];
    let last = Mutex::new(FirstMissing { download: 0, offset: 0 });
    let on_progress = |missing: FirstMissing| {
        let mut last = lock(&last);
        assert!(missing >= *last, "progress runs back");
        *last = missing;
    };
    download(&transfer, &halves, &on_progress).await.unwrap();
    let content = content();
    assert!(lock(&buffer).starts_with(&content[SIZE / 2..]));
    assert!(lock(&buffer).ends_with(&content[..SIZE / 2]));
    // More where a connection took over from another one that was slow.
    assert!(transfer.budget.received() >= SIZE as u64 + 1000);
    let requests = server.requests.load(Ordering::Relaxed);
    assert!(requests > 2, "{requests} requests");
}

#[tokio::test]
async fn what_was_read_is_not_requested_again() {
    let (server, transfer) = (FileServer::start().await, transfer());
    let file = open(&transfer, server.address("/file"), server.address("/file")).await.unwrap();
    let read = ByteRange::between(500, 50_000);
    assert_eq!(file.read(read).await.unwrap(), content().slice(500..50_000));
    let requests = server.requests.load(Ordering::Relaxed);
    assert_eq!(file.read(ByteRange::between(0, 40_000)).await.unwrap().len(), 40_000);
    assert_eq!(server.requests.load(Ordering::Relaxed), requests);
}

#[tokio::test]
async fn a_busy_server_gets_fewer_connections() {
    let (server, transfer) = (FileServer::start().await, transfer());
    let file = open(&transfer, server.address("/busy"), server.address("/busy")).await.unwrap();
    let all = ByteRange { offset: 0, len: SIZE as u64 };
    assert_eq!(file.read(all).await.unwrap(), content());
    assert_eq!(transfer.connections.limit(), FetchSettings::default().connections / 2);
}

#[tokio::test]
async fn an_expired_address_is_renewed_once() {
    let (server, transfer) = (FileServer::start().await, transfer());
    let (expired, fresh) = (server.address("/expired"), server.address("/file"));
    let file = open(&transfer, expired.clone(), fresh).await.unwrap();
    assert_eq!(file.read(ByteRange::between(0, 9000)).await.unwrap(), content().slice(..9000));
    let refused = open(&transfer, expired.clone(), expired).await.err().unwrap();
    assert_eq!(refused.code, Code::PrivateVideo);
}

#[tokio::test]
async fn parts_of_another_version_are_refused() {
    let (server, transfer) = (FileServer::start().await, transfer());
    let address = server.address("/changing");
    let file = open(&transfer, address.clone(), address).await.unwrap();
    let error = file.read(ByteRange::between(2000, 3000)).await.unwrap_err();
    assert_eq!(error.code, Code::SourceChanged);
}

#[tokio::test]
async fn files_of_unknown_size_arrive_whole() {
    let (server, transfer) = (FileServer::start().await, transfer());
    let addresses = ["/file", "/whole", "/file?2"].map(|path| server.address(path));
    let origins = addresses.map(|address| {
        FileOrigin::new(Arc::clone(&transfer), address.clone(), renewed_to(address))
    });
    let files: Vec<_> = (0..3).map(|_| Arc::new(tempfile::tempfile().unwrap())).collect();
    let sinks = files.iter().map(|file| DownloadSink::File(Arc::clone(file)));
    let downloads =
        origins.iter().zip(sinks).map(|(origin, sink)| RangeDownload::unsized_file(origin, sink));
    download_with_unsized(&transfer, Vec::new(), downloads.collect()).await.unwrap();
    for mut file in files {
        use std::io::{Read, Seek};
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes == content());
    }
}

#[tokio::test]
async fn a_download_beyond_the_budget_is_refused() {
    let server = FileServer::start().await;
    let client = transfer().client.clone();
    let settings = FetchSettings::default();
    let small = Arc::new(TransferContext::new(client, &settings, 5000));
    let file = open(&small, server.address("/file"), server.address("/file")).await.unwrap();
    let error = file.read(ByteRange::between(0, 100_000)).await.unwrap_err();
    assert_eq!(error.code, Code::TooLarge);
}
