//! What requests and workers share.

use std::sync::Arc;

use clipmill_core::{Clock, ClockOffset};
use clipmill_pipeline::Pipeline;
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_plugins::Registry;
use clipmill_plugins::wasm::Plugins;
use clipmill_storage::Storage;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::artifacts::Stores;
use crate::auth::{Passwords, Tokens};
use crate::config::Config;
use crate::telemetry::Metrics;

/// How many saved clips are resolved in the background at a time.
const MOST_RESOLVING: usize = 4;
/// How many files are received at a time.
const MOST_RECEIVING: usize = 4;

/// Everything that one running daemon has, behind an `Arc`. The command line
/// builds it in `cli/serve.rs`, tests build their own.
pub struct App {
    /// The configuration, as loaded.
    pub config: Config,
    /// The name of this daemon among those that share the storage.
    pub node: String,
    /// Users, sessions, records and the queue.
    pub storage: Arc<dyn Storage>,
    /// Where finished files and uploads are.
    pub stores: Stores,
    /// What works on media.
    pub engine: MediaEngine,
    /// Creates and checks tokens.
    pub tokens: Tokens,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// How far the storage's clock is ahead of this machine's.
    pub clock_offset: ClockOffset,
    /// What the tasks of this process tell each other.
    pub signals: Signals,
}

/// What works on media, with or without a server.
pub struct MediaEngine {
    /// ffmpeg and ffprobe.
    pub tools: Tools,
    /// Sources and codecs, built in and of plugins.
    pub registry: Arc<Registry>,
    /// The stages.
    pub pipeline: Pipeline,
    /// The plugins, where they are used.
    pub plugins: Option<Plugins>,
}

/// What the tasks of one process tell each other.
pub struct Signals {
    /// Notified whenever a job of this process has ended, in whatever way. A
    /// request that waits for a job reads its record after each notification, and
    /// every second.
    pub settled: Notify,
    /// Cancelled when the daemon starts to stop.
    pub stopping: CancellationToken,
    /// Permits for resolving a saved clip in the background. Without a free one,
    /// it is not resolved.
    pub resolving: Arc<Semaphore>,
    /// Permits for receiving a file. Without a free one, the client gets 503.
    pub receiving: Arc<Semaphore>,
}

impl Default for Signals {
    fn default() -> Signals {
        Signals {
            settled: Notify::new(),
            stopping: CancellationToken::new(),
            resolving: Arc::new(Semaphore::new(MOST_RESOLVING)),
            receiving: Arc::new(Semaphore::new(MOST_RECEIVING)),
        }
    }
}
