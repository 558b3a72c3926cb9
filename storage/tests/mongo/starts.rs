//! What a start says when it can't be.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clipmill_storage::testing::Proxy;
use clipmill_storage::{Health, Mongo, MongoSettings, StorageError};
use tokio::net::TcpListener;

use crate::rooms::{Room, at_host};

/// Nobody waits longer for a reason.
const LONGEST: Duration = Duration::from_secs(15);

/// How a start with other addresses fails. Every URL here has `secret` for its
/// password, so that it can be looked for.
async fn refusal(url: &str, redis_url: &str) -> StorageError {
    let settings = MongoSettings {
        url: url.to_owned(),
        redis_url: redis_url.to_owned(),
        redis_prefix: String::new(),
    };
    let began = Instant::now();
    let Err(error) = Mongo::open(&settings).await else { panic!("it starts with {url}") };
    let took = began.elapsed();
    assert!(took < LONGEST, "{took:?} for {error}");
    let words = error.to_string();
    // Parts of it are told apart from words.
    let shows = ["secret", "sec:", "got sec", "7321"].iter().any(|part| words.contains(part));
    assert!(!shows, "the password is in: {words}");
    assert!(words.len() < 500 && !words.contains("Topology"), "not for people: {words}");
    error
}

#[track_caller]
fn assert_unavailable(error: &StorageError, words: &[&str]) {
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    assert!(words.iter().all(|word| error.to_string().contains(word)), "{words:?}: {error}");
}

#[track_caller]
fn assert_refused(error: &StorageError, words: &[&str]) {
    assert!(matches!(error, StorageError::Refused(_)), "{error:?}");
    assert!(words.iter().all(|word| error.to_string().contains(word)), "{words:?}: {error}");
}

