//! Connecting: what the addresses say, and whether the servers answer.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database};
use tokio::sync::Semaphore;

use super::backend::{Mongo, MongoInner};
use super::error::is_not_allowed;
use super::indexes;
use super::redis::Redis;
use crate::{Result, StorageError};

/// How long a call looks for a server that can take it.
const SELECTION: Duration = Duration::from_secs(2);
/// How long one attempt to connect takes.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a start waits for the first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// How long a start waits for its indexes: a large collection takes its time.
const INDEXES: Duration = Duration::from_secs(600);
/// Connections to one server; the driver's own default is 10.
const CONNECTIONS: u32 = 32;

/// Where the servers are.
#[derive(Clone)]
pub struct MongoSettings {
    /// `mongodb://` or `mongodb+srv://`, with the name of the database.
    pub url: String,
    /// `redis://` or `rediss://`.
    pub redis_url: String,
    /// Begins every key and channel in Redis, so that several deployments can
    /// share one; empty for the reference service's own names.
    pub redis_prefix: String,
}

impl Mongo {
    /// Connects to both servers and makes what indexes are missing. What is
    /// there already stays as it is.
    ///
    /// # Errors
    /// In words for the operator: an address that makes no sense, a server that
    /// is not reached, credentials that are refused, an index that contradicts
    /// ours.
    pub async fn open(settings: &MongoSettings) -> Result<Mongo> {
        let (client, database, connections) = connect(&settings.url).await?;
        let redis = Redis::open(&settings.redis_url, &settings.redis_prefix).await?;
        let inner = MongoInner {
            users: database.collection("users"),
            sessions: database.collection("sessions"),
            videos: database.collection("videos"),
            cluster: database.collection("clipmill_cluster"),
            client,
            database,
            redis,
            places: Arc::new(Semaphore::new(connections)),
        };
        let made = tokio::time::timeout(INDEXES, indexes::ensure(&inner)).await;
        made.map_err(|_| {
            StorageError::Unavailable("MongoDB still builds its indexes".to_owned())
        })??;
        Ok(Mongo { inner: Arc::new(inner) })
    }
}

/// Client, database, and how many connections the client may have.
async fn connect(url: &str) -> Result<(Client, Database, usize)> {
    let parsed = tokio::time::timeout(FIRST_ANSWER, ClientOptions::parse(url)).await;
    let mut options = match parsed {
        Ok(Ok(options)) => options,
        Ok(Err(error)) => return Err(senseless(url, error)),
        Err(_) => return Err(unresolved(url, "no answer")),
    };
    let hosts: Vec<_> = options.hosts.iter().map(ToString::to_string).collect();
    let hosts = hosts.join(", ");
    complete(&mut options);
    // The driver takes 0 for no limit.
    let connections = options.max_pool_size.filter(|&size| size > 0).unwrap_or(CONNECTIONS);
    let connections = connections as usize;
    let client = Client::with_options(options).map_err(|error| senseless(url, error))?;
    let database = client.default_database().ok_or_else(|| {
        StorageError::Refused(format!(
            "the address of MongoDB at {hosts} names no database; write mongodb://HOST/DATABASE"
        ))
    })?;
    // A command of the database itself, so that credentials count.
    let users = database.collection::<Document>("users");
    let first = users.find_one(doc! {}).into_future();
    match tokio::time::timeout(FIRST_ANSWER, first).await {
        Ok(Ok(_)) => Ok((client, database, connections)),
        Ok(Err(error)) if is_not_allowed(&error) => Err(StorageError::Refused(format!(
            "MongoDB at {hosts} refused the account for database {}: {}",
            database.name(),
            StorageError::from(error)
        ))),
        Ok(Err(error)) => match StorageError::from(error) {
            StorageError::Unavailable(words) => Err(StorageError::Unavailable(format!(
                "MongoDB at {hosts} can't be reached: {words}"
            ))),
            other => Err(other),
        },
        Err(_) => Err(StorageError::Unavailable(format!(
            "MongoDB at {hosts} accepts connections and does not answer"
        ))),
    }
}

/// What is wrong with an address. The driver takes a password with special
/// characters for other parts of the address, and shows them.
fn senseless(url: &str, error: mongodb::error::Error) -> StorageError {
    let account = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    let is_torn = account.is_some_and(|(account, _)| {
        account.contains(['/', '?', '#', '@']) || account.matches(':').count() > 1
    });
    if is_torn {
        return StorageError::Refused(
            "the address of MongoDB makes no sense: special characters of user and password must \
             be written as %XX, @ as %40"
                .to_owned(),
        );
    }
    match StorageError::from(error) {
        StorageError::Unavailable(words) => unresolved(url, &words),
        StorageError::Refused(words) | StorageError::Corrupt(words) => {
            StorageError::Refused(format!("the address of MongoDB makes no sense: {words}"))
        }
    }
}

/// The servers behind a name are not found.
fn unresolved(url: &str, words: &str) -> StorageError {
    let start = url.find('@').or_else(|| url.find("//").map(|slash| slash + 1)).unwrap_or(0) + 1;
    let name = url.get(start..).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    StorageError::Unavailable(format!("MongoDB at {name} can't be found: {words}"))
}

/// What the address leaves open. Leases are only worth something when every
/// read and write goes to the primary, and a client that was told "saved" must
/// find its clip after a failover.
fn complete(options: &mut ClientOptions) {
    options.app_name.get_or_insert_with(|| "clipmill".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION);
    options.connect_timeout.get_or_insert(CONNECT);
    options.max_pool_size.get_or_insert(CONNECTIONS);
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.write_concern.get_or_insert_with(|| {
        WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
    });
}
