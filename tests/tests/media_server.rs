//! The media server does what tests ask of it, seen over plain sockets: no client's own cleverness
//! hides what came.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use clipmill_tests::media_server::{ALWAYS, Content};
use clipmill_tests::{Behaviour, MediaServer};

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// Whether the server closed the connection before `Content-Length` was reached.
    cut: bool,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

fn send(server: &MediaServer, method: &str, path: &str, headers: &str) -> TcpStream {
    let address = server.base();
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    stream.write_all(format!("{request}{headers}\r\n").as_bytes()).unwrap();
    stream
}

fn read(mut stream: TcpStream) -> Reply {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => {}
    }
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply { status, head, body: all[end..].to_vec(), cut: false };
    let announced = reply.header("content-length").and_then(|length| length.parse().ok());
    reply.cut = announced.is_some_and(|length: usize| reply.body.len() < length);
    reply
}

fn get(server: &MediaServer, path: &str, headers: &str) -> Reply {
    read(send(server, "GET", path, headers))
}

const SIZE: usize = 300_000;

fn bytes() -> Vec<u8> {
    (0..SIZE).map(|place| (place / 7) as u8).collect()
}

fn server() -> MediaServer {
    let server = MediaServer::new();
    server.route("/v", |_| Some(Content::bytes("video/mp4", bytes())));
    server
}

#[test]
fn files_and_ranges_are_served_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.mp4"), bytes()).unwrap();
    let server = MediaServer::new();
    server.folder("/files", folder.path());

    let whole = get(&server, "/files/a.mp4", "");
    assert_eq!((whole.status, whole.body.len()), (200, SIZE));
    assert_eq!(whole.header("content-type"), Some("video/mp4"));
    let part = get(&server, "/files/a.mp4", "range: bytes=1000-1999\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &bytes()[1000..2000]));
    assert_eq!(part.header("content-range"), Some("bytes 1000-1999/300000"));
    assert_eq!(get(&server, "/files/a.mp4", "range: bytes=300000-\r\n").status, 416);
    let head = read(send(&server, "HEAD", "/files/a.mp4", ""));
    assert_eq!((head.header("content-length"), head.body.len()), (Some("300000"), 0));
    for missing in ["/files/b.mp4", "/files/../a.mp4", "/files", "/other"] {
        assert_eq!(get(&server, missing, "").status, 404, "{missing}");
    }

    let stats = server.stats("/files/a.mp4");
    assert_eq!(stats.count(), 4);
    assert_eq!(stats.ranges(), ["bytes=1000-1999", "bytes=300000-"]);
    assert_eq!(stats.bytes_sent, SIZE as u64 + 1000);
    assert_eq!(stats.requests[3].method, "HEAD");
    assert_eq!(server.stats_under("/files").count(), 7);
    server.reset_stats();
    assert_eq!(server.stats_under("/").count(), 0);
}

#[test]
fn slow_answers_are_slow() {
    let server = server();
    let timed = |path: &str, headers: &str| {
        let began = Instant::now();
        assert!(!get(&server, path, headers).cut);
        began.elapsed().as_secs_f64()
    };
    server.behave("/v", Behaviour::new().throttle(600_000));
    let throttled = timed("/v", "");
    assert!(throttled > 0.45, "{throttled}");
    server.behave("/v", Behaviour::new().latency(Duration::from_millis(300)));
    let late = timed("/v", "");
    assert!(late > 0.29, "{late}");
    server.behave("/v", Behaviour::new().throttle_answers_over(100_000, 100_000));
    let short = timed("/v", "range: bytes=0-99999\r\n");
    assert!(short < 0.8, "it would take 1 s if it were slowed down: {short}");
    assert!(timed("/v", "range: bytes=0-100000\r\n") > 0.95);
}

#[test]
fn the_rate_is_for_each_connection() {
    let server = server();
    server.behave("/v", Behaviour::new().throttle(600_000));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(get(&server, "/v", "").body.len(), SIZE));
        }
    });
    let took = began.elapsed().as_secs_f64();
    assert!((0.45..1.9).contains(&took), "2 s if they shared it: {took}");
    assert_eq!(server.stats("/v").most_at_once, 4);
}

