//! Behaviour against a local server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clipmill_core::net;
use clipmill_core::probe::Container;
use clipmill_core::{Code, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server of one file. `cut` is how many bytes of a body it sends at most
/// before it hangs up; `ranges` is whether it knows them.
struct FileServer {
    base: Url,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FileServer {
    async fn start(file: Vec<u8>, ranges: bool, cut: usize) -> FileServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, file) = (requests.clone(), Arc::new(file));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
                let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="));
                seen.lock().unwrap().push(range.unwrap_or("all").to_owned());
                let size = file.len();
                let (first, last) = match range.and_then(|r| r.split_once('-')) {
                    Some((first, last)) if ranges => (
                        first.parse::<usize>().unwrap(),
                        last.parse().unwrap_or(size - 1).min(size - 1),
                    ),
                    _ => (0, size.wrapping_sub(1)),
                };
                let body = file.get(first..last.wrapping_add(1)).unwrap_or_default();
                let status = if range.is_some() && ranges {
                    format!("206 Partial\r\nContent-Range: bytes {first}-{last}/{size}")
                } else {
                    "200 OK".into()
                };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
                socket.write_all(head.as_bytes()).await?;
                // The client may have hung up after what it wanted.
                let _ = socket.write_all(&body[..body.len().min(cut)]).await;
            }
            std::io::Result::Ok(())
        });
        FileServer { base, requests }
    }

    fn url(&self) -> Url {
        self.base.join("/a/My%20film+1.mp4?sig=1").unwrap()
    }
}

fn source() -> Http {
    let settings = net::ClientSettings {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        idle_timeout: Duration::from_millis(500),
        ..net::ClientSettings::default()
    };
    Http::new(Client::new(settings).unwrap())
}

fn film(size: usize) -> Vec<u8> {
    let mut film = b"\0\0\0\x20ftypisom".to_vec();
    film.extend((0..size).map(|n| (n * 7 % 251) as u8));
    film
}

async fn fetch(
    server: &FileServer,
    max_bytes: u64,
) -> (Result<Vec<u8>, Error>, Vec<FetchProgress>) {
    let folder = tempfile::tempdir().unwrap();
    let what = OpaqueFetch {
        url: server.url(),
        formats: vec!["file".into()],
        span: None,
        folder: folder.path().into(),
        max_bytes,
    };
    let seen = Mutex::new(Vec::new());
    let got = source().fetch(&what, &|progress| seen.lock().unwrap().push(progress)).await;
    (got.map(|path| std::fs::read(path).unwrap()), seen.into_inner().unwrap())
}

#[tokio::test]
async fn a_file_is_known_by_its_first_bytes() {
    for ranges in [true, false] {
        let server = FileServer::start(film(500_000), ranges, usize::MAX).await;
        crate::conformance::resolved_info_is_sound(&source(), &server.url()).await;
        let info = source().resolve(&server.url(), ResolveOptions::default()).await.unwrap();
        assert_eq!(info.title.as_deref(), Some("My film+1.mp4"));
        let [format] = info.formats.as_slice() else { panic!("one format") };
        assert_eq!((format.container, format.size), (Container::Mp4, Some(500_012)));
        assert!(
            matches!(&format.transport, Transport::Progressive { url, .. } if *url == server.url())
        );
    }
    for body in [b"<html><video src=x.mp4>".to_vec(), Vec::new()] {
        let server = FileServer::start(body, false, usize::MAX).await;
        let error = source().resolve(&server.url(), ResolveOptions::default()).await.unwrap_err();
        assert_eq!(error.code, Code::UnsupportedUrl);
    }
}

#[tokio::test]
async fn a_list_comes_whole_and_once() {
    let segments = |count| "#EXTINF:4,\nsegment.ts\n".repeat(count);
    for (path, ranges, count, asked) in [
        ("/list.m3u8", true, 1000, "all"),
        ("/list.M3U8?a=b", false, 1000, "all"),
        // By its name it might be anything.
        ("/list", true, 10, "0-4095"),
        ("/list", true, 1000, "0-4095"),
    ] {
        let text = format!("#EXTM3U\n{}", segments(count));
        let server = FileServer::start(text.clone().into_bytes(), ranges, usize::MAX).await;
        let (source, url) = (source(), server.base.join(path).unwrap());
        let info = source.resolve(&url, ResolveOptions::default()).await.unwrap();
        let [format] = info.formats.as_slice() else { panic!("one format") };
        let Transport::Hls { url: list, headers } = &format.transport else { panic!("{format:?}") };
        let kept = source.client.kept(list, headers);
        let whole = asked == "all" || text.len() <= SNIFFED_BYTES;
        assert_eq!(kept.map(|kept| kept.bytes), whole.then(|| text.into()), "{path} {count}");
        assert_eq!(matches!(info.live, Live::Running { .. }), whole, "{path} {count}");
        assert_eq!(*server.requests.lock().unwrap(), [asked]);
    }
    // Whatever its name says.
    let server = FileServer::start(film(500_000), true, 100_000).await;
    let url = server.base.join("/list.m3u8").unwrap();
    let info = source().resolve(&url, ResolveOptions::default()).await.unwrap();
    assert!(matches!(info.formats[0].transport, Transport::Progressive { .. }));
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_broke() {
    let film = film(1_000_000);
    let server = FileServer::start(film.clone(), true, 400_000).await;
    let (got, progress) = fetch(&server, 2_000_000).await;
    assert!(got.unwrap() == film);
    assert_eq!(*server.requests.lock().unwrap(), ["all", "400000-", "800000-"]);
    assert!(progress.windows(2).all(|pair| pair[0].bytes <= pair[1].bytes));
    assert_eq!(progress.last().unwrap().fraction, Some(1.0));
}

#[tokio::test]
async fn a_server_that_never_delivers_is_given_up() {
    let server = FileServer::start(film(1000), true, 0).await;
    let (got, _) = fetch(&server, 2_000_000).await;
    assert_eq!(got.unwrap_err().code, Code::SourceUnreachable);
    assert_eq!(server.requests.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn the_bound_holds() {
    let server = FileServer::start(film(10_000), true, usize::MAX).await;
    assert_eq!(fetch(&server, 9_999).await.0.unwrap_err().code, Code::TooLarge);
    assert!(fetch(&server, 10_012).await.0.is_ok());
}
