//! How far a running job is, in the reference's shape.

use serde::{Deserialize, Serialize};

/// What a job does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waiting for a worker, or resolving the source.
    Initializing,
    /// Bytes are coming from the source.
    Downloading,
    /// ffmpeg is working.
    Encoding,
}

/// Progress of one job. May be lost at any time; never goes backwards within
/// one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What it does now.
    pub current_phase: Phase,
    /// 0 to 100.
    pub download_progress: f64,
    /// 0 to 100.
    pub encoding_progress: f64,
    /// As a person reads it: `2.3x` while encoding, `4.1MiB/s` while downloading.
    pub speed: Option<String>,
    /// Time left in the current phase, `MM:SS` or `HH:MM:SS`.
    pub eta: Option<String>,
    /// Frames per second of the encoder.
    pub fps: Option<f64>,
}

impl Progress {
    /// The first thing that is told of a job.
    pub fn initializing() -> Progress {
        Progress {
            current_phase: Phase::Initializing,
            download_progress: 0.0,
            encoding_progress: 0.0,
            speed: None,
            eta: None,
            fps: None,
        }
    }
}
