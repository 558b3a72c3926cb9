//! MongoDB and Redis as the benchmark sees them: what they are, how many commands they have served,
//! and a database in them that nobody else has.

use std::collections::BTreeMap;
use std::time::Duration;

use clipmill_storage::{Mongo, MongoSettings};
use clipmill_tests::cluster::{Shared, server};
use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use redis::aio::MultiplexedConnection;

/// How long a database may take to go.
const REMOVAL: Duration = Duration::from_secs(30);

/// What the servers are, for the reader of a figure.
pub fn names() -> String {
    std::env::var("CLIPMILL_TEST_SERVERS").unwrap_or_else(|_| "servers without a name".to_owned())
}

/// The storage that the daemons of a cluster have, as one of them opens it.
pub async fn open(shared: &Shared) -> Mongo {
    let environment = shared.environment_with(&[]);
    let value = |wanted: &str| {
        let found = environment.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).expect("a cluster has all of its variables")
    };
    let settings = MongoSettings {
        url: value("MONGODB_URI"),
        redis_url: value("REDIS_URI"),
        redis_prefix: value("CLIPMILL_STORAGE_REDIS_PREFIX"),
    };
    Mongo::open(&settings).await.expect("the servers of the environment can be used")
}

/// Commands by name.
pub type Commands = BTreeMap<String, f64>;

/// Connections for questions about the servers.
pub struct Servers {
    mongodb: Client,
    redis: MultiplexedConnection,
}

impl Servers {
    /// Connects to the servers of the environment.
    pub async fn connect() -> Servers {
        let mongodb = Client::with_uri_str(server("CLIPMILL_TEST_MONGODB_URI")).await;
        let redis = redis::Client::open(server("CLIPMILL_TEST_REDIS_URI"));
        let redis = redis.expect("an address of Redis").get_multiplexed_async_connection().await;
        Servers {
            mongodb: mongodb.expect("an address of MongoDB"),
            redis: redis.expect("Redis can be reached"),
        }
    }

    /// Removes the database of a cluster whose daemons have ended. What is in Redis goes by itself.
    pub async fn remove(&self, shared: Shared) {
        let database = self.mongodb.database(shared.database());
        let removal = tokio::time::timeout(REMOVAL, database.drop().into_future());
        removal.await.expect("a database goes in time").expect("a database can be removed");
    }

    /// What MongoDB has served since its start.
    pub async fn served_by_mongodb(&self) -> Commands {
        let status = self.mongodb.database("admin").run_command(doc! { "serverStatus": 1 }).await;
        let status = status.expect("MongoDB tells its status");
        let commands = status.get_document("metrics").and_then(|all| all.get_document("commands"));
        let commands = commands.expect("serverStatus counts commands");
        commands.iter().filter_map(|(name, about)| Some((name.clone(), total(about)?))).collect()
    }

    /// What Redis has served since its start.
    pub async fn served_by_redis(&mut self) -> Commands {
        let info = redis::cmd("INFO").arg("commandstats").query_async(&mut self.redis).await;
        let info: String = info.expect("Redis tells about its commands");
        info.lines().filter_map(calls).collect()
    }
}

/// `{ "failed": 0, "total": 17 }`; MongoDB has other entries among these.
fn total(about: &Bson) -> Option<f64> {
    match about.as_document().and_then(|about: &Document| about.get("total"))? {
        Bson::Int64(total) => Some(*total as f64),
        Bson::Int32(total) => Some(f64::from(*total)),
        _ => None,
    }
}

/// `cmdstat_ping:calls=17,usec=31,...`
fn calls(line: &str) -> Option<(String, f64)> {
    let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(':')?;
    let calls = figures.split(',').find_map(|figure| figure.strip_prefix("calls="))?;
    Some((name.to_owned(), calls.parse().ok()?))
}
