//! One daemon's interface in a folder of its own, with a source and a worker
//! that do what a test tells them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use clipmill::app::{App, MediaEngine, Signals};
use clipmill::artifacts::{Artifacts, Stores};
use clipmill::auth::{Passwords, Tokens};
use clipmill::config::{Config, JwtSecrets, Secret};
use clipmill::http::{Peer, routes};
use clipmill_core::net::Client;
use clipmill_core::probe::{Container, Format, Live, MediaInfo, Transport, VideoTrack};
use clipmill_core::{Clock, ClockOffset, Code, Error, Id, Time};
use clipmill_pipeline::Pipeline;
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_plugins::builtin::codecs::{AV1, H264, H265};
use clipmill_plugins::{
    Codec, FetchProgress, Handler, OpaqueFetch, Order, Registry, ResolveOptions, Source,
    SourceDescription,
};
use clipmill_storage::sqlite::Sqlite;
use clipmill_storage::{Finished, JobFailure, LeaseHeld, StoredFile};
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;
use warp::filters::BoxedFilter;

/// A password that keeps all rules.
pub const PASSWORD: &str = "correct horse";
/// Ids of videos that the source knows; others are not known to it.
pub const GOOD: &str = "good_video1";
pub const PRIVATE: &str = "private_vid";
pub const SLOW: &str = "slow_video1";

/// Looked for once.
static TOOLS: OnceCell<Tools> = OnceCell::const_new();

/// The interface and what is behind it.
pub struct World {
    pub app: Arc<App>,
    pub storage: Sqlite,
    folder: tempfile::TempDir,
    routes: BoxedFilter<(warp::reply::Response,)>,
    now: Arc<Mutex<Time>>,
}

/// A user with a valid private token.
pub struct Person {
    pub id: String,
    pub token: String,
}

/// An answer, read to its end.
pub struct Reply(pub Response<Bytes>);