async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_mongodb_is_told_with_its_address() {
    let room = Room::new().await;
    let MongoSettings { url, redis_url, .. } = &room.settings;
    let mongodb =
        async |at: &str| refusal(&at_host(url, &format!("me:secret@{at}")), redis_url).await;
    let (closed, hole) = (closed_port().await, Proxy::before(&closed_port().await).await);
    hole.stall();
    let hole_at = hole.address().to_string();
    let redis_at = redis_url.trim_start_matches("redis://").trim_end_matches('/');
    let (refused, silent, unknown, other) = tokio::join!(
        mongodb(&closed),
        mongodb(&hole_at),
        mongodb("mongodb.invalid:27017"),
        mongodb(redis_at)
    );
    assert_unavailable(
        &refused,
        &[&format!("MongoDB at {closed} can't be reached"), "Connection refused"],
    );
    assert_unavailable(&silent, &[&format!("MongoDB at {hole_at} ")]);
    assert_unavailable(&unknown, &["MongoDB at mongodb.invalid:27017 can't be reached"]);
    assert_unavailable(&other, &[&format!("MongoDB at {redis_at} ")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_redis_is_told_with_its_address() {
    let room = Room::new().await;
    let MongoSettings { url, .. } = &room.settings;
    let redis = async |at: &str| refusal(url, &format!("redis://:secret@{at}")).await;
    let (closed, hole) = (closed_port().await, Proxy::before(&closed_port().await).await);
    hole.stall();
    let hole_at = hole.address().to_string();
    let (refused, silent, unknown) =
        tokio::join!(redis(&closed), redis(&hole_at), redis("redis.invalid:6379"));
    assert_unavailable(
        &refused,
        &[&format!("Redis at {closed} can't be reached"), "Connection refused"],
    );
    assert_unavailable(&silent, &[&format!("Redis at {hole_at} does not answer within")]);
    assert_unavailable(&unknown, &["Redis at redis.invalid:6379 can't be reached"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_sense_is_told() {
    let room = Room::new().await;
    let MongoSettings { url, redis_url, .. } = &room.settings;
    let nonsense = [
        "",
        "localhost:27017/clipmill",
        "http://me:secret@localhost:27017/clipmill",
        "mongodb://",
        "mongodb:///clipmill",
        "mongodb://me:secret@/clipmill",
        "mongodb://me:secret@localhost:port/clipmill",
        "mongodb://me:secret@localhost:99999/clipmill",
        // A password that is not written as URLs want it.
        "mongodb://me:sec%ret@localhost/clipmill",
        "mongodb://me:sec/secret@localhost/clipmill",
        "mongodb://me:sec@secret@localhost/clipmill",
        "mongodb://me:sec:secret@localhost/clipmill",
        "mongodb://me:sec?secret@localhost/clipmill",
        "mongodb://me:sec?secret=@localhost/clipmill",
        "mongodb://me:sec#secret@localhost/clipmill",
        "mongodb://me:secret@localhost/clip mill/x",
        "mongodb://me:7321?secret@localhost/clipmill",
        "mongodb://me:secret@localhost/clipmill?w=-1",
        "mongodb://me:secret@localhost/clipmill?compressors=zip&maxPoolSize=many",
        "mongodb://me:secret@localhost/clipmill?retryWrites",
        "mongodb://me:secret@localhost/clipmill?authMechanism=HANDSHAKE",
        "mongodb+srv://me:secret@a.b.c:27017/clipmill",
    ];
    for url in nonsense {
        let error = refusal(url, redis_url).await;
        assert!(matches!(error, StorageError::Refused(_)), "{url}: {error:?}");
        assert!(error.to_string().contains("the address of MongoDB"), "{url}: {error}");
    }
    for redis_url in
        ["", "localhost:6379", "http://:secret@localhost", "redis://:secret@localhost:port"]
    {
        assert_refused(&refusal(url, redis_url).await, &["the address of Redis makes no sense"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_database_is_told() {
    let room = Room::new().await;
    let MongoSettings { url, redis_url, .. } = &room.settings;
    let (server, _) = url.rsplit_once('/').unwrap();
    let host = server.rsplit(['/', '@']).next().unwrap();
    for url in [server.to_owned(), format!("{server}/"), format!("{server}/?appName=x")] {
        let error = refusal(&url, redis_url).await;
        assert_refused(&error, &[&format!("MongoDB at {host} names no database"), "HOST/DATABASE"]);
    }
}

/// A server that knows no such account.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_account_is_told() {
    let room = Room::new().await;
    let MongoSettings { url, redis_url, .. } = &room.settings;
    let (_, rest) = url.split_once("://").unwrap();
    let host = &rest[rest.find('@').map_or(0, |at| at + 1)..rest.find('/').unwrap()];
    let error = refusal(&at_host(url, &format!("nobody:secret@{host}")), redis_url).await;
    assert_refused(&error, &[&format!("MongoDB at {host} refused the account")]);
}

/// DocumentDB behind a gateway that asks for a password, where DocumentDB is what
/// the tests run on.
struct Guarded {
    process: Child,
    at: String,
}

impl Guarded {
    fn start() -> Option<Guarded> {
        use std::io::BufRead;
        let program = std::env::var("CLIPMILL_TEST_DOCUMENTDB_GATEWAY").ok()?;
        let postgres = std::env::var("CLIPMILL_TEST_DOCUMENTDB_SOCKET").unwrap();
        let mut process = Command::new(program)
            .args(["--postgres", &postgres, "--user", "clipmill", "--password", "right"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        std::io::BufReader::new(output).read_line(&mut line).unwrap();
        let at = line.trim().strip_prefix("listening on ").expect("it listens").to_owned();
        Some(Guarded { process, at })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_mongodb_count() {
    // What a `mongod` without accounts says to strangers is tested above.
    let Some(server) = Guarded::start() else { return };
    let room = Room::new().await;
    let Room { settings: MongoSettings { url, redis_url, redis_prefix }, .. } = &room;
    let settings = MongoSettings {
        url: at_host(url, &format!("clipmill:right@{}", server.at)),
        redis_url: redis_url.clone(),
        redis_prefix: redis_prefix.clone(),
    };
    let storage = Mongo::open(&settings).await.unwrap();
    assert_eq!(storage.problems().await, [""; 0]);

    for account in ["clipmill:secret@", "clipmill:Right%73ecret@", "other:secret@", ""] {
        let error = refusal(&at_host(url, &format!("{account}{}", server.at)), redis_url).await;
        let told = format!("MongoDB at {} refused the account for database t", server.at);
        assert_refused(&error, &[&told]);
    }
}

/// A `redis-server` with a password.
struct Locked(Child, u16);

impl Locked {
    async fn start() -> Locked {
        for _ in 0..10 {
            let port: u16 = closed_port().await.rsplit_once(':').unwrap().1.parse().unwrap();
            let mut process = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--save", "", "--requirepass", "right"])
                .args(["--port", &port.to_string()])
                .stdout(Stdio::null())
                .spawn()
                .expect("redis-server is there");
            // It ends when somebody took the port meanwhile.
            for _ in 0..500 {
                let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
                if process.try_wait().unwrap().is_some() {
                    break;
                }
                if connected.is_ok() {
                    return Locked(process, port);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        panic!("redis-server does not start");
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_redis_count() {
    let (room, server) = (Room::new().await, Locked::start().await);
    let url = &room.settings.url;
    let at = format!("127.0.0.1:{}", server.1);
    let settings = MongoSettings {
        redis_url: format!("redis://:right@{at}/1"),
        redis_prefix: String::new(),
        url: url.clone(),
    };
    let storage = Mongo::open(&settings).await.unwrap();
    assert_eq!(storage.problems().await, [""; 0]);
    for account in [":secret@", "other:secret@", ""] {
        let error = refusal(url, &format!("redis://{account}{at}")).await;
        assert_refused(&error, &[&format!("Redis at {at} refused the credentials")]);
    }
}
