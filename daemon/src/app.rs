//! What requests and workers share.

use std::sync::Arc;

use clipmill_core::{Clock, ClockOffset};
use clipmill_pipeline::Pipeline;
use clipmill_pipeline::ffmpeg::Tools;
use clipmill_plugins::Registry;
use clipmill_storage::Storage;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::artifacts::Artifacts;
use crate::auth::{Passwords, Tokens};
use crate::config::{Config, JwtSecrets};
use crate::telemetry::Metrics;

/// Sources that are asked at a time for what a saved clip can be had in.
const RESOLVING_AT_A_TIME: usize = 4;
/// Files that are received at a time.
const UPLOADS_AT_A_TIME: usize = 4;

/// Everything that one running daemon has. Cheap to share behind an `Arc`.
pub struct App {
    /// The configuration, as loaded.
    pub config: Config,
    /// The name of this daemon among those that share the storage.
    pub node: String,
    /// What is remembered.
    pub storage: Arc<dyn Storage>,
    /// Who can do it.
    pub registry: Arc<Registry>,
    /// Where finished files are.
    pub artifacts: Artifacts,
    /// Where uploaded files are.
    pub uploads: Artifacts,
    /// ffmpeg and ffprobe.
    pub tools: Tools,
    /// The stages.
    pub pipeline: Pipeline,
    /// Makes and checks tokens.
    pub tokens: Tokens,
    /// Hashes and checks passwords.
    pub passwords: Passwords,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// What the storage's clock is ahead of this machine's.
    pub clock_offset: ClockOffset,
    /// Told whenever a job of this process has ended, in whatever way. Who
    /// waits for a job looks at its record after each, and every second.
    pub settled: Notify,
    /// Cancelled when the daemon begins to stop.
    pub stopping: CancellationToken,
    /// Places for asking sources in the background; who finds none gives up.
    pub resolving: Arc<Semaphore>,
    /// Places for receiving files; who finds none is sent away.
    pub receiving: Arc<Semaphore>,
}

/// The parts of an [`App`] that are made outside of it.
pub struct Parts {
    /// The configuration, as loaded.
    pub config: Config,
    /// The secrets that sign tokens.
    pub secrets: JwtSecrets,
    /// The name of this daemon among those that share the storage.
    pub node: String,
    /// What is remembered.
    pub storage: Arc<dyn Storage>,
    /// Who can do it.
    pub registry: Arc<Registry>,
    /// Where finished files are.
    pub artifacts: Artifacts,
    /// Where uploaded files are.
    pub uploads: Artifacts,
    /// ffmpeg and ffprobe.
    pub tools: Tools,
    /// The stages.
    pub pipeline: Pipeline,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// What the storage's clock is ahead of this machine's.
    pub clock_offset: ClockOffset,
}

impl App {
    /// Joins the parts.
    pub fn assemble(parts: Parts) -> App {
        App {
            tokens: Tokens::new(&parts.secrets, &parts.config.auth),
            passwords: Passwords::new(parts.config.auth.bcrypt_cost),
            settled: Notify::new(),
            stopping: CancellationToken::new(),
            resolving: Arc::new(Semaphore::new(RESOLVING_AT_A_TIME)),
            receiving: Arc::new(Semaphore::new(UPLOADS_AT_A_TIME)),
            config: parts.config,
            node: parts.node,
            storage: parts.storage,
            registry: parts.registry,
            artifacts: parts.artifacts,
            uploads: parts.uploads,
            tools: parts.tools,
            pipeline: parts.pipeline,
            metrics: parts.metrics,
            clock: parts.clock,
            clock_offset: parts.clock_offset,
        }
    }
}