impl World {
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.folders.data = folder.path().join("data");
        config.auth.bcrypt_cost = 4;
        change(&mut config);
        std::fs::create_dir_all(&config.folders.data).unwrap();
        let storage = Sqlite::open(&config.folders.data.join("clipmill.db")).await.unwrap();
        let codecs: [Arc<dyn Codec>; 3] = [Arc::new(H264), Arc::new(H265), Arc::new(AV1)];
        let mut handlers = vec![Handler::Source(Arc::new(Pretend))];
        handlers.extend(codecs.map(Handler::Codec));
        let registry = Arc::new(Registry::new(handlers, Order::default()));
        let tools = TOOLS.get_or_init(async || {
            Tools::discover(&config.tool_paths(), &config.encode).await.expect("ffmpeg")
        });
        let tools = tools.await.clone();
        let client = Client::new(clipmill_core::net::ClientSettings::default()).unwrap();
        let now = Arc::new(Mutex::new(Utc::now()));
        let shared = Arc::clone(&now);
        let clock = Clock::from_fn(move || *shared.lock().unwrap());
        let pipeline = Pipeline::new(
            config.pipeline(),
            tools.clone(),
            Arc::clone(&registry),
            client,
            clock.clone(),
        );
        let secrets = JwtSecrets {
            public: Secret::new("public-secret-0123456789"),
            private: Secret::new("private-secret-0123456789"),
        };
        let stores = Stores {
            files: Artifacts::in_folder(&config.folders.files()).unwrap(),
            uploads: Artifacts::in_folder(&config.folders.uploads()).unwrap(),
        };
        let app = Arc::new(App {
            tokens: Tokens::new(&secrets, &config.auth),
            passwords: Passwords::new(config.auth.bcrypt_cost),
            config,
            node: "node".to_owned(),
            storage: Arc::new(storage.clone()),
            stores,
            engine: MediaEngine { tools, registry, pipeline, plugins: None },
            metrics: Arc::default(),
            clock,
            clock_offset: ClockOffset::default(),
            signals: Signals::default(),
        });
        let routes = routes(&app);
        World { app, storage, folder, routes, now }
    }

    /// Lets time pass.
    pub fn wait(&self, time: TimeDelta) {
        *self.now.lock().unwrap() += time;
    }

    pub fn now(&self) -> Time {
        *self.now.lock().unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> warp::test::RequestBuilder {
        warp::test::request()
            .method(method.as_str())
            .path(path)
            .extension(Peer("192.0.2.1:1234".parse().unwrap()))
    }

    pub async fn send(&self, request: warp::test::RequestBuilder) -> Reply {
        Reply(request.reply(&self.routes).await)
    }

    pub async fn get(&self, path: &str, token: &str) -> Reply {
        let request = self.request(Method::GET, path).header("authorization", bearer(token));
        self.send(request).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        let request = self.request(Method::POST, path).header("authorization", bearer(token));
        self.send(request.json(&body)).await
    }

    /// A POST without any body.
    pub async fn poke(&self, path: &str, token: &str) -> Reply {
        let request = self.request(Method::POST, path).header("authorization", bearer(token));
        self.send(request).await
    }

    pub async fn person(&self, email: &str) -> Person {
        let who = json!({"email": email, "password": PASSWORD});
        let reply = self.post("/api/auth/register", "", who.clone()).await;
        let id = reply.expect(201)["user_id"].as_str().unwrap().to_owned();
        let reply = self.post("/api/auth/login", "", who).await;
        let token = reply.expect(200)["token"].as_str().unwrap().to_owned();
        Person { id, token }
    }

    pub async fn public_token(&self) -> String {
        let reply = self.get("/api/auth/token/public", "").await;
        reply.expect(200)["token"].as_str().unwrap().to_owned()
    }

    /// A saved clip of this person; its id.
    pub async fn clip(&self, owner: &Person) -> String {
        let token = self.public_token().await;
        let reply = self.post("/api/video/save", &token, save_body(owner)).await;
        reply.expect(201)["video_id"].as_str().unwrap().to_owned()
    }

    /// Ends the next job as done, with these bytes as its file.
    pub async fn finish_next(&self, extension: &str, bytes: &[u8]) -> Id {
        let claimed = self.claim().await;
        let id = claimed.video.id;
        let key = format!("{id}.{extension}");
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, bytes).unwrap();
        self.app.stores.files.put(&key, &draft).await.unwrap();
        let done = Finished {
            file: StoredFile { file_path: key, file_size_bytes: bytes.len() as u64 },
            now: self.now(),
            expires_at: self.now() + TimeDelta::minutes(30),
        };
        let held = self.app.storage.finish(id, claimed.lease.id, done).await.unwrap();
        assert_eq!(held, LeaseHeld::Yes);
        self.app.signals.settled.notify_waiters();
        id
    }

    /// Ends the next job as failed.
    pub async fn fail_next(&self, code: &str) {
        let claimed = self.claim().await;
        let why = JobFailure { code: code.to_owned(), message: "told by the test".to_owned() };
        let end = self.now() + TimeDelta::minutes(30);
        let (id, lease) = (claimed.video.id, claimed.lease.id);
        let held = self.app.storage.fail(id, lease, why, end).await.unwrap();
        assert_eq!(held, LeaseHeld::Yes);
        self.app.signals.settled.notify_waiters();
    }

    /// Takes the next job, waiting until there is one.
    pub async fn claim(&self) -> clipmill_storage::Claimed {
        for _ in 0..200 {
            let lease = Duration::from_secs(30);
            if let Some(claimed) = self.app.storage.claim("test", self.now(), lease).await.unwrap()
            {
                return claimed;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no job came");
    }

    /// The record as it is.
    pub async fn record(&self, id: &str) -> Option<clipmill_storage::Video> {
        self.app.storage.video(id.parse().unwrap()).await.unwrap()
    }

    /// Whatever is in the folder for uploads, or being received.
    pub fn uploads(&self) -> Vec<PathBuf> {
        let folders = &self.app.config.folders;
        let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten();
        let all = entries(folders.uploads()).chain(entries(folders.work()));
        all.map(|entry| entry.unwrap().path()).collect()
    }
}

/// What saving takes, for a good clip.
pub fn save_body(owner: &Person) -> Value {
    json!({
        "url": format!("https://youtu.be/{GOOD}"),
        "start_time": 60,
        "end_time": 120,
        "user_id": owner.id,
    })
}

pub fn bearer(token: &str) -> String {
    if token.is_empty() { String::new() } else { format!("Bearer {token}") }
}

impl Reply {
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub fn header(&self, name: &str) -> &str {
        self.0.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.body().to_vec()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(self.0.body()).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status().as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/json");
        self.json()
    }

    /// Checks for an error of this status and code, in the shape of all errors.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        let error = body["error"].as_str().unwrap();
        assert!(!error.is_empty());
        let folder = std::env::temp_dir();
        assert!(!self.text().contains(folder.to_str().unwrap()), "{body}");
        assert_eq!(self.header("x-request-id").len(), 16);
    }
}

/// A source that has one good video, one private one and one that never ends.
struct Pretend;

#[async_trait]
impl Source for Pretend {
    fn describe(&self) -> SourceDescription {
        SourceDescription { name: "pretend".to_owned(), version: "1".to_owned() }
    }

    async fn claims(&self, url: &Url) -> bool {
        matches!(url.host_str(), Some("www.youtube.com" | "media.test"))
    }

    async fn resolve(&self, url: &Url, _options: ResolveOptions) -> Result<Arc<MediaInfo>, Error> {
        let id = url.query_pairs().find(|(name, _)| name == "v").map(|(_, id)| id.into_owned());
        match id.as_deref() {
            Some(PRIVATE) => Err(Error::never(Code::PrivateVideo, "This video is private")),
            Some(SLOW) => std::future::pending().await,
            Some(GOOD) | None => Ok(Arc::new(good())),
            Some(_) => Err(Error::later(Code::SourceUnreachable, "Nobody answers")),
        }
    }

    async fn fetch(
        &self,
        _: &OpaqueFetch,
        _: &(dyn Fn(FetchProgress) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        Err(Error::never(Code::SourceFailed, "This source has no bytes"))
    }
}

fn good() -> MediaInfo {
    let format = |container, height| Format {
        id: format!("{height}"),
        container,
        video: Some(VideoTrack { height: Some(height), ..VideoTrack::default() }),
        audio: None,
        bitrate: None,
        size: None,
        transport: Transport::Opaque,
    };
    MediaInfo {
        id: "pretended".to_owned(),
        title: Some("A video".to_owned()),
        duration: Some(600.0),
        live: Live::No,
        formats: vec![
            format(Container::Mp4, 360),
            format(Container::Mp4, 1080),
            format(Container::Webm, 1080),
            format(Container::Webm, 1440),
        ],
        expires_at: None,
    }
}
