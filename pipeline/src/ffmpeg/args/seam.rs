//! Arguments for the few frames that are encoded to stand beside copied ones,
//! and for looking whether a decoder takes them together.

use std::ffi::OsString;
use std::path::Path;

use clipmill_media::Codec;
use clipmill_media::smart_cut::{CutEnd, SpliceConstraints};

use super::{Args, seconds};
use crate::ffmpeg::Input;

/// How many frames before the copied ones a long head has another keyframe.
const NEAR: usize = 8;

/// A part that is encoded for a seam.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeamPart<'a> {
    /// What it must be like.
    pub constraints: &'a SpliceConstraints,
    /// Which of the parts.
    pub end: CutEnd,
    /// A file that begins with a keyframe before the part.
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

/// Arguments of an encode for a seam.
pub(crate) fn seam(job: &SeamPart<'_>) -> Vec<OsString> {
    let mut args = Args::begin();
    // To drop frames needs no helpers.
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
    if job.threads > 0 {
        args.add(&["-threads", &job.threads.to_string()]);
    }
    args.add(&["-f", "mp4", "-y"]);
    args.0.push(super::local(job.output));
    args.0
}

/// Quick, and so good that the seam is not seen: a second of these frames costs
/// little, and each is shown once.
fn encoder(args: &mut Args, job: &SeamPart<'_>) {
    // Reordering would save bytes and take time. There is no keyframe but the
    // first one, and one shortly before the copied frames: whoever looks at the
    // seam begins there. Of WebM, players and decoders seek by cluster only.
    if matches!(job.constraints.codec, Codec::H264 | Codec::Hevc)
        && let (CutEnd::Head, Some(place @ NEAR..)) = (job.end, job.frames.checked_sub(NEAR))
    {
        let place = format!("expr:eq(n,{place})");
        args.add(&["-force_key_frames", &place, "-forced-idr", "1"]);
    }
    match job.constraints.codec {
        Codec::H264 => {
            args.add(&["-preset", "ultrafast", "-crf", "20", "-bf", "0"]);
            args.add(&["-g", "9999", "-sc_threshold", "0"]);
            if job.constraints.interlaced && job.interlaced {
                args.add(&["-flags", "+ilme+ildct"]);
            }
        }
        Codec::Hevc => args.add(&["-preset", "superfast", "-crf", "18"]),
        Codec::Vp8 | Codec::Vp9 => {
            args.add(&["-deadline", "realtime", "-cpu-used", "8", "-crf", "18", "-b:v", "0"]);
            // Frames that are not shown would have no place of their own.
            args.add(&["-lag-in-frames", "0", "-auto-alt-ref", "0", "-g", "9999"]);
            if job.constraints.codec == Codec::Vp9 {
                args.add(&["-row-mt", "1"]);
            }
        }
        Codec::Av1 => args.add(&["-preset", "11", "-crf", "20", "-g", "9999"]),
        // The smart cut knows no other codecs.
        _ => {}
    }
    if let Some(params) = &job.constraints.params {
        let mut value = params.value(job.end).to_owned();
        if job.constraints.codec == Codec::H264 {
            // The encoder writes the least profile that does; this preset would
            // do with the lowest.
            match job.constraints.profile {
                Some("baseline") | None => {}
                Some("main") => value.push_str(":cabac=1"),
                Some(_) => value.push_str(":8x8dct=1"),
            }
        }
        if job.constraints.codec == Codec::Hevc {
            value.push_str(":bframes=0:scenecut=0:log-level=error");
            if job.threads > 0 {
                value.push_str(&format!(":pools={}", job.threads));
            }
        }
        args.add(&[&format!("-{}", params.option), &value]);
    }
}

/// Which frames of a result are decoded to be looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// The result.
    pub input: &'a Input,
    /// The keyframe to begin with, microseconds; none for the first one.
    pub from_micros: Option<i64>,
    /// Frames at most.
    pub frames: usize,
}

/// Arguments of a decoder that lists a line per frame, and stops at the first
/// mistake. Standard output is ffmpeg's `framecrc` format.
pub(crate) fn look(job: &Look<'_>) -> Vec<OsString> {
    let mut args = Args(Vec::new());
    args.add(&["-nostdin", "-hide_banner", "-v", "error", "-xerror", "-nostats", "-copyts"]);
    if let Some(micros) = job.from_micros {
        args.add(&["-noaccurate_seek", "-ss", &seconds(micros)]);
    }
    // Nobody sees the pictures: only whether and when they come counts.
    args.add(&["-noautorotate", "-skip_loop_filter", "all", "-skip_idct", "all"]);
    args.input(job.input, None, 0);
    args.add(&["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base:v", "-1"]);
    args.add(&["-frames:v", &job.frames.to_string(), "-c:v", "wrapped_avframe"]);
    args.add(&["-f", "framecrc"]);
    args.add(&["pipe:1"]);
    args.0
}

/// Arguments of a decoder that lists all pictures with a sum of their bytes, and
/// stops at the first mistake. Standard output is ffmpeg's `framecrc` format.
pub(crate) fn pictures(input: &Input) -> Vec<OsString> {
    let mut args = Args(Vec::new());
    args.add(&["-nostdin", "-hide_banner", "-v", "error", "-xerror", "-nostats", "-copyts"]);
    args.add(&["-noautorotate"]);
    args.input(input, None, 0);
    args.add(&["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base:v", "-1"]);
    args.add(&["-c:v", "rawvideo", "-f", "framecrc", "pipe:1"]);
    args.0
}
