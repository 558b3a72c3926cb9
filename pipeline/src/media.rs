//! Local files that hold what is wanted.

use std::path::{Path, PathBuf};

use clipmill_core::probe::{Probe, VideoStream};
use clipmill_core::{Code, Error};
use serde::{Deserialize, Serialize};

use crate::ffmpeg::Demuxer;

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
    /// By how much this file's clock is ahead of that of the remote file that
    /// it was copied from, microseconds. Picture and sound of one source share
    /// that clock.
    pub shift_micros: i64,
    /// By how much the source's time stamps may have been rounded, microseconds.
    pub slack_micros: i64,
}

impl MediaFile {
    /// A file that is the whole source: its time 0 is its first time stamp, as
    /// players see it.
    pub fn whole(path: &Path, demuxer: Demuxer, probe: Probe) -> MediaFile {
        let (zero_micros, slack_micros) = (micros(probe.start), slack(demuxer, &probe));
        MediaFile { path: path.to_path_buf(), probe, zero_micros, shift_micros: 0, slack_micros }
    }
}

impl Media {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let audio = self.audio.as_ref().map_or(0, |file| file.probe.size);
        self.video.probe.size + audio
    }

    /// The picture.
    ///
    /// # Errors
    /// `no_video` when there is none.
    pub fn picture(&self) -> Result<&VideoStream, Error> {
        self.video
            .probe
            .video
            .as_ref()
            .ok_or_else(|| Error::never(Code::NoVideo, "the file holds no moving picture"))
    }
}

/// By how much such a file may round its time stamps: half of a tick, where it
/// does so at all.
pub(super) fn slack(demuxer: Demuxer, probe: &Probe) -> i64 {
    let tick = probe.video.as_ref().map_or(0.0, |video| video.time_base.as_f64());
    if demuxer.rounds_times() { micros(tick / 2.0) } else { 0 }
}

/// Seconds as the nearest whole microseconds.
pub(super) fn micros(seconds: f64) -> i64 {
    // A cast of a float saturates and turns NaN into 0.
    (seconds * 1e6).round() as i64
}
