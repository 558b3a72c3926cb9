//! The channel on which nodes tell each other of new work. It has a connection
//! of its own and comes back by itself.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::PubSub;
use ::redis::{Cmd, Value};
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::commands::publish;
use super::connection::Connection;
use super::error::RedisError;
use super::names::Names;
use super::pace::Pace;
use crate::StorageError;
use crate::ephemeral_memory::EphemeralMemory;

/// Between attempts to subscribe: the first and the longest pause.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(2);

/// Listens until it is dropped.
pub(super) struct Listener {
    /// Tells this node's own messages, which it need not hear.
    node: String,
    error: watch::Receiver<Option<RedisError>>,
    task: AbortHandle,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Subscribes; each message from another node ends the waits of `memory`.
    ///
    /// # Errors
    /// When Redis does not let it and won't by waiting.
    pub(super) async fn open(
        link: &Connection,
        names: &Names,
        memory: Arc<EphemeralMemory>,
        pace: Pace,
    ) -> Result<Listener, StorageError> {
        let node = format!("{:016x}", rand::random::<u64>());
        let (error, told) = watch::channel(None);
        let ear = Ear {
            link: link.clone(),
            channel: names.wake(),
            node: node.clone(),
            memory,
            pace,
            error,
        };
        let first = match ear.subscribe(pace.start).await {
            Ok(channel) => Some(channel),
            Err(error) if error.is_passing() => None,
            Err(error) => return Err(error.at_start(link.address())),
        };
        let task = tokio::spawn(ear.listen(first)).abort_handle();
        Ok(Listener { node, error: told, task })
    }

    /// The message that wakes the other nodes.
    pub(super) fn wake_up(&self, names: &Names) -> Cmd {
        publish(&names.wake(), &self.node)
    }

    /// Why it hears nothing now, if so.
    pub(super) fn error(&self) -> Option<RedisError> {
        self.error.borrow().clone()
    }
}

struct Ear {
    link: Connection,
    channel: String,
    node: String,
    memory: Arc<EphemeralMemory>,
    pace: Pace,
    error: watch::Sender<Option<RedisError>>,
}

impl Ear {
    async fn listen(self, first: Option<PubSub>) {
        let mut channel = match first {
            Some(channel) => channel,
            None => self.subscribe_again().await,
        };
        loop {
            let error = self.hear(channel).await;
            tracing::debug!(redis.cause = %error, "the channel of Redis was lost");
            self.error.send_replace(Some(error));
            // An idle node notices by this that Redis is away.
            self.link.call::<()>(&::redis::cmd("PING")).await.ok();
            channel = self.subscribe_again().await;
        }
    }

    /// Hears messages until the connection fails.
    async fn hear(&self, channel: PubSub) -> RedisError {
        let (mut line, mut messages) = channel.split();
        loop {
            match timeout(self.pace.heartbeat, messages.next()).await {
                Ok(Some(message)) => {
                    let from = message.get_payload_bytes();
                    // An empty one is a preflight.
                    if !from.is_empty() && from != self.node.as_bytes() {
                        self.memory.wake();
                    }
                }
                Ok(None) => return RedisError::closed(),
                // The channel is silent, or the connection is dead.
                Err(_) => match timeout(self.pace.attempt, line.ping::<Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return error.into(),
                    Err(_) => return RedisError::silent(self.pace.attempt),
                },
            }
        }
    }

    /// Tries until it works.
    async fn subscribe_again(&self) -> PubSub {
        let mut pause = SHORT;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONG);
            match self.subscribe(self.pace.attempt).await {
                Ok(channel) => {
                    self.error.send_replace(None);
                    // Something may have been missed.
                    self.memory.wake();
                    return channel;
                }
                Err(error) => {
                    self.error.send_replace(Some(error));
                }
            }
        }
    }

    async fn subscribe(&self, within: Duration) -> Result<PubSub, RedisError> {
        let subscribed = timeout(within, async {
            let mut channel = self.link.client().get_async_pubsub().await?;
            channel.subscribe(&self.channel).await?;
            Ok::<_, ::redis::RedisError>(channel)
        });
        match subscribed.await {
            Ok(subscribed) => subscribed.map_err(RedisError::from),
            Err(_) => Err(RedisError::silent(within)),
        }
    }
}
