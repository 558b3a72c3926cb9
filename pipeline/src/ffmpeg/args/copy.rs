//! Arguments of stream copies: all video in another container, and parts with
//! their timestamps.

use std::ffi::OsString;
use std::path::Path;

use clipmill_core::probe::{Container, VideoStream};
use clipmill_plugins::AudioPlan;

use super::arg_list::{ArgList, AudioInput, seconds};
use super::audio::encode_streams;
use crate::ffmpeg::input::Input;

/// By how much a [`StreamCopy`] is later than its input, microseconds: audio may
/// start a little before 0, which not every container can say.
pub(crate) const COPY_SHIFT_MICROS: i64 = 1_000_000;

/// A copy of a part of an input, which starts with the keyframe at or before
/// `from` and keeps the timestamps, but for [`COPY_SHIFT_MICROS`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamCopy<'a> {
    /// From where.
    pub input: &'a Input,
    /// Indexes of the streams.
    pub streams: &'a [u32],
    /// Seconds after the input's first timestamp.
    pub from: f64,
    /// Seconds; infinite for all of the input, wherever it starts.
    pub duration: f64,
    /// The container of the result.
    pub container: WorkContainer,
    /// The result.
    pub output: &'a Path,
}

/// A container that keeps every timestamp of what is copied into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkContainer {
    /// Fragments without an edit list: ffmpeg would end that before the last frame
    /// where a stream does not state how long its frames are.
    Mp4 {
        /// Ticks per second of the video.
        timescale: u64,
        /// Whether the audio is AAC, whose headers (ADTS) MP4 keeps elsewhere.
        has_aac: bool,
    },
    /// With timestamps in milliseconds.
    Matroska,
    /// NUT holds everything, and has no index that our readers know.
    Nut,
}

impl WorkContainer {
    /// The extension of its files, which is also ffmpeg's name of the muxer.
    pub fn name(self) -> &'static str {
        match self {
            WorkContainer::Mp4 { .. } => "mp4",
            WorkContainer::Matroska => "matroska",
            WorkContainer::Nut => "nut",
        }
    }
}

/// How the audio is re-encoded beside copied video.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudioReencode<'a> {
    /// Container of the result.
    pub container: Container,
    /// Encoder and rate.
    pub plan: &'a AudioPlan,
}

/// Arguments of a copy that changes only the container.
pub(crate) fn remux_args(
    input: &Input,
    video: &VideoStream,
    audio: AudioInput<'_>,
    container: Container,
    output: &Path,
) -> Vec<OsString> {
    copied_video(input, video, audio, "-c", container).output(container, output)
}

/// Arguments of a copy of all video beside an encode of the audio.
pub(crate) fn reencode_audio_args(
    input: &Input,
    video: &VideoStream,
    audio: AudioInput<'_>,
    encode: AudioReencode<'_>,
    output: &Path,
) -> Vec<OsString> {
    let container = encode.container;
    let mut args = copied_video(input, video, audio, "-c:v", container);
    encode_streams(&mut args, encode.plan, audio.streams, container, None);
    args.output(container, output)
}

/// Arguments of a [`StreamCopy`].
pub(crate) fn copy_args(job: &StreamCopy<'_>) -> Vec<OsString> {
    let mut args = ArgList::with_progress();
    args.add(&["-copyts"]);
    if job.duration.is_finite() {
        args.add(&["-ss", &format!("{:.6}", job.from), "-t", &format!("{:.6}", job.duration)]);
    }
    args.input(job.input, None, 0);
    for stream in job.streams {
        args.add(&["-map", &format!("0:{stream}")]);
    }
    args.without_extras();
    args.add(&["-c", "copy", "-copypriorss", "1", "-avoid_negative_ts", "disabled"]);
    args.add(&["-output_ts_offset", &seconds(COPY_SHIFT_MICROS)]);
    if let WorkContainer::Mp4 { timescale, has_aac } = job.container {
        args.add(&["-video_track_timescale", &timescale.to_string()]);
        // `frag_discont` writes times as they are, and not from 0 on.
        let flags = "+delay_moov+empty_moov+default_base_moof+frag_discont";
        args.add(&["-movflags", flags, "-use_editlist", "0", "-frag_duration", "2000000"]);
        if has_aac {
            args.add(&["-bsf:a", "aac_adtstoasc"]);
        }
    }
    args.add(&["-f", job.container.name(), "-y"]);
    args.add_path(job.output);
    args.0
}

/// Copies all video; `copied` is `-c` to copy the audio too, and `-c:v` not to.
fn copied_video(
    input: &Input,
    video: &VideoStream,
    audio: AudioInput<'_>,
    copied: &str,
    container: Container,
) -> ArgList {
    let mut args = ArgList::with_progress();
    args.inputs(input, audio.file, audio.file.is_some(), None, 0);
    args.maps(video, audio);
    args.without_extras();
    args.add(&[copied, "copy"]);
    if video.codec == "hevc" && container == Container::Mp4 {
        args.add(&["-tag:v", "hvc1"]);
    }
    args
}
