//! What holds for every path: the shape of errors, limits, CORS, silence about
//! secrets.

use std::io;
use std::sync::{Arc, Mutex};

use clipmill_storage::Health as _;
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{GOOD, PASSWORD, World, bearer, save_body};

#[tokio::test]
async fn errors_have_one_shape() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    for path in ["/nowhere", "/api", "/api/video", "//", "/api/video/status/a/b"] {
        world.get(path, "").await.refused(404, "not_found");
    }
    assert_eq!(world.get("/nowhere", "").await.json()["error"], "Not found");
    for (method, path, allow) in [
        (Method::GET, "/api/auth/login", "POST"),
        (Method::POST, "/api/video/list", "GET, HEAD"),
        (Method::PUT, "/api/video/download/x", "POST, GET, HEAD"),
        (Method::GET, "/api/video/507f1f77bcf86cd799439011", "DELETE"),
        (Method::DELETE, "/", "GET, HEAD"),
    ] {
        let reply = world.send(world.request(method, path)).await;
        reply.refused(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), allow);
    }
    let login = |content_type: &str, body: &str| {
        world
            .request(Method::POST, "/api/auth/login")
            .header("content-type", content_type)
            .body(body)
    };
    let json = "application/json; charset=utf-8";
    world.send(login(json, "{")).await.refused(400, "invalid_json");
    world.send(login(json, "")).await.refused(400, "invalid_json");
    world.send(login(json, "[]")).await.refused(400, "invalid_request");
    world.send(login("text/plain", "{}")).await.refused(415, "unsupported_media_type");
    let large = format!("\"{}\"", "x".repeat(70_000));
    world.send(login(json, &large)).await.refused(413, "body_too_large");
    let reply = world.send(world.request(Method::POST, "/api/auth/login").body("{}")).await;
    reply.refused(415, "unsupported_media_type");
    // A download takes a body without a declared type, but none of another.
    let id = world.clip(&ada).await;
    let download = world
        .request(Method::POST, &format!("/api/video/download/{id}"))
        .header("authorization", bearer(&ada.token));
    let reply = world.send(download.header("content-type", "text/plain").body("mp4")).await;
    reply.refused(415, "unsupported_media_type");
    for token in ["x", "a.b.c", &"x".repeat(10_000)] {
        let reply = world.get("/api/auth/me", token).await;
        reply.refused(401, "invalid_token");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_told_as_such() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    world.storage.close().await;
    let body = json!({"email": "b@example.org", "password": PASSWORD});
    let reply = world.post("/api/auth/register", "", body).await;
    reply.refused(503, "storage_unavailable");
    assert!(!reply.header("retry-after").is_empty());
    let reply = world.get("/api/video/status/507f1f77bcf86cd799439011", &ada.token).await;
    assert_eq!(reply.status(), 503);
}

#[tokio::test]
async fn limits_are_per_address() {
    let world = World::with(|config| {
        config.limits.login_per_minute = 2;
        config.limits.public_per_minute = 2;
        config.limits.save_per_minute = 2;
        config.server.trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let from = |method, path: &str, address: &str| {
        world.request(method, path).header("x-forwarded-for", address)
    };
    let login = |address: &str| {
        let body = json!({"email": "a@example.org", "password": PASSWORD});
        from(Method::POST, "/api/auth/login", address).json(&body)
    };
    for _ in 0..2 {
        world.send(login("203.0.113.1")).await.refused(401, "invalid_credentials");
    }
    let refused = world.send(login("203.0.113.1")).await;
    refused.refused(429, "rate_limited");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 60);
    world.send(login("203.0.113.2")).await.refused(401, "invalid_credentials");
    for _ in 0..2 {
        world.send(from(Method::GET, "/api/auth/token/public", "203.0.113.1")).await.expect(200);
    }
    let reply = world.send(from(Method::GET, "/api/auth/token/public", "203.0.113.1")).await;
    reply.refused(429, "rate_limited");
    let body = json!({"url": "https://youtu.be/good_video1"});
    let ask = from(Method::POST, "/api/video/resolutions", "203.0.113.1").json(&body);
    world.send(ask).await.refused(429, "rate_limited");
    let token = world.app.tokens.issue_public(world.now()).unwrap().token;
    let save = || {
        from(Method::POST, "/api/video/save", "203.0.113.9")
            .header("authorization", bearer(&token))
            .json(&json!({}))
    };
    for _ in 0..2 {
        world.send(save()).await.refused(400, "missing_field");
    }
    world.send(save()).await.refused(429, "rate_limited");
}

#[tokio::test]
async fn front_ends_elsewhere_work_where_they_are_allowed() {
    let world = World::with(|config| {
        config.server.cors_origins = vec!["https://app.example".to_owned()];
    })
    .await;
    let ask = |origin: &str| {
        world
            .request(Method::OPTIONS, "/api/video/download/507f1f77bcf86cd799439011")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
    };
    let allowed = world.send(ask("https://app.example")).await;
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(allowed.header("access-control-allow-methods"), "POST, GET, HEAD");
    for name in ["Authorization", "Content-Type", "Range", "Prefer"] {
        assert!(allowed.header("access-control-allow-headers").contains(name));
    }
    let refused = world.send(ask("https://evil.example")).await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let error = world
        .send(world.request(Method::GET, "/api/auth/me").header("origin", "https://app.example"))
        .await;
    assert_eq!(error.header("access-control-allow-origin"), "https://app.example");
    assert!(error.header("access-control-expose-headers").contains("Content-Disposition"));
    error.refused(401, "missing_token");
}

/// The answer to a GET through the whole server, and what was sent for it.
async fn over_a_connection(world: &World, path: &str, token: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Arc::clone(&world.app);
    let server = tokio::spawn(clipmill::http::serve(app, listener, std::future::pending()));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        bearer(token)
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    server.abort();
    (answer, request)
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Page {
    type Writer = Page;

    fn make_writer(&'a self) -> Page {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_reaches_the_log() {
    let page = Page::default();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(page.clone())
        .finish();
    // For all tests of this program: a log of one thread alone would miss what
    // another thread was the first to say.
    tracing::subscriber::set_global_default(log).unwrap();
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let public = world.public_token().await;
    let stream =
        format!("/api/video/save/stream/{public}/{GOOD}?user_id={}&message=hush-hush", ada.id);
    let request = world.request(Method::GET, &stream).header("cookie", "sesame");
    world.send(request).await.expect(201);
    world.post("/api/video/save", &public, save_body(&ada)).await.expect(201);
    world.get("/api/auth/me", &ada.token).await.expect(200);
    world.get(&format!("/api/video/save/stream/{public}"), "").await.refused(404, "not_found");
    world.get(&format!("/{public}"), "").await.refused(404, "not_found");
    let wrong = json!({"email": "ada@example.org", "password": "not my password"});
    world.post("/api/auth/login", "", wrong).await.refused(401, "invalid_credentials");
    let (answer, sent) = over_a_connection(&world, &stream, &ada.token).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(sent.contains(&public) && sent.contains(&ada.token));
    let page = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(page.contains("/api/video/save/stream/{token}/{video_id}"), "{page}");
    assert!(page.contains("http.method=\"GET\"") && page.contains("duration_ms="), "{page}");
    for secret in [&*public, &*ada.token, PASSWORD, "not my password", "sesame", "hush-hush"] {
        assert!(!page.contains(secret), "{secret} is in the log");
    }
}
