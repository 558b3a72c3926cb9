//! What guests reach through the host's HTTP client, and what they don't.

use std::time::{Duration, Instant};

use clipmill_core::net;
use clipmill_plugins::wasm::{Each, Grant};

use crate::guest::Guest;
use crate::host::{Host, resolve};
use crate::server::{Answer, Server, ok, redirect};

/// Cases of `http-error`, as guests that send answer them.
const REFUSED: f64 = 1000.0;
const INVALID: f64 = 1001.0;
const TOO_LARGE: f64 = 1002.0;
const EXHAUSTED: f64 = 1003.0;
const TIMEOUT: f64 = 1004.0;
const UNREACHABLE: f64 = 1005.0;

const GET: u32 = 0;
const HEAD: u32 = 1;
const POST: u32 = 2;

const LOCAL: &str = "hosts = ['127.0.0.1']\nseconds = 5";

/// What a guest says that sends something to `url`: status or error, and text.
async fn sent(host: &Host, name: &str, url: &str) -> (f64, String) {
    let info = resolve(host.source(name).as_ref(), &format!("?{url}")).await;
    let info = info.unwrap_or_else(|error| panic!("{url}: {error}"));
    (info.duration.unwrap(), info.title.clone().unwrap_or_default())
}

fn getter(wants: &str) -> Guest {
    Guest::source("site").sends(1, GET, &[], "").wants(wants)
}

#[tokio::test]
async fn granted_hosts_are_reached() {
    let server = Server::start(|path| {
        Answer::Send(match path {
            "/missing" => "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno".to_owned(),
            "/moved" => redirect("/there"),
            _ => ok("hello"),
        })
    })
    .await;
    let host = Host::of(&[getter(LOCAL)]).await;
    for (path, status, body) in
        [("x", 200.0, "hello"), ("missing", 404.0, "no"), ("moved", 200.0, "hello")]
    {
        assert_eq!(
            sent(&host, "site", &server.url(path)).await,
            (status, body.to_owned()),
            "{path}"
        );
    }
    let report = host.ears.last("site", "resolve");
    assert_eq!((report.requests, report.received_bytes), (1, 5));
}

#[tokio::test]
async fn hosts_that_nobody_declared_or_granted_are_refused() {
    let server = Server::start(|_| Answer::Send(ok("secret"))).await;
    let url = server.url("x");
    let listed = |hosts: Option<Vec<String>>| Each { hosts, ..Each::default() };
    for (wants, grant, each) in [
        ("seconds = 5", Grant::AsWanted, None),
        ("hosts = ['localhost', '*.localhost', '127.0.0.2']", Grant::AsWanted, None),
        (LOCAL, Grant::Listed, None),
        (LOCAL, Grant::AsWanted, Some(listed(Some(Vec::new())))),
        (LOCAL, Grant::Listed, Some(listed(None))),
    ] {
        let change = |settings: &mut clipmill_plugins::wasm::WasmSettings| {
            settings.grant = grant;
            settings.each.extend(each.map(|each| ("site".to_owned(), each)));
        };
        let host = Host::with(change, &[getter(wants)]).await;
        let (case, told) = sent(&host, "site", &url).await;
        assert_eq!(case, REFUSED, "{wants}: {told}");
        assert!(told.contains("127.0.0.1 is not among the hosts"), "{told}");
    }
    assert!(server.requests().is_empty(), "the server was asked");
    // What the operator grants goes beyond what is wanted.
    let granted = listed(Some(vec!["127.0.0.1".to_owned()]));
    let change = |settings: &mut clipmill_plugins::wasm::WasmSettings| {
        settings.grant = Grant::Listed;
        settings.each.insert("site".to_owned(), granted);
    };
    let host = Host::with(change, &[getter("seconds = 5")]).await;
    assert_eq!(sent(&host, "site", &url).await.0, 200.0);
    assert_eq!(host.state("site").loaded.unwrap().has.hosts, ["127.0.0.1"]);
}

