//! Arguments of copies: whole pictures in another file format, and parts with
//! their time stamps.

use std::ffi::OsString;
use std::path::Path;

use clipmill_core::probe::{Container, VideoStream};
use clipmill_plugins::AudioPlan;

use super::{Args, Sound, local, seconds, sound_filter, sounds};
use crate::ffmpeg::Input;

/// By how much a [`Copy`] is later than its input, microseconds: sound may begin
/// a little before 0, which not every file format can say.
pub(crate) const COPY_SHIFT: i64 = 1_000_000;

/// A copy of a part of an input, which begins with the keyframe at or before
/// `from` and keeps the time stamps, but for [`COPY_SHIFT`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copy<'a> {
    /// From where.
    pub input: &'a Input,
    /// Indexes of the streams.
    pub streams: &'a [u32],
    /// Seconds after the input's first time stamp.
    pub from: f64,
    /// Seconds; infinite for all of the input, wherever it begins.
    pub length: f64,
    /// The muxer.
    pub format: &'static str,
    /// Ticks per second of the first stream, for formats that keep one for the
    /// whole file.
    pub time_scale: Option<u64>,
    /// The result.
    pub output: &'a Path,
}

/// Arguments of a copy that changes only the file format.
pub(crate) fn remux(
    input: &Input,
    video: &VideoStream,
    sound: Sound<'_>,
    container: Container,
    output: &Path,
) -> Vec<OsString> {
    keeping(input, video, sound, "-c", container).end(container, output)
}

/// Arguments of a copy of the whole picture beside an encode of the sound.
pub(crate) fn resound(
    input: &Input,
    video: &VideoStream,
    sound: Sound<'_>,
    (container, audio): (Container, &AudioPlan),
    output: &Path,
) -> Vec<OsString> {
    let mut args = keeping(input, video, sound, "-c:v", container);
    sounds(&mut args, audio, sound.streams, |stream| {
        sound_filter(None, container, audio.encoder, stream)
    });
    args.end(container, output)
}

/// Arguments of a [`Copy`].
pub(crate) fn copy(job: &Copy<'_>) -> Vec<OsString> {
    let mut args = Args::begin();
    args.add(&["-copyts"]);
    if job.length.is_finite() {
        args.add(&["-ss", &format!("{:.6}", job.from), "-t", &format!("{:.6}", job.length)]);
    }
    args.input(job.input, None, 0);
    for stream in job.streams {
        args.add(&["-map", &format!("0:{stream}")]);
    }
    args.without_extras();
    args.add(&["-c", "copy", "-copypriorss", "1", "-avoid_negative_ts", "disabled"]);
    args.add(&["-output_ts_offset", &seconds(COPY_SHIFT)]);
    if let Some(ticks) = job.time_scale {
        let ticks = ticks.to_string();
        args.add(&["-movie_timescale", &ticks, "-video_track_timescale", &ticks]);
    }
    args.add(&["-f", job.format, "-y"]);
    args.0.push(local(job.output));
    args.0
}

/// What copies the whole picture; `-c` also all sounds, `-c:v` not.
fn keeping(
    input: &Input,
    video: &VideoStream,
    sound: Sound<'_>,
    copied: &str,
    container: Container,
) -> Args {
    let mut args = Args::begin();
    args.inputs(input, sound.file, sound.file.is_some(), None, 0);
    args.maps(video, sound);
    args.without_extras();
    args.add(&[copied, "copy"]);
    if video.codec == "hevc" && container == Container::Mp4 {
        args.add(&["-tag:v", "hvc1"]);
    }
    args
}
