//! What requests and workers share.

use std::sync::Arc;

use clipmill_plugins::Registry;
use clipmill_storage::Storage;
use tokio::sync::Notify;

use crate::auth::Tokens;
use crate::clock::Clock;
use crate::config::Config;
use crate::ffmpeg::Tools;
use crate::pipeline::{Artifacts, Street};
use crate::telemetry::Metrics;

/// Everything that one running daemon has. Cheap to share behind an `Arc`.
pub struct App {
    /// The configuration, as loaded.
    pub config: Config,
    /// What is remembered.
    pub storage: Arc<dyn Storage>,
    /// Who can do it.
    pub registry: Arc<Registry>,
    /// Where finished files are.
    pub artifacts: Artifacts,
    /// ffmpeg and ffprobe.
    pub tools: Tools,
    /// The stages.
    pub street: Street,
    /// Makes and checks tokens.
    pub tokens: Tokens,
    /// Counters.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
    /// Told whenever a job of this process has ended, in whatever way. Who
    /// waits for a job looks at its record after each, and every second.
    pub settled: Notify,
}
