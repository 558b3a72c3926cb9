//! Local files that hold what is wanted, and how their clocks relate to the
//! source's.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clipmill_core::probe::{Probe, VideoStream};
use clipmill_core::{Error, micros_of_seconds};
use serde::{Deserialize, Serialize};

use crate::ffmpeg::{Demuxer, no_video};

/// A file with a video stream, and perhaps another one with the audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LocalMedia {
    /// Holds the video.
    pub video: MediaFile,
    /// Holds the audio; none when the video's file holds it, or when there is no
    /// audio.
    pub audio: Option<MediaFile>,
}

/// A local file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MediaFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub probe: Probe,
    /// The source's time 0 in this file's own clock, microseconds.
    pub zero_micros: i64,
    /// By how much this file's clock is ahead of that of the remote file that
    /// it was copied from, microseconds. Video and audio of one source share
    /// that clock.
    pub shift_micros: i64,
    /// By how much the source's timestamps may have been rounded, microseconds.
    pub slack_micros: i64,
    /// When an edit of the source presents the video, in this file's clock,
    /// microseconds; none when the file itself says so.
    #[serde(default)]
    pub presented_micros: Option<Range<i64>>,
}

/// The times of a source in the clock of its clip file, microseconds.
#[derive(Debug, Clone)]
pub(crate) struct ClipClock {
    /// The source's time 0.
    pub origin: i64,
    /// When an edit presents the video.
    pub presented: Range<i64>,
}

impl MediaFile {
    /// A file that is the whole source: its time 0 is its first timestamp, as
    /// players see it.
    pub fn whole(path: &Path, demuxer: Demuxer, probe: Probe) -> MediaFile {
        MediaFile {
            path: path.to_path_buf(),
            zero_micros: micros_of_seconds(probe.start),
            shift_micros: 0,
            presented_micros: None,
            slack_micros: timestamp_slack_micros(demuxer, &probe),
            probe,
        }
    }

    /// The same file as a clip file of a source.
    pub fn with_clock(self, clock: ClipClock) -> MediaFile {
        let ClipClock { origin, presented } = clock;
        MediaFile { zero_micros: origin, presented_micros: Some(presented), ..self }
    }
}

impl LocalMedia {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let audio = self.audio.as_ref().map_or(0, |file| file.probe.size);
        self.video.probe.size + audio
    }

    /// The file that holds the audio, if there is any.
    pub fn audio_file(&self) -> &MediaFile {
        self.audio.as_ref().unwrap_or(&self.video)
    }

    /// The video stream.
    ///
    /// # Errors
    /// `no_video` when there is none.
    pub fn video_stream(&self) -> Result<&VideoStream, Error> {
        self.video.probe.video.as_ref().ok_or_else(|| no_video("file"))
    }
}

/// By how much such a file may round its timestamps, microseconds: half of a
/// tick, where it does so at all.
pub(crate) fn timestamp_slack_micros(demuxer: Demuxer, probe: &Probe) -> i64 {
    let tick = probe.video.as_ref().map_or(0.0, |video| video.time_base.as_f64());
    if demuxer.rounds_times() { micros_of_seconds(tick / 2.0) } else { 0 }
}
