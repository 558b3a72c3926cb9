//! The connection for commands, and the breaker before it.
//!
//! A command has a short time to be answered. When one is not, the connection
//! is in doubt: at once somebody (no request) connects anew and rehearses, and
//! commands wait for that, within their time. When it works nobody notices; a
//! connection that was only closed for being idle costs nothing else. When it
//! does not, commands fail at once, and the attempts go on until one works.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Pace;
use super::address::Address;
use super::late::Late;
use super::names::Names;
use super::rehearsal::rehearse;
use super::trouble::{Trouble, is_of_one_key};
use crate::Error;

/// A command was not answered; what it was for has to do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Away;

/// Clones share one connection.
#[derive(Clone)]
pub(super) struct Link(Arc<Shared>);

struct Shared {
    address: Address,
    names: Names,
    pace: Pace,
    state: watch::Sender<State>,
    late: Late,
}

enum State {
    /// The number tells this connection from those before.
    Up { number: u64, connection: MultiplexedConnection },
    /// It failed, and the first attempt to replace it is under way.
    Doubtful(Trouble),
    /// Attempts fail, the last one like this.
    Down(Trouble),
}

impl Link {
    /// # Errors
    /// When Redis can't be used and won't be by waiting.
    pub(super) async fn open(address: Address, names: &Names, pace: Pace) -> Result<Link, Error> {
        let first = State::Down(Trouble::closed());
        let shared = Arc::new(Shared {
            address,
            names: names.clone(),
            pace,
            state: watch::Sender::new(first),
            late: Late::default(),
        });
        match shared.connect(pace.start).await {
            Ok(connection) => {
                shared.state.send_replace(State::Up { number: 0, connection });
            }
            Err(trouble) if trouble.is_passing() => {
                let mut absence = Absence::begin(0);
                absence.goes_on(&shared, trouble);
                tokio::spawn(recover(Arc::downgrade(&shared), absence));
            }
            Err(trouble) => return Err(trouble.at_start(&shared.address)),
        }
        Ok(Link(shared))
    }

    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }

    pub(super) fn client(&self) -> &Client {
        self.0.address.client()
    }

    /// What is wrong now, if anything.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        match &*self.0.state.borrow() {
            State::Up { .. } => None,
            State::Doubtful(trouble) | State::Down(trouble) => Some(trouble.clone()),
        }
    }

    /// Runs a command. It may be dropped at any time, and it may run twice when
    /// the connection is lost over it.
    ///
    /// # Errors
    /// `Away`, at the latest when the patience for one command is over.
    pub(super) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        let patience = self.0.pace.patience;
        let deadline = Instant::now() + patience;
        // A connection that was closed while nobody used it costs a second attempt.
        for _ in 0..2 {
            let (number, mut connection) = self.connection(deadline).await.ok_or(Away)?;
            let asked = timeout_at(deadline, command.query_async(&mut connection)).await;
            let error = match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.doubt(number, Trouble::silent(patience));
                    return Err(Away);
                }
            };
            if is_of_one_key(&error) {
                tracing::debug!(redis.error = %error, "Redis refused a command");
                return Err(Away);
            }
            let is_lost = error.is_connection_dropped();
            self.doubt(number, error.into());
            if !is_lost {
                return Err(Away);
            }
        }
        Err(Away)
    }

    /// Marks sessions as ended as soon as Redis can be told.
    pub(super) async fn mark_later(&self, keys: impl IntoIterator<Item = String>) {
        self.0.late.add(keys);
        // Whoever brings the connection back looks for late marks before and after. So
        // either they have seen these, or the connection is seen to be back here.
        let connection = match &*self.0.state.borrow() {
            State::Up { connection, .. } => connection.clone(),
            State::Doubtful(_) | State::Down(_) => return,
        };
        self.0.write_late(connection).await;
    }

    /// The connection, when it is not in doubt any more.
    async fn connection(&self, deadline: Instant) -> Option<(u64, MultiplexedConnection)> {
        let mut state = self.0.state.subscribe();
        let decided = state.wait_for(|state| !matches!(state, State::Doubtful(_)));
        match &*timeout_at(deadline, decided).await.ok()?.ok()? {
            State::Up { number, connection } => Some((*number, connection.clone())),
            State::Doubtful(_) | State::Down(_) => None,
        }
    }

    /// Replaces a connection that failed, unless somebody else does already.
    fn doubt(&self, failed: u64, trouble: Trouble) {
        let is_first = self.0.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Up { number, .. } if *number == failed);
            if is_it {
                tracing::debug!(redis.cause = %trouble, "the connection to Redis is in doubt");
                *state = State::Doubtful(trouble);
            }
            is_it
        });
        if is_first {
            tokio::spawn(recover(Arc::downgrade(&self.0), Absence::begin(failed)));
        }
    }
}

impl Shared {
    /// A connection on which everything works.
    async fn connect(&self, within: Duration) -> Result<MultiplexedConnection, Trouble> {
        match timeout(within, self.connect_and_rehearse()).await {
            Ok(connected) => connected.map_err(Trouble::from),
            Err(_) => Err(Trouble::silent(within)),
        }
    }

    async fn connect_and_rehearse(&self) -> RedisResult<MultiplexedConnection> {
        let no_limits =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = self.address.client();
        let mut connection =
            client.get_multiplexed_async_connection_with_config(&no_limits).await?;
        // The first answer may be no answer of a Redis at all, or a refusal.
        ::redis::cmd("PING").exec_async(&mut connection).await?;
        rehearse(&self.names, &mut connection).await?;
        self.late.write(&mut connection).await?;
        Ok(connection)
    }

    async fn write_late(&self, mut connection: MultiplexedConnection) {
        if !self.late.is_empty() {
            // If this fails, the connection does, and the next one begins with them.
            timeout(self.pace.attempt, self.late.write(&mut connection)).await.ok();
        }
    }
}

/// A time without Redis.
struct Absence {
    since: Instant,
    /// Of the connection that failed.
    number: u64,
    is_known: bool,
}

impl Absence {
    fn begin(number: u64) -> Absence {
        Absence { since: Instant::now(), number, is_known: false }
    }

    /// Another attempt failed. One line tells of all.
    fn goes_on(&mut self, shared: &Shared, trouble: Trouble) {
        if !self.is_known {
            self.is_known = true;
            tracing::warn!(
                redis.address = %shared.address,
                "Redis {trouble}; requests and jobs go on without it, slower"
            );
        }
        shared.state.send_replace(State::Down(trouble));
    }

    fn ends(&self, shared: &Shared, connection: MultiplexedConnection) {
        let number = self.number.wrapping_add(1);
        shared.state.send_replace(State::Up { number, connection });
        if self.is_known {
            let away_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(redis.address = %shared.address, redis.away_ms = away_ms, "Redis is back");
        }
    }
}

/// Connects again and again until it works, or until nobody holds the link.
async fn recover(link: Weak<Shared>, mut absence: Absence) {
    loop {
        let Some(shared) = link.upgrade() else { return };
        let Pace { patience, pause, attempt, .. } = shared.pace;
        // Requests wait for the first attempt.
        let within = if absence.is_known { attempt } else { patience };
        match shared.connect(within).await {
            Ok(connection) => {
                absence.ends(&shared, connection.clone());
                return shared.write_late(connection).await;
            }
            Err(trouble) => absence.goes_on(&shared, trouble),
        }
        drop(shared);
        sleep(pause).await;
    }
}
