//! The connections of the backend, and how every operation runs on them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mongodb::bson::Document;
use mongodb::{Client, Collection};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::redis::Redis;
use crate::{Result, StorageError};

/// No caller waits longer than this, whatever the network does.
const DEADLINE: Duration = Duration::from_secs(5);

/// When an operation is given up for good. The driver notices a silent network
/// before, and then ends what waits for it in good order.
const LIMIT: Duration = Duration::from_secs(15);

/// The backend of a cluster. Clones share the connections.
#[derive(Clone)]
pub struct Mongo {
    pub(super) inner: Arc<MongoInner>,
}

pub(super) struct MongoInner {
    pub(super) client: Client,
    pub(super) database: mongodb::Database,
    pub(super) users: Collection<Document>,
    pub(super) sessions: Collection<Document>,
    pub(super) videos: Collection<Document>,
    /// What the daemons of a cluster agree on; the reference has nothing like it.
    pub(super) cluster: Collection<Document>,
    pub(super) redis: Redis,
    /// Limits concurrent operations to the driver's pool size. The driver's own
    /// queue keeps the places of callers that have given up, and serves one of them
    /// at each event: when it is full of those it delays everything for minutes.
    pub(super) places: Arc<Semaphore>,
}

impl Mongo {
    /// Runs an operation to its end, also when the caller stops waiting or the
    /// deadline is over: a half-read answer would cost its connection, and a
    /// write whose caller left should not be left to chance.
    pub(super) async fn run<T, F>(&self, work: impl FnOnce(Arc<MongoInner>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let deadline = Instant::now() + DEADLINE;
        let late =
            || StorageError::Unavailable(format!("no answer within {} s", DEADLINE.as_secs()));
        let places = self.inner.places.clone();
        // Boxed: tokio compiles about 25 functions for each type of task.
        let work: BoxFuture<'static, Result<T>> = Box::pin(work(self.inner.clone()));
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
            Ok(Err(error)) => {
                Err(StorageError::Unavailable(format!("a call ended early: {error}")))
            }
            Err(_) => Err(late()),
        }
    }
}