#[test]
fn connections_drop_as_often_as_asked() {
    let server = server();
    server.behave("/v", Behaviour::new().drop_after(100_000, 2));
    for _ in 0..2 {
        let short = get(&server, "/v", "range: bytes=0-50\r\n");
        assert!(!short.cut, "an answer that ends before the fault is whole");
        let reply = get(&server, "/v", "");
        assert_eq!((reply.cut, &reply.body[..]), (true, &bytes()[..100_000]));
    }
    let whole = get(&server, "/v", "");
    assert_eq!((whole.cut, whole.body.len()), (false, SIZE));
}

#[test]
fn a_stalled_connection_stays_open_and_ends_with_the_server() {
    let server = server();
    server.behave("/v", Behaviour::new().stall_after(1_000, ALWAYS));
    let mut stream = send(&server, "GET", "/v", "");
    stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    let mut got = Vec::new();
    let error = stream.read_to_end(&mut got).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    assert!(got.ends_with(&bytes()[..1_000]));
    assert_eq!(server.stats("/v").bytes_sent, 1_000);

    let began = Instant::now();
    drop(server);
    assert!(began.elapsed() < Duration::from_secs(10));
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let rest = stream.read_to_end(&mut got);
    assert!(rest.is_ok() || rest.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
}

#[test]
fn refusals_come_first_and_then_the_content() {
    let server = server();
    server.behave("/v", Behaviour::new().fail(403, 2));
    let statuses: Vec<u16> = (0..3).map(|_| get(&server, "/v", "").status).collect();
    assert_eq!(statuses, [403, 403, 200]);
    server.behave("/v", Behaviour::new().too_many(1, 7));
    let reply = get(&server, "/v", "");
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")));
    assert_eq!(get(&server, "/v", "").status, 200);
    server.behave("/", Behaviour::new().fail(500, ALWAYS));
    server.behave("/v", Behaviour::new().redirect("http://127.0.0.1:1/elsewhere"));
    assert_eq!(get(&server, "/else", "").status, 500);
    let reply = get(&server, "/v", "");
    assert_eq!(
        (reply.status, reply.header("location")),
        (302, Some("http://127.0.0.1:1/elsewhere"))
    );
    server.behave_well();
    assert_eq!(get(&server, "/v", "").status, 200);
}

#[test]
fn ranges_can_be_ignored_and_lengths_can_lie() {
    let server = server();
    server.behave("/v", Behaviour::new().without_ranges());
    let reply = get(&server, "/v", "range: bytes=10-19\r\n");
    assert_eq!((reply.status, reply.body.len()), (200, SIZE));
    assert_eq!(reply.header("accept-ranges"), Some("none"));
    server.behave("/v", Behaviour::new().wrong_length(500));
    let reply = get(&server, "/v", "");
    assert_eq!((reply.header("content-length"), reply.cut), (Some("300500"), true));
    server.behave("/v", Behaviour::new().wrong_length(-500));
    let reply = get(&server, "/v", "");
    assert_eq!((reply.header("content-length"), reply.body.len()), (Some("299500"), SIZE - 500));
}

#[test]
fn content_changes_under_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.mp4");
    std::fs::write(&other, vec![9_u8; SIZE]).unwrap();
    let server = server();
    server.behave("/v", Behaviour::new().etag("first").change_after(1, &other));
    let first = get(&server, "/v", "range: bytes=0-99\r\n");
    assert_eq!((first.status, first.header("etag")), (206, Some("\"first\"")));
    let rest = get(&server, "/v", "range: bytes=100-199\r\nif-range: \"first\"\r\n");
    assert_eq!((rest.status, rest.body.len(), rest.body[0]), (200, SIZE, 9));
    let refused = get(&server, "/v", "range: bytes=100-199\r\nif-match: \"first\"\r\n");
    assert_eq!(refused.status, 412);
}
