//! Local files that hold what is wanted.

use std::path::{Path, PathBuf};

use clipmill_plugins::media::{Probe, VideoStream};
use serde::{Deserialize, Serialize};

use super::StageError;

/// A file with a picture, and perhaps one with the sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Media {
    /// Holds the picture.
    pub video: MediaFile,
    /// Holds the sound; none when the file of the picture does, if there is any.
    pub audio: Option<MediaFile>,
}

/// A local file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct MediaFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub probe: Probe,
    /// The source's time 0 in this file's own clock, microseconds.
    pub zero_micros: i64,
}

impl MediaFile {
    /// A file that is the whole source: its time 0 is its first time stamp, as
    /// players see it.
    pub fn whole(path: &Path, probe: Probe) -> MediaFile {
        let zero_micros = micros(probe.start);
        MediaFile { path: path.to_path_buf(), probe, zero_micros }
    }
}

impl Media {
    /// The picture.
    ///
    /// # Errors
    /// `no_video` when there is none.
    pub fn picture(&self) -> Result<&VideoStream, StageError> {
        self.video
            .probe
            .video
            .as_ref()
            .ok_or_else(|| StageError::never("no_video", "the file holds no moving picture"))
    }
}

/// Seconds as the nearest whole microseconds.
pub(super) fn micros(seconds: f64) -> i64 {
    // A cast of a float saturates and turns NaN into 0.
    (seconds * 1e6).round() as i64
}
