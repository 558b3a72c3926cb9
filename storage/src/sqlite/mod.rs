//! SQLite for what lasts, moka for what may be lost: everything in one process
//! and one file.
//!
//! One connection writes, a few read. Every write runs as a task of its own, so
//! that a client who goes away can't leave one half done, or done but unseen by
//! the caches. The caches are this process's; what another process writes (the
//! command line's user commands) is seen when an entry is a few seconds old.

use clipmill_core::Id;

mod bytes;
mod cluster;
mod columns;
mod ephemeral;
mod error;
mod fresh;
mod health;
mod leases;
mod open;
mod queue;
mod sessions;
mod transfer;
mod users;
mod videos;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{SqlitePool, SqliteTransaction};

use crate::ephemeral_memory::EphemeralMemory;
use crate::{LiveSession, Result, StorageError, Video};

use fresh::Fresh;

/// No call takes longer than this, whatever the disk does.
const DEADLINE: Duration = Duration::from_secs(10);

/// How old an entry of a read cache may grow. It bounds how long a write of
/// another process stays unseen; this process's own writes are seen at once.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// The embedded backend. Clones share the connections and the caches.
#[derive(Clone)]
pub struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    sessions: Fresh<Vec<u8>, LiveSession>,
    videos: Fresh<Id, Arc<Video>>,
    ephemeral: EphemeralMemory,
}

impl Sqlite {
    /// Runs a write to its end, even when the caller stops waiting.
    async fn write<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        // Boxed: tokio compiles about 25 functions for each type of task.
        let work: BoxFuture<'static, Result<T>> = Box::pin(work(self.inner.clone()));
        let task = tokio::spawn(work);
        match within(async { Ok(task.await) }).await? {
            Ok(result) => result,
            Err(error) => Err(StorageError::Unavailable(format!("a write ended early: {error}"))),
        }
    }
}

impl Inner {
    /// A transaction that holds the write lock from its beginning, for what
    /// reads first and writes then.
    async fn begin(&self) -> Result<SqliteTransaction<'static>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Waits for one call, but not for ever.
async fn within<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(result) => result,
        Err(_) => {
            Err(StorageError::Unavailable(format!("no answer within {} s", DEADLINE.as_secs())))
        }
    }
}
