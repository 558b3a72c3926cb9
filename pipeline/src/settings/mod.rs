//! The settings of the pipeline, as the daemon's configuration gives them.

mod encode;
mod fetch;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use encode::{EncodeSettings, HardwareChoice, IfLarger};
pub use fetch::FetchSettings;

/// Settings of one pipeline.
#[derive(Debug, Clone)]
pub struct PipelineSettings {
    /// How remote files are downloaded.
    pub fetch: FetchSettings,
    /// What encoders may do.
    pub encode: EncodeSettings,
    /// What becomes of 1440p and above asked as MP4.
    pub high_resolution_mp4: HighResolutionMp4,
    /// The largest download for one clip, bytes.
    pub max_download_bytes: u64,
    /// How long one stage of one job may take.
    pub stage_deadline: Duration,
    /// Threads of one ffmpeg; 0 for its own choice.
    pub ffmpeg_threads: u32,
    /// Address space of one ffmpeg, bytes; none for no limit.
    pub ffmpeg_memory_bytes: Option<u64>,
}

/// What becomes of 1440p and above asked as MP4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HighResolutionMp4 {
    /// WebM is fetched and encoded to lossless H.265, as the reference does.
    LosslessH265,
    /// WebM's own codec is kept and put into MP4; only the cut is re-encoded.
    Remux,
}

impl HighResolutionMp4 {
    /// Height in pixels from which it counts.
    pub const MIN_HEIGHT: u32 = 1440;
}
