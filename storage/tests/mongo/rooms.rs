//! A database and a prefix that no other test has, on the servers that all
//! tests share.

use clipmill_storage::{Id, Mongo, MongoSettings};
use mongodb::bson::Document;
use mongodb::{Client, Collection, Database};

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

impl Room {
    pub async fn new() -> Room {
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

    pub fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let database = self.database.clone();
        // A test that has ended must not hold up the others.
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let drop = std::time::Duration::from_secs(10);
                tokio::time::timeout(drop, database.drop().into_future()).await.ok();
            });
        });
    }
}
