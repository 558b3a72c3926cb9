//! Behaviour against a local server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::{ByteRange, Code};

/// A server that answers a path with the bytes that `answer` gives, writes
/// down request heads, and waits on the same connection for the next request.
struct Server {
    base: Url,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), heads.clone());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (answer, seen) = (answer.clone(), seen.clone());
                tokio::spawn(async move {
                    loop {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            head.push(socket.read_u8().await?);
                        }
                        let head = String::from_utf8_lossy(&head).into_owned();
                        let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                        seen.lock().unwrap().push(head);
                        socket.write_all(answer(&path).as_bytes()).await?;
                    }
                    #[expect(unreachable_code, reason = "names the type of the errors")]
                    std::io::Result::Ok(())
                });
            }
        });
        Server { base, heads }
    }

    fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    fn head(&self, n: usize) -> String {
        self.heads.lock().unwrap()[n].to_ascii_lowercase()
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn client(allow: &[&str]) -> Client {
    Client::new(ClientSettings {
        allow: allow.iter().map(|net| net.parse().unwrap()).collect(),
        idle_timeout: Duration::from_millis(300),
        response_timeout: Duration::from_secs(2),
        ..ClientSettings::default()
    })
    .unwrap()
}

const NONE: BTreeMap<String, String> = BTreeMap::new();

#[tokio::test]
async fn loopback_is_refused_until_it_is_allowed() {
    let server = Server::start(|_| ok("hello")).await;
    let by_name =
        Url::parse(&format!("http://localhost:{}/", server.base.port().unwrap())).unwrap();
    for url in [&server.base, &by_name] {
        let error = client(&[]).get(url, &NONE, None).await.unwrap_err();
        assert_eq!(error.code, Code::AddressRefused, "{url}");
        assert_eq!(client(&[]).check_host(url).await.unwrap_err().code, Code::AddressRefused);
        let open = client(&["127.0.0.0/8"]);
        assert_eq!(open.check_host(url).await, Ok(()));
        let body = open.get(url, &NONE, None).await.unwrap().bytes(5).await.unwrap();
        assert_eq!(body, b"hello");
    }
    assert_eq!(server.heads.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn every_hop_is_checked_and_secrets_stay_with_their_origin() {
    let target = Server::start(|_| ok("there")).await;
    let (there, port) = (target.url("/end"), target.base.port().unwrap());
    let server = Server::start(move |path| {
        let to = match path {
            "/cross" => there.to_string(),
            "/same" => "/plain".into(),
            "/refused" => format!("http://127.0.0.2:{port}/"),
            "/mapped" => format!("http://[::ffff:127.0.0.2]:{port}/"),
            "/scheme" => "file:///etc/passwd".into(),
            "/login" => format!("http://me:pw@127.0.0.1:{port}/"),
            "/loop" => "/loop".into(),
            _ => return ok("here"),
        };
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
    })
    .await;
    let client = client(&["127.0.0.1/32"]);
    let headers: BTreeMap<String, String> = [
        ("cookie", "secret"),
        ("Authorization", "secret"),
        ("x-kept", "yes"),
        ("Host", "elsewhere"),
        ("range", "bytes=7-9"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into();

    let response =
        client.get(&server.url("/cross"), &headers, Some(ByteRange::between(3, 10))).await.unwrap();
    assert_eq!(response.url(), &target.url("/end"));
    let (first, second) = (server.head(0), target.head(0));
    assert!(first.contains("cookie: secret") && first.contains("authorization: secret"));
    assert!(!second.contains("secret"));
    for head in [first, second] {
        assert!(head.contains("x-kept: yes") && head.contains("range: bytes=3-9\r\n"));
        assert!(!head.contains("elsewhere") && !head.contains("7-9"));
    }
    client.get(&server.url("/same"), &headers, None).await.unwrap();
    assert!(server.head(2).contains("cookie: secret"));

    for (path, code) in [
        ("/refused", Code::AddressRefused),
        ("/mapped", Code::AddressRefused),
        ("/scheme", Code::UnsupportedUrl),
        ("/login", Code::UnsupportedUrl),
        ("/loop", Code::SourceFailed),
    ] {
        let error = client.get(&server.url(path), &NONE, None).await.unwrap_err();
        assert_eq!(error.code, code, "{path}");
    }
    assert_eq!(target.heads.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stall_a_cut_and_a_flood_are_errors() {
    let server = Server::start(|path| match path {
        "/stall" => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin".into(),
        "/silent" => String::new(),
        _ => ok(&"x".repeat(5000)),
    })
    .await;
    let client = client(&["127.0.0.0/8"]);
    let mut response = client.get(&server.url("/stall"), &NONE, None).await.unwrap();
    assert_eq!(response.length(), Some(100));
    assert_eq!(response.chunk().await.unwrap().unwrap(), "begin");
    let began = Instant::now();
    assert_eq!(response.chunk().await.unwrap_err().code, Code::SourceTimeout);
    assert!(began.elapsed() < Duration::from_secs(10));

    let error = client.get(&server.url("/silent"), &NONE, None).await.unwrap_err();
    assert_eq!(error.code, Code::SourceTimeout);
    let flood = client.get(&server.url("/flood"), &NONE, None).await.unwrap();
    assert_eq!(flood.bytes(4999).await.unwrap_err().code, Code::TooLarge);
}

#[tokio::test]
async fn statuses_become_codes_and_ranges_are_read() {
    let server = Server::start(|path| {
        let path = path.trim_start_matches('/');
        let (status, wait) = path.split_once('/').unwrap_or((path, "7"));
        let wait = wait.replace('_', " ");
        format!(
            "HTTP/1.1 {status} X\r\nContent-Range: bytes 5-9/20\r\nRetry-After: {wait}\r\nContent-Length: 0\r\n\r\n"
        )
    })
    .await;
    let client = client(&["127.0.0.0/8"]);
    for (status, code) in [
        ("403", Code::PrivateVideo),
        ("404", Code::RemovedVideo),
        ("429", Code::RateLimited),
        ("503", Code::SourceUnreachable),
        ("418", Code::SourceFailed),
    ] {
        let response = client.get(&server.url(status), &NONE, None).await.unwrap();
        let error = response.ok().unwrap_err();
        assert_eq!(error.code, code);
        if matches!(status, "429" | "503") {
            assert_eq!(error.retry, crate::Retry::After(Duration::from_secs(7)));
        }
    }
    let wait = async |path: &str| {
        client.get(&server.url(path), &NONE, None).await.unwrap().ok().unwrap_err().retry
    };
    let hour = crate::Retry::After(Duration::from_secs(3600));
    assert_eq!(wait("503/99999999").await, hour);
    assert_eq!(wait("503/Tue,_31_Dec_2999_23:59:59_GMT").await, hour);
    let now = crate::Retry::After(Duration::ZERO);
    assert_eq!(wait("429/Wed,_21_Oct_2015_07:28:00_GMT").await, now);
    assert_eq!(wait("503/soon").await, crate::Retry::Later);
    let part = client.head(&server.url("206"), &NONE).await.unwrap().ok().unwrap();
    let range = ByteRange::between(5, 10);
    assert_eq!(part.content_range(), Some(ContentRange { range, size: Some(20) }));
    assert_eq!(part.total_size(), Some(20));
}

#[tokio::test]
async fn nobody_home_can_be_tried_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = client(&["127.0.0.0/8"]).get(&url, &NONE, None).await.unwrap_err();
    assert_eq!((error.code, error.retry), (Code::SourceUnreachable, crate::Retry::Later));
}
