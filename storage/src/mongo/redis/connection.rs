//! The connection for commands, behind a circuit breaker.
//!
//! ```text
//! Up --(a command fails or times out)--> HalfOpen --(first reconnect fails)--> Down
//!  ^------------(reconnect and preflight succeed)----'------------------------'
//! ```
//! In `HalfOpen` a background task connects again and runs the preflight;
//! commands wait for it, within their own deadline, so that a connection which
//! Redis closed because it was idle costs no failed request. In `Down` commands
//! fail at once, and the task goes on until a reconnect succeeds.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::address::Address;
use super::error::{RedisError, is_of_one_key};
use super::names::Names;
use super::pace::Pace;
use super::pending_invalidations::PendingInvalidations;
use super::preflight::preflight;
use crate::StorageError;

/// Redis did not answer a command; the caller goes on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unavailable;

/// Clones share one connection.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    address: Address,
    names: Names,
    pace: Pace,
    state: watch::Sender<State>,
    pending: PendingInvalidations,
}

enum State {
    /// `number` distinguishes this connection from earlier ones.
    Up { number: u64, connection: MultiplexedConnection },
    /// It failed, and the first attempt to replace it is under way.
    HalfOpen(RedisError),
    /// Reconnects fail; the error of the last one.
    Down(RedisError),
}

impl Connection {
    /// # Errors
    /// When Redis can't be used and won't be by waiting.
    pub(super) async fn open(
        address: Address,
        names: &Names,
        pace: Pace,
    ) -> Result<Connection, StorageError> {
        let first = State::Down(RedisError::closed());
        let shared = Arc::new(Shared {
            address,
            names: names.clone(),
            pace,
            state: watch::Sender::new(first),
            pending: PendingInvalidations::default(),
        });
        match shared.connect(pace.start).await {
            Ok(connection) => {
                shared.state.send_replace(State::Up { number: 0, connection });
            }
            Err(error) if error.is_passing() => {
                let mut absence = Absence::begin(0);
                absence.goes_on(&shared, error);
                tokio::spawn(recover(Arc::downgrade(&shared), absence));
            }
            Err(error) => return Err(error.at_start(&shared.address)),
        }
        Ok(Connection(shared))
    }

    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }

    pub(super) fn client(&self) -> &Client {
        self.0.address.client()
    }

    /// What is wrong now, if anything.
    pub(super) fn error(&self) -> Option<RedisError> {
        match &*self.0.state.borrow() {
            State::Up { .. } => None,
            State::HalfOpen(error) | State::Down(error) => Some(error.clone()),
        }
    }

    /// Runs a command. It may be dropped at any time, and it may run twice when
    /// the connection is lost over it.
    ///
    /// # Errors
    /// `Unavailable`, at the latest when the patience for one command is over.
    pub(super) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unavailable> {
        let patience = self.0.pace.patience;
        let deadline = Instant::now() + patience;
        // A connection that was closed while it was idle costs a second attempt.
        for _ in 0..2 {
            let (number, mut connection) = self.connection(deadline).await.ok_or(Unavailable)?;
            let asked = timeout_at(deadline, command.query_async(&mut connection)).await;
            let error = match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.open_breaker(number, RedisError::silent(patience));
                    return Err(Unavailable);
                }
            };
            if is_of_one_key(&error) {
                tracing::debug!(redis.error = %error, "Redis refused a command");
                return Err(Unavailable);
            }
            let is_lost = error.is_connection_dropped();
            self.open_breaker(number, error.into());
            if !is_lost {
                return Err(Unavailable);
            }
        }
        Err(Unavailable)
    }

    /// Marks sessions as ended as soon as Redis can be told.
    pub(super) async fn mark_later(&self, keys: impl IntoIterator<Item = String>) {
        self.0.pending.add(keys);
        // `recover` writes pending marks before and after it publishes the connection.
        // So either it has seen these keys, or this sees the connection.
        let connection = match &*self.0.state.borrow() {
            State::Up { connection, .. } => connection.clone(),
            State::HalfOpen(_) | State::Down(_) => return,
        };
        self.0.write_pending(connection).await;
    }

    /// The connection, when it is not in doubt any more.
    async fn connection(&self, deadline: Instant) -> Option<(u64, MultiplexedConnection)> {
        let mut state = self.0.state.subscribe();
        let decided = state.wait_for(|state| !matches!(state, State::HalfOpen(_)));
        match &*timeout_at(deadline, decided).await.ok()?.ok()? {
            State::Up { number, connection } => Some((*number, connection.clone())),
            State::HalfOpen(_) | State::Down(_) => None,
        }
    }

    /// Starts to replace a connection that failed, unless that has started already.
    fn open_breaker(&self, failed: u64, error: RedisError) {
        let is_first = self.0.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Up { number, .. } if *number == failed);
            if is_it {
                tracing::debug!(redis.cause = %error, "a Redis command failed; reconnecting");
                *state = State::HalfOpen(error);
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
    async fn connect(&self, within: Duration) -> Result<MultiplexedConnection, RedisError> {
        match timeout(within, self.connect_and_check()).await {
            Ok(connected) => connected.map_err(RedisError::from),
            Err(_) => Err(RedisError::silent(within)),
        }
    }

    async fn connect_and_check(&self) -> RedisResult<MultiplexedConnection> {
        let no_limits =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let client = self.address.client();
        let mut connection =
            client.get_multiplexed_async_connection_with_config(&no_limits).await?;
        // The first answer may be no answer of a Redis at all, or a refusal.
        ::redis::cmd("PING").exec_async(&mut connection).await?;
        preflight(&self.names, &mut connection).await?;
        self.pending.write(&mut connection).await?;
        Ok(connection)
    }

    async fn write_pending(&self, mut connection: MultiplexedConnection) {
        if !self.pending.is_empty() {
            // If this fails, the connection does, and the next one starts with them.
            timeout(self.pace.attempt, self.pending.write(&mut connection)).await.ok();
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

    /// Another attempt failed; only the first one of an outage is logged.
    fn goes_on(&mut self, shared: &Shared, error: RedisError) {
        if !self.is_known {
            self.is_known = true;
            tracing::warn!(
                redis.address = %shared.address,
                "Redis {error}; requests and jobs go on without it, slower"
            );
        }
        shared.state.send_replace(State::Down(error));
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

/// Reconnects until it works, or until the last [`Connection`] is dropped.
async fn recover(link: Weak<Shared>, mut absence: Absence) {
    loop {
        let Some(shared) = link.upgrade() else { return };
        let Pace { patience, pause, attempt, .. } = shared.pace;
        // Requests wait for the first attempt.
        let within = if absence.is_known { attempt } else { patience };
        match shared.connect(within).await {
            Ok(connection) => {
                absence.ends(&shared, connection.clone());
                return shared.write_pending(connection).await;
            }
            Err(error) => absence.goes_on(&shared, error),
        }
        drop(shared);
        sleep(pause).await;
    }
}
