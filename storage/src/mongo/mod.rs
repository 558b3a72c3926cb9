//! MongoDB for what lasts, Redis for what may be lost: many daemons share both.
//!
//! The collections, fields and indexes are the reference service's, so that its
//! database can be pointed at. Every transition is one atomic update of one
//! document: no transactions, so that a single `mongod` will do. Nothing that
//! lasts is cached in this process, since any other may change it; sessions are
//! cached in Redis, where all see them end.

mod claim;
mod cluster;
mod ephemeral;
mod error;
mod fields;
mod health;
mod indexes;
mod leases;
mod open;
mod queue;
mod readable;
mod record;
mod redis;
mod sessions;
mod transfer;
mod users;
mod videos;

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::Document;
use mongodb::{Client, Collection};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

pub use open::MongoSettings;

use crate::{Error, Result};

use self::redis::Redis;

/// No caller waits longer than this, whatever the network does.
const DEADLINE: Duration = Duration::from_secs(5);

/// When an operation is given up for good. The driver notices a silent network
/// before, and then ends what waits for it in good order.
const LIMIT: Duration = Duration::from_secs(15);

/// The backend of a cluster. Clones share the connections.
#[derive(Clone)]
pub struct Mongo {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    database: mongodb::Database,
    users: Collection<Document>,
    sessions: Collection<Document>,
    videos: Collection<Document>,
    /// What the daemons of a cluster agree on; the reference has nothing like it.
    cluster: Collection<Document>,
    redis: Redis,
    /// As many operations run at a time as the driver has connections. Its own
    /// queue for them keeps the places of those who have left, and serves one of
    /// them at each event: full of those it would be in the way for minutes.
    places: Arc<Semaphore>,
}

impl Mongo {
    /// Runs an operation to its end, also when the caller stops waiting or the
    /// deadline is over: a half-read answer would cost its connection, and a
    /// write whose caller left should not be left to chance.
    async fn run<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let deadline = Instant::now() + DEADLINE;
        let late = || Error::Unavailable(format!("no answer within {} s", DEADLINE.as_secs()));
        let places = self.inner.places.clone();
        let work = work(self.inner.clone());
        let task = tokio::spawn(async move {
            let Ok(place) = timeout_at(deadline, places.acquire_owned()).await else {
                return Err(late());
            };
            let result = timeout(LIMIT, work).await.unwrap_or_else(|_| Err(late()));
            drop(place);
            result
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(Error::Unavailable(format!("a call ended early: {error}"))),
            Err(_) => Err(late()),
        }
    }
}
