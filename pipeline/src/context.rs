//! What the stages work with.

use std::sync::Arc;
use std::time::Duration;

use clipmill_core::Clock;
use clipmill_core::net::Client;
use clipmill_plugins::Registry;

use crate::ffmpeg::{Bounds, Tools};
use crate::settings::PipelineSettings;

/// Longest silence of ffmpeg or a codec, after which it counts as hung: more
/// than any encoder's look-ahead takes.
pub(crate) const SILENCE: Duration = Duration::from_secs(300);

/// Settings, programs, handlers, the HTTP client and the clock of all jobs.
pub(crate) struct PipelineContext {
    pub settings: PipelineSettings,
    pub tools: Tools,
    pub registry: Arc<Registry>,
    pub client: Client,
    /// Decides where a live stream is now.
    pub clock: Clock,
}

impl PipelineContext {
    /// How far one ffmpeg may go that writes at most `file_bytes`.
    pub fn bounds(&self, file_bytes: Option<u64>) -> Bounds {
        Bounds {
            deadline: self.settings.stage_deadline,
            silence: SILENCE,
            memory_bytes: self.settings.ffmpeg_memory_bytes,
            file_bytes,
        }
    }
}