#[tokio::test]
async fn a_redirect_to_a_refused_host_is_not_followed() {
    let other = Server::start(|_| Answer::Send(ok("secret"))).await;
    let port = other.port;
    let server = Server::start(move |path| {
        Answer::Send(redirect(&match path {
            "/name" => format!("http://localhost:{port}/"),
            "/other" => format!("http://127.0.0.2:{port}/"),
            "/metadata" => "http://169.254.169.254/latest/meta-data/".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            "/user" => format!("http://me:x@127.0.0.1:{port}/"),
            _ => "/again".to_owned(),
        }))
    })
    .await;
    let host = Host::of(&[getter(LOCAL)]).await;
    for (path, case) in [
        ("name", REFUSED),
        ("other", REFUSED),
        ("metadata", REFUSED),
        ("file", INVALID),
        ("user", INVALID),
        ("again", INVALID),
    ] {
        let (told, text) = sent(&host, "site", &server.url(path)).await;
        assert_eq!(told, case, "{path}: {text}");
    }
    assert!(other.requests().is_empty(), "the other server was asked");
    // A granted name still has to lie on a permitted address.
    let all = Host::of(&[getter("hosts = ['*']")]).await;
    assert_eq!(sent(&all, "site", &server.url("metadata")).await.0, REFUSED);
}

#[tokio::test]
async fn private_addresses_are_refused_whatever_is_granted() {
    let server = Server::start(|_| Answer::Send(ok("secret"))).await;
    let port = server.port;
    let strict = net::Client::new(net::ClientSettings::default()).unwrap();
    let host = Host::with(|settings| settings.client = strict, &[getter("hosts = ['*']")]).await;
    for address in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://0.0.0.0/".to_owned(),
    ] {
        let (case, told) = sent(&host, "site", &address).await;
        assert_eq!(case, REFUSED, "{address}: {told}");
    }
    assert!(server.requests().is_empty(), "the server was asked");
}

#[tokio::test]
async fn other_schemes_are_invalid() {
    let host = Host::of(&[getter("hosts = ['*']")]).await;
    for address in
        ["file:///etc/passwd", "ftp://127.0.0.1/", "x", "", "http://", "http://a:b@127.0.0.1/"]
    {
        let (case, told) = sent(&host, "site", address).await;
        assert_eq!(case, INVALID, "{address}: {told}");
    }
}

