//! Arguments for the head and tail of a smart cut, and for decoders that check
//! whether the result is one stream.

use std::ffi::OsString;
use std::path::Path;

use clipmill_media::CodecId;
use clipmill_media::smart_cut::{CutEnd, SpliceConstraints};

use super::arg_list::{ArgList, seconds};
use crate::ffmpeg::input::Input;

/// How many frames before the end of a long head there is another keyframe.
const KEYFRAME_BEFORE_SPLICE: usize = 8;

/// A head or tail that is encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartJob<'a> {
    /// What it must fulfil to stand beside the copied frames.
    pub constraints: &'a SpliceConstraints,
    /// Which of the parts.
    pub end: CutEnd,
    /// A file that starts with a keyframe before the part.
    pub input: &'a Input,
    /// First frame, ticks of the input.
    pub from: i64,
    /// First frame that does not belong to it; none when the input ends before.
    pub to: Option<i64>,
    /// Frames that there must be.
    pub frames: usize,
    /// Whether the source is interlaced.
    pub interlaced: bool,
    /// Threads; 0 for ffmpeg's own choice.
    pub threads: u32,
    /// The result, an MP4.
    pub output: &'a Path,
}

/// Arguments of the encode of a head or tail.
pub(crate) fn part_args(job: &PartJob<'_>) -> Vec<OsString> {
    let mut args = ArgList::with_progress();
    // Dropping frames needs no more threads.
    args.add(&["-copyts", "-noautorotate", "-filter_threads", "1"]);
    args.input(job.input, None, job.threads);
    args.add(&["-map", "0:v:0", "-an"]);
    args.without_extras();
    let end = job.to.map(|pts| format!(":end_pts={pts}")).unwrap_or_default();
    let filter = format!("trim=start_pts={}{end},setpts=PTS-STARTPTS", job.from);
    args.add(&["-filter:v", &filter, "-fps_mode", "passthrough", "-enc_time_base:v", "-1"]);
    args.add(&["-frames:v", &job.frames.to_string(), "-c:v", job.constraints.encoder]);
    if let Some(profile) = job.constraints.profile {
        args.add(&["-profile:v", profile]);
    }
    encoder(&mut args, job);
    args.threads(job.threads);
    args.add(&["-f", "mp4", "-y"]);
    args.add_path(job.output);
    args.0
}

/// The encoder's options: quick, and so good that the splice is not seen. A second
/// of these frames costs little, and each is shown once.
fn encoder(args: &mut ArgList, job: &PartJob<'_>) {
    let codec = &job.constraints.codec;
    // Reordering would save bytes and take time. There is no keyframe but the
    // first one, and one shortly before the copied frames, from which the check of
    // the splice decodes. In WebM, players and decoders seek by cluster only.
    if matches!(codec, CodecId::H264 | CodecId::Hevc)
        && let (CutEnd::Head, Some(frame @ KEYFRAME_BEFORE_SPLICE..)) =
            (job.end, job.frames.checked_sub(KEYFRAME_BEFORE_SPLICE))
    {
        let frame = format!("expr:eq(n,{frame})");
        args.add(&["-force_key_frames", &frame, "-forced-idr", "1"]);
    }
    match codec {
        CodecId::H264 => {
            args.add(&["-preset", "ultrafast", "-crf", "20", "-bf", "0"]);
            args.add(&["-g", "9999", "-sc_threshold", "0"]);
            if job.constraints.interlaced && job.interlaced {
                args.add(&["-flags", "+ilme+ildct"]);
            }
        }
        CodecId::Hevc => args.add(&["-preset", "superfast", "-crf", "18"]),
        CodecId::Vp8 | CodecId::Vp9 => {
            args.add(&["-deadline", "realtime", "-cpu-used", "8", "-crf", "18", "-b:v", "0"]);
            // Frames that are not shown would have no timestamp of their own.
            args.add(&["-lag-in-frames", "0", "-auto-alt-ref", "0", "-g", "9999"]);
            if *codec == CodecId::Vp9 {
                args.add(&["-row-mt", "1"]);
            }
        }
        CodecId::Av1 => args.add(&["-preset", "11", "-crf", "20", "-g", "9999"]),
        // The smart cut knows no other codecs.
        _ => {}
    }
    params(args, job);
}

/// The encoder library's own parameters.
fn params(args: &mut ArgList, job: &PartJob<'_>) {
    let constraints = job.constraints;
    let Some(params) = &constraints.params else { return };
    let mut value = params.value(job.end).to_owned();
    if constraints.codec == CodecId::H264 {
        // The encoder writes the lowest profile that suffices, which with this
        // preset would be the baseline profile.
        match constraints.profile {
            Some("baseline") | None => {}
            Some("main") => value.push_str(":cabac=1"),
            Some(_) => value.push_str(":8x8dct=1"),
        }
    }
    if constraints.codec == CodecId::Hevc {
        value.push_str(":bframes=0:scenecut=0:log-level=error");
        if job.threads > 0 {
            value.push_str(&format!(":pools={}", job.threads));
        }
    }
    args.add(&[&format!("-{}", params.option), &value]);
}

/// Which frames of a result are decoded to check them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecodeCheck<'a> {
    /// The result.
    pub input: &'a Input,
    /// The keyframe to start with, microseconds; none for the first one.
    pub from_micros: Option<i64>,
    /// Frames at most.
    pub frames: usize,
}

/// Arguments of a decoder that lists a line per frame and stops at the first
/// error. Standard output is ffmpeg's `framecrc` format.
pub(crate) fn decode_check_args(job: &DecodeCheck<'_>) -> Vec<OsString> {
    let mut args = strict_decoder();
    if let Some(micros) = job.from_micros {
        args.add(&["-noaccurate_seek", "-ss", &seconds(micros)]);
    }
    // What the frames show does not matter: only whether and when they come out.
    args.add(&["-noautorotate", "-skip_loop_filter", "all", "-skip_idct", "all"]);
    args.input(job.input, None, 0);
    args.add(&["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base:v", "-1"]);
    args.add(&["-frames:v", &job.frames.to_string(), "-c:v", "wrapped_avframe"]);
    args.add(&["-f", "framecrc", "pipe:1"]);
    args.0
}

/// Arguments of a decoder that lists all frames with a checksum of their bytes and
/// stops at the first error. Standard output is ffmpeg's `framecrc` format.
pub(crate) fn frame_hash_args(input: &Input) -> Vec<OsString> {
    let mut args = strict_decoder();
    args.add(&["-noautorotate"]);
    args.input(input, None, 0);
    args.add(&["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base:v", "-1"]);
    args.add(&["-c:v", "rawvideo", "-f", "framecrc", "pipe:1"]);
    args.0
}

/// A decoder that stops at the first error and keeps the timestamps.
fn strict_decoder() -> ArgList {
    let mut args = ArgList::quiet();
    args.add(&["-xerror", "-nostats", "-copyts"]);
    args
}
