//! Redis: what the daemons of a cluster share and may lose. A cache of
//! sessions, the progress of jobs, rate counters and the wake-up.
//!
//! Nothing here fails because Redis is away: a session is then looked up in the
//! database, progress and counters are this process's own, and workers find
//! work when they look into the queue by themselves. [`Redis::problem`] tells.
//!
//! Not the module's: whether a session is valid (the database knows), and any
//! decision that must not be lost.

mod address;
mod connection;
mod counters;
mod error;
mod listener;
mod names;
mod pending_invalidations;
mod preflight;
mod progress;
mod sessions;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::ephemeral_memory::EphemeralMemory;

use address::Address;
use connection::Connection;
use listener::Listener;
use names::Names;

pub(super) use sessions::Cached;

/// One daemon's connections to Redis. They end with this value.
pub(super) struct Redis {
    names: Names,
    link: Connection,
    listener: Listener,
    /// What this process keeps for itself while Redis is away, and the waits.
    memory: Arc<EphemeralMemory>,
}

/// How long things take. Tests have less time.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// What a request may lose by waiting for an answer.
    patience: Duration,
    /// Between attempts to reach a Redis that is away.
    pause: Duration,
    /// How long such an attempt may take; nobody waits for it.
    attempt: Duration,
    /// How long a start waits for Redis.
    start: Duration,
    /// After so long without a message the channel is tested.
    heartbeat: Duration,
}

const PACE: Pace = Pace {
    patience: Duration::from_millis(300),
    pause: Duration::from_secs(1),
    attempt: Duration::from_secs(2),
    start: Duration::from_secs(5),
    heartbeat: Duration::from_secs(15),
};

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
    pub(super) async fn open(url: &str, prefix: &str) -> Result<Redis> {
        Redis::open_at(url, prefix, PACE).await
    }

    async fn open_at(url: &str, prefix: &str, pace: Pace) -> Result<Redis> {
        let address = Address::parse(url)?;
        let names = Names::new(prefix, address.database());
        let link = Connection::open(address, &names, pace).await?;
        let memory = Arc::new(EphemeralMemory::new());
        let listener = Listener::open(&link, &names, memory.clone(), pace).await?;
        Ok(Redis { names, link, listener, memory })
    }

    /// Asks Redis how it is; answers what is wrong, in words, if anything.
    pub(super) async fn problem(&self) -> Option<String> {
        self.link.call::<()>(&::redis::cmd("PING")).await.ok();
        let address = self.link.address();
        if let Some(error) = self.link.error() {
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
    pub(super) async fn wake(&self) {
        self.memory.wake();
        let publish = self.listener.wake_up(&self.names);
        // Who misses it finds the work when it looks by itself.
        self.link.call::<()>(&publish).await.ok();
    }

    /// Waits until somebody wakes, but not for ever. A wake that came since the
    /// last wait is not missed; it may end early without cause.
    pub(super) async fn wait(&self, timeout: Duration) {
        self.memory.wait(timeout).await;
    }
}
