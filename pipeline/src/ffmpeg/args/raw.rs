//! Arguments of decoders: a picture or a sound, raw on standard output.

use std::ffi::OsString;

use clipmill_core::probe::{AudioStream, VideoStream};
use clipmill_plugins::{FrameFormat, FramePlan, PcmFormat};

use super::{Args, Window, seconds};
use crate::ffmpeg::Input;

/// A picture that is wanted raw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawPicture<'a> {
    /// Size, pixels and rate.
    pub plan: &'a FramePlan,
    /// The file that holds it.
    pub input: &'a Input,
    /// The picture in it.
    pub video: &'a VideoStream,
    /// Which part.
    pub window: Window,
    /// How many ticks of the picture a frame may be late for its time.
    pub slack: i64,
    /// Frames that come out.
    pub frames: u64,
    /// How often the last frame may be repeated to that end.
    pub spare: u64,
    /// Threads; 0 for ffmpeg's own choice.
    pub threads: u32,
}

/// A sound that is wanted raw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawSound<'a> {
    /// Rate and channels.
    pub format: PcmFormat,
    /// The file that holds it.
    pub input: &'a Input,
    /// The sound in it.
    pub stream: &'a AudioStream,
    /// Which part.
    pub window: Window,
    /// Whether it goes on to its own end, whatever the window says.
    pub to_its_end: bool,
}

/// Arguments of a decoder of frames: each shows what a viewer sees at its time.
pub(crate) fn raw_picture(job: &RawPicture<'_>) -> Vec<OsString> {
    let window = job.window;
    let mut args = begin();
    args.inputs(job.input, None, true, window.seek_micros, job.threads);
    args.add(&["-map", &format!("0:{}", job.video.index)]);
    args.without_extras();
    // Should a picture change its size, ffmpeg begins the filters anew, and
    // they the first frame: this drops what has been there.
    args.add(&["-filter:v", &picture_filter(job), "-fps_mode", "vfr"]);
    args.add(&["-frames:v", &job.frames.to_string(), "-c:v", "rawvideo", "-f", "rawvideo"]);
    args.add(&["pipe:1"]);
    args.0
}

/// Arguments of a decoder of samples. The first one belongs to the first frame
/// of the picture.
pub(crate) fn raw_sound(job: &RawSound<'_>) -> Vec<OsString> {
    let window = job.window;
    let mut args = begin();
    args.inputs(job.input, None, true, window.seek_micros, 0);
    args.add(&["-map", &format!("0:{}", job.stream.index)]);
    args.without_extras();
    args.add(&["-filter:a", &sound_filter(job), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"]);
    args.0
}

/// What all decoders begin with. The reports show only that it is alive.
fn begin() -> Args {
    let mut args = Args(Vec::new());
    args.add(&["-nostdin", "-hide_banner", "-v", "error"]);
    args.add(&["-nostats", "-progress", "pipe:2", "-stats_period", "10"]);
    args
}

fn picture_filter(job: &RawPicture<'_>) -> String {
    let (window, plan) = (job.window, job.plan);
    let end = window.end_pts.map(|pts| format!(":end_pts={pts}")).unwrap_or_default();
    let FramePlan { width, height, frame_rate, .. } = *plan;
    // `yuv420p` is of limited range, whatever the source is.
    let range = if plan.pixel_format == FrameFormat::Yuv420p { ":out_range=tv" } else { "" };
    [
        format!("trim=start_pts={}{end}", window.start_pts),
        format!("setpts=PTS-({})", window.start_pts.saturating_add(job.slack)),
        // Rounding up gives each frame the first time at which it is seen.
        format!("fps=fps={}/{}:round=up:start_time=0", frame_rate.num, frame_rate.den),
        format!("tpad=stop={}:stop_mode=clone", job.spare),
        format!("scale={width}:{height}{range}"),
        format!("format={}", plan.pixel_format.ffmpeg_name()),
    ]
    .join(",")
}

fn sound_filter(job: &RawSound<'_>) -> String {
    let PcmFormat { sample_rate, channels } = job.format;
    let start = seconds(job.window.start_micros);
    let end = match job.to_its_end {
        true => String::new(),
        false => format!(":end={}", seconds(job.window.end_micros)),
    };
    let layout = if channels == 1 { "mono" } else { "stereo" };
    [
        format!("atrim=start={start}{end}"),
        format!("asetpts=PTS-({start})/TB"),
        format!("aresample={sample_rate}:async=1:first_pts=0"),
        format!("aformat=sample_fmts=s16:sample_rates={sample_rate}:channel_layouts={layout}"),
    ]
    .join(",")
}
