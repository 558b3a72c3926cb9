//! A client of the daemon's HTTP interface, as a front end would have one.

use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::daemon::Daemon;

/// How long a job may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The password of the users that tests register.
pub const PASSWORD: &str = "correct horse";

/// An answer with a JSON body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body; null when it was no JSON.
    pub body: Value,
}

/// A user who has registered and logged in.
#[derive(Debug, Clone)]
pub struct Account {
    base: String,
    http: Client,
    /// The user's id.
    pub user_id: String,
    /// The user's address.
    pub email: String,
    /// The private token.
    pub token: String,
    /// A public token.
    pub public: String,
}

/// An HTTP client for loopback servers.
pub fn http() -> Client {
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .timeout(PATIENCE)
        .build()
        .expect("a client without TLS roots")
}

/// Reads an answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the daemon answers");
    let status = response.status().as_u16();
    let body = response.bytes().await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let body = body.unwrap_or(Value::Null);
    Answer { status, body }
}

impl Account {
    /// Registers a new user at this daemon and logs in.
    pub async fn register(daemon: &Daemon) -> Account {
        let email = format!("{}@example.org", daemon.pid());
        let credentials = json!({ "email": email, "password": PASSWORD });
        let request = http().post(daemon.url("/api/auth/register")).json_body(&credentials);
        let registered = answer(request).await;
        assert!([201, 409].contains(&registered.status), "{registered:?}");
        Account::login(daemon, &email, PASSWORD).await
    }

    /// Logs in a user whom this daemon knows.
    pub async fn login(daemon: &Daemon, email: &str, password: &str) -> Account {
        let http = http();
        let base = daemon.url("");
        let credentials = json!({ "email": email, "password": password });
        let request = http.post(format!("{base}/api/auth/login")).json_body(&credentials);
        let login = answer(request).await;
        assert_eq!(login.status, 200, "{login:?}");
        let public = answer(http.get(format!("{base}/api/auth/token/public"))).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Account {
            user_id: text(&login.body["user"]["id"]),
            email: email.to_owned(),
            token: text(&login.body["token"]),
            public: text(&public.body["token"]),
            base,
            http,
        }
    }

    /// The same account at a daemon that was started again.
    pub fn at(&self, daemon: &Daemon) -> Account {
        Account { base: daemon.url(""), ..self.clone() }
    }

    /// The same account, reached through a proxy.
    pub fn through(&self, base: &str) -> Account {
        Account { base: base.to_owned(), ..self.clone() }
    }

    /// The same account with another private token.
    pub fn with_token(&self, token: &str) -> Account {
        Account { token: token.to_owned(), ..self.clone() }
    }

    /// A request with the private token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// GET with the private token.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// POST of JSON with the private token.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json_body(body)).await
    }

    /// POST of JSON with the public token.
    pub async fn post_public(&self, path: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.public);
        answer(request.json_body(body)).await
    }

    /// Saves a clip; answers its id.
    pub async fn save(&self, url: &str, start: f64, end: f64) -> String {
        let body = json!({
            "url": url, "start_time": start, "end_time": end, "user_id": self.user_id,
        });
        let saved = self.post_public("/api/video/save", &body).await;
        assert_eq!(saved.status, 201, "{saved:?}");
        saved.body["video_id"].as_str().expect("a video id").to_owned()
    }

    /// Asks for a clip and waits for it.
    pub async fn download(&self, id: &str, preferences: &Value) -> Response {
        let path = format!("/api/video/download/{id}");
        let request = self.request(Method::POST, &path).json_body(preferences);
        request.send().await.expect("the daemon answers")
    }

    /// Asks for a clip, waits for it and writes it to a file.
    pub async fn download_to(&self, id: &str, preferences: &Value, file: &Path) {
        let response = self.download(id, preferences).await;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.expect("the whole file");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
        std::fs::write(file, bytes).expect("the file is written");
    }

    /// Uploads a file; the answer may be a refusal.
    pub async fn upload(&self, file: &Path, name: &str) -> Answer {
        let bytes = std::fs::read(file).expect("the file can be read");
        let mut body = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"video\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend(bytes);
        body.extend(b"\r\n--edge--\r\n");
        let request = self
            .request(Method::POST, "/api/encode/upload")
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(body);
        answer(request).await
    }

    /// Waits until `path` answers JSON that `wanted` accepts.
    pub async fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let now = self.get(path).await;
            if wanted(&now.body) {
                return now.body;
            }
            assert!(since.elapsed() < PATIENCE, "{path} still says {now:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// JSON bodies without the client library's own JSON feature.
pub trait JsonBody {
    /// Sets the body and its type.
    fn json_body(self, body: &Value) -> RequestBuilder;
}

impl JsonBody for RequestBuilder {
    fn json_body(self, body: &Value) -> RequestBuilder {
        self.header("content-type", "application/json").body(body.to_string())
    }
}
