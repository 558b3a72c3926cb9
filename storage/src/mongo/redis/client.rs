//! One daemon's use of Redis as a whole: opening, health and the wake-up.

use std::sync::Arc;
use std::time::Duration;

use super::address::Address;
use super::connection::Connection;
use super::listener::Listener;
use super::names::Names;
use super::pace::{PACE, Pace};
use crate::Result;
use crate::ephemeral_memory::EphemeralMemory;

/// One daemon's connections to Redis. They end with this value.
pub(in crate::mongo) struct Redis {
    pub(super) names: Names,
    pub(super) connection: Connection,
    listener: Listener,
    /// What this process keeps for itself while Redis is away, and the waits.
    pub(super) memory: Arc<EphemeralMemory>,
}

impl Redis {
    /// Connects, and tries everything that will be asked of Redis. All keys and
    /// channels begin with `prefix`; the reference service's have none.
    ///
    /// A Redis that is only busy with itself (it loads its data, its memory is
    /// full) does not hinder a start; it is a problem then.
    ///
    /// # Errors
    /// In words for the operator, without the password: `Refused` when the
    /// address makes no sense, the credentials are wrong or it is not a Redis
    /// that can be written to, `Unavailable` when nothing answers.
    pub(in crate::mongo) async fn open(url: &str, prefix: &str) -> Result<Redis> {
        Redis::open_at(url, prefix, PACE).await
    }

    pub(super) async fn open_at(url: &str, prefix: &str, pace: Pace) -> Result<Redis> {
        let address = Address::parse(url)?;
        let names = Names::new(prefix, address.database());
        let connection = Connection::open(address, &names, pace).await?;
        let memory = Arc::new(EphemeralMemory::new());
        let listener = Listener::open(&connection, &names, memory.clone(), pace).await?;
        Ok(Redis { names, connection, listener, memory })
    }

    /// Asks Redis how it is; answers what is wrong, in words, if anything.
    pub(in crate::mongo) async fn problem(&self) -> Option<String> {
        self.connection.call::<()>(&::redis::cmd("PING")).await.ok();
        let address = self.connection.address();
        if let Some(error) = self.connection.error() {
            return Some(format!(
                "Redis at {address} {error}; until it is back sessions are looked up in the \
                 database, and progress and rate limits are this node's own"
            ));
        }
        self.listener.error().map(|error| {
            format!(
                "Redis at {address} {error}, as to its channel; until that works this node \
                 hears of new work late"
            )
        })
    }

    /// Ends the waits of this process and of every other.
    pub(in crate::mongo) async fn wake(&self) {
        self.memory.wake();
        let publish = self.listener.wake_up(&self.names);
        // Who misses it finds the work when it looks by itself.
        self.connection.call::<()>(&publish).await.ok();
    }

    /// Waits for a wake, but not for ever. A wake that came since the
    /// last wait is not missed; it may end early without cause.
    pub(in crate::mongo) async fn wait(&self, timeout: Duration) {
        self.memory.wait(timeout).await;
    }
}
