//! A database and a prefix that no other test has, on the servers that all
//! tests share.

use clipmill_core::Id;
use clipmill_storage::testing::Proxy;
use clipmill_storage::{Mongo, MongoSettings};
use mongodb::bson::Document;
use mongodb::{Client, Collection, Database};

use crate::log;

/// What one test has to itself; gone when it is dropped.
pub struct Room {
    pub settings: MongoSettings,
    /// The database as its other users see it.
    pub database: Database,
}

/// Where a server is.
fn address(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set; run the tests by scripts/servers.sh"))
}

/// The address of the MongoDB server, with this database.
pub fn with_database(name: &str) -> String {
    let url = address("CLIPMILL_TEST_MONGODB_URI");
    let (base, options) = url.split_once('?').map_or((url.as_str(), ""), |(base, o)| (base, o));
    let (scheme, rest) = base.split_once("://").expect("a URL");
    let hosts = rest.split('/').next().expect("a host");
    format!("{scheme}://{hosts}/{name}?{options}")
}

/// Where its host begins and ends in a URL.
fn host(url: &str) -> std::ops::Range<usize> {
    let start = url.find("://").expect("a URL") + 3;
    let end = url[start..].find(['/', '?']).map_or(url.len(), |end| start + end);
    let start = url[start..end].find('@').map_or(start, |at| start + at + 1);
    start..end
}

/// The same URL with another `HOST:PORT`.
pub fn at_host(url: &str, other: &str) -> String {
    let mut url = url.to_owned();
    url.replace_range(host(&url), other);
    url
}

/// A proxy before the first server of a URL.
async fn proxy(url: &str, default_port: u16) -> Proxy {
    let server = url[host(url)].split(',').next().expect("a host");
    match server.contains(':') {
        true => Proxy::before(server).await,
        false => Proxy::before(&format!("{server}:{default_port}")).await,
    }
}

impl Room {
    pub async fn new() -> Room {
        log::listen();
        let name = format!("t{}", Id::generate(chrono::Utc::now()));
        let url = with_database(&name);
        let client = Client::with_uri_str(&url).await.unwrap();
        let settings = MongoSettings {
            url,
            redis_url: address("CLIPMILL_TEST_REDIS_URI"),
            redis_prefix: format!("{name}:"),
        };
        Room { settings, database: client.database(&name) }
    }

    /// A node.
    pub async fn open(&self) -> Mongo {
        Mongo::open(&self.settings).await.unwrap()
    }

    /// A node whose ways to MongoDB and to Redis can be broken.
    pub async fn open_behind_proxies(&self) -> (Mongo, Proxy, Proxy) {
        let MongoSettings { url, redis_url, redis_prefix } = &self.settings;
        let (mongodb, redis) = (proxy(url, 27017).await, proxy(redis_url, 6379).await);
        // A driver that looks for the other servers of a set finds ways around.
        let and = if url.ends_with('?') { "" } else { "&" };
        let url = at_host(url, &mongodb.address().to_string()) + and + "directConnection=true";
        let redis_url = at_host(redis_url, &redis.address().to_string());
        let settings = MongoSettings { url, redis_url, redis_prefix: redis_prefix.clone() };
        (Mongo::open(&settings).await.unwrap(), mongodb, redis)
    }

    pub fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let drop = self.database.drop().into_future();
        // A test that has ended must not hold up the others.
        let drop = tokio::time::timeout(std::time::Duration::from_secs(10), drop);
        let handle = tokio::runtime::Handle::current();
        // On a thread of its own: to block on two things in one thread loses wake-ups of the outer.
        tokio::task::block_in_place(|| {
            std::thread::scope(|scope| scope.spawn(|| handle.block_on(drop).ok()).join().ok());
        });
    }
}