#[tokio::test]
async fn requests_can_not_be_smuggled() {
    let server = Server::start(|_| Answer::Send(ok(""))).await;
    let named = |name: &str, headers: &[(&str, &str)], body: &str| {
        Guest::source(name).sends(1, POST, headers, body).wants(LOCAL)
    };
    let fat = "x".repeat(40_000);
    let many: Vec<_> = (0..65).map(|n| (format!("x-{n}"), "1".to_owned())).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let host = Host::of(&[
        named("break_in_value", &[("x-a", "b\r\nx-smuggled: c")], ""),
        named("break_in_name", &[("x-a\r\nx-smuggled", "c")], ""),
        named("colon_in_name", &[("x-smuggled: c", "d")], ""),
        named("zero_in_value", &[("x-a", "b\0")], ""),
        named("fat_header", &[("x-a", &fat)], ""),
        named("many_headers", &many, ""),
        named("fat_body", &[], &"x".repeat((1 << 20) + 1)),
        named(
            "good",
            &[
                ("Host", "evil.example"),
                ("Content-Length", "1"),
                ("X-A", "b"),
                ("Transfer-Encoding", "chunked"),
                ("Connection", "upgrade"),
            ],
            "GET / HTTP/1.1\r\n\r\n",
        ),
        Guest::source("head").sends(1, HEAD, &[], "ignored").wants(LOCAL),
    ])
    .await;
    for name in [
        "break_in_value",
        "break_in_name",
        "colon_in_name",
        "zero_in_value",
        "fat_header",
        "many_headers",
        "fat_body",
    ] {
        let (case, told) = sent(&host, name, &server.url(name)).await;
        assert_eq!(case, INVALID, "{name}: {told}");
    }
    assert!(server.requests().is_empty(), "{:?}", server.requests());

    assert_eq!(sent(&host, "good", &server.url("post")).await.0, 200.0);
    assert_eq!(sent(&host, "head", &server.url("head")).await.0, 200.0);
    let requests = server.requests();
    let (post, head) = (requests[0].to_ascii_lowercase(), &requests[1]);
    assert!(
        post.starts_with("post /post http/1.1\r\n") && post.contains("\r\nx-a: b\r\n"),
        "{post}"
    );
    assert!(post.contains(&format!("\r\nhost: 127.0.0.1:{}\r\n", server.port)), "{post}");
    assert!(post.contains("\r\ncontent-length: 18\r\n"), "{post}");
    assert!(post.ends_with("\r\n\r\nget / http/1.1\r\n\r\n"), "{post}");
    assert!(!post.contains("evil") && !post.contains("chunked") && !post.contains("upgrade"));
    assert!(head.starts_with("HEAD /head ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn addresses_have_a_measure() {
    let server = Server::start(|_| Answer::Send(ok(""))).await;
    let host = Host::of(&[getter(LOCAL)]).await;
    let (case, told) = sent(&host, "site", &server.url(&"x".repeat(100_000))).await;
    assert_eq!(case, INVALID, "{told}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn bodies_have_a_measure() {
    let big = "x".repeat(5000);
    let server = Server::start(move |path| {
        Answer::Send(match path {
            "/told" => ok(&big),
            "/lie" => "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx".to_owned(),
            _ => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n{big}\r\n0\r\n\r\n"
            ),
        })
    })
    .await;
    let small = format!("{LOCAL}\nmax_body_kb = 1");
    let host = Host::of(&[getter(&small)]).await;
    for path in ["told", "untold"] {
        let (case, told) = sent(&host, "site", &server.url(path)).await;
        assert_eq!(case, TOO_LARGE, "{path}: {told}");
    }
    let (case, _) = sent(&host, "site", &server.url("lie?")).await;
    assert!([TOO_LARGE, UNREACHABLE].contains(&case));
}

#[tokio::test]
async fn requests_are_counted() {
    let server = Server::start(|_| Answer::Send(ok("more"))).await;
    let host = Host::of(&[Guest::source("site").sends(80, GET, &[], "").wants(LOCAL)]).await;
    let (case, told) = sent(&host, "site", &server.url("x")).await;
    assert_eq!((case, server.requests().len()), (EXHAUSTED, 64), "{told}");
    assert_eq!(host.ears.last("site", "resolve").requests, 64);
}

#[tokio::test]
async fn nobody_home_is_told() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", server.local_addr().unwrap());
    drop(server);
    let host = Host::of(&[getter(LOCAL)]).await;
    assert_eq!(sent(&host, "site", &url).await.0, UNREACHABLE);
}

#[tokio::test]
async fn a_server_that_hangs_is_told_in_time() {
    let server = Server::start(|path| match path {
        "/body" => Answer::Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_owned()),
        _ => Answer::Hang,
    })
    .await;
    let host = Host::of(&[getter("hosts = ['127.0.0.1']\nseconds = 3")]).await;
    for path in ["head", "body"] {
        let began = Instant::now();
        let (case, told) = sent(&host, "site", &server.url(path)).await;
        assert_eq!(case, TIMEOUT, "{path}: {told}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    // A site that hangs is nothing that a plugin is set aside for.
    assert_eq!(host.faults("site").0, 0);
}

#[tokio::test]
async fn a_guest_that_goes_on_asking_is_ended() {
    let server = Server::start(|_| Answer::Hang).await;
    let guest = Guest::source("site").sends(u32::MAX, GET, &[], "");
    let host = Host::of(&[guest.wants("hosts = ['127.0.0.1']\nseconds = 1")]).await;
    let began = Instant::now();
    let path = format!("?{}", server.url("x"));
    resolve(host.source("site").as_ref(), &path).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(host.faults("site").0, 1);
}

#[tokio::test]
async fn claims_reach_nothing() {
    let server = Server::start(|_| Answer::Send(ok("x"))).await;
    let mut guest = Guest::source("site").wants(LOCAL);
    let came = guest.image.place(&[0; 64]);
    let (url, length) = guest.image.text(server.url("x"));
    let asks = format!(
        "(call $send (i32.const 0) (i32.const {url}) (i32.const {length}) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {came}))
         (i32.and (i32.load8_u (i32.const {came}))
           (i32.eqz (i32.load8_u offset=4 (i32.const {came}))))"
    );
    let host = Host::of(&[guest.with("claims", &asks)]).await;
    assert!(
        host.source("site").claims(&"https://a.example/".parse().unwrap()).await,
        "not refused"
    );
    assert!(server.requests().is_empty());
}
