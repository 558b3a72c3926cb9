//! Arguments of decoders: raw frames or raw samples on standard output.

use std::ffi::OsString;

use clipmill_core::probe::{AudioStream, VideoStream};
use clipmill_plugins::{FrameFormat, FramePlan, PcmFormat};

use super::arg_list::{ArgList, CutWindow, seconds};
use crate::ffmpeg::input::Input;

/// Video that is wanted as raw frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawVideo<'a> {
    /// Size, pixels and rate.
    pub plan: &'a FramePlan,
    /// The file that holds it.
    pub input: &'a Input,
    /// The video stream in it.
    pub video: &'a VideoStream,
    /// Which part.
    pub window: CutWindow,
    /// How many ticks of the video a frame may be late for its time.
    pub slack_ticks: i64,
    /// Frames that come out.
    pub frames: u64,
    /// How often the last frame may be repeated to get that many.
    pub spare: u64,
    /// Threads; 0 for ffmpeg's own choice.
    pub threads: u32,
}

/// Audio that is wanted as raw samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawAudio<'a> {
    /// Rate and channels.
    pub format: PcmFormat,
    /// The file that holds it.
    pub input: &'a Input,
    /// The audio stream in it.
    pub stream: &'a AudioStream,
    /// Which part.
    pub window: CutWindow,
    /// Whether it goes on to the end of the stream, whatever the window says.
    pub to_its_end: bool,
}

/// Arguments of a decoder of frames: each shows what a viewer sees at its time.
pub(crate) fn raw_video_args(job: &RawVideo<'_>) -> Vec<OsString> {
    let window = job.window;
    let mut args = decoder();
    args.inputs(job.input, None, true, window.seek_micros, job.threads);
    args.add(&["-map", &format!("0:{}", job.video.index)]);
    args.without_extras();
    // Should the video change its size, ffmpeg starts the filters anew, and they
    // repeat the first frame: this drops what was there before.
    args.add(&["-filter:v", &video_filter(job), "-fps_mode", "vfr"]);
    args.add(&["-frames:v", &job.frames.to_string(), "-c:v", "rawvideo", "-f", "rawvideo"]);
    args.add(&["pipe:1"]);
    args.0
}

/// Arguments of a decoder of samples. The first one belongs to the first frame of
/// the video.
pub(crate) fn raw_audio_args(job: &RawAudio<'_>) -> Vec<OsString> {
    let window = job.window;
    let mut args = decoder();
    args.inputs(job.input, None, true, window.seek_micros, 0);
    args.add(&["-map", &format!("0:{}", job.stream.index)]);
    args.without_extras();
    args.add(&["-filter:a", &audio_filter(job), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"]);
    args.0
}

/// What the arguments of all decoders start with. The reports of the progress only
/// show that the decoder is alive.
fn decoder() -> ArgList {
    let mut args = ArgList::quiet();
    args.add(&["-nostats", "-progress", "pipe:2", "-stats_period", "10"]);
    args
}

fn video_filter(job: &RawVideo<'_>) -> String {
    let (window, plan) = (job.window, job.plan);
    let end = window.end_pts.map(|pts| format!(":end_pts={pts}")).unwrap_or_default();
    let FramePlan { width, height, frame_rate, .. } = *plan;
    // `yuv420p` is of limited range, whatever the source is.
    let range = if plan.pixel_format == FrameFormat::Yuv420p { ":out_range=tv" } else { "" };
    [
        format!("trim=start_pts={}{end}", window.start_pts),
        format!("setpts=PTS-({})", window.start_pts.saturating_add(job.slack_ticks)),
        // Rounding up gives each frame the first time at which it is seen.
        format!("fps=fps={}/{}:round=up:start_time=0", frame_rate.num, frame_rate.den),
        format!("tpad=stop={}:stop_mode=clone", job.spare),
        format!("scale={width}:{height}{range}"),
        format!("format={}", plan.pixel_format.ffmpeg_name()),
    ]
    .join(",")
}

fn audio_filter(job: &RawAudio<'_>) -> String {
    let PcmFormat { sample_rate, channels } = job.format;
    let start = seconds(job.window.start_micros);
    let end = if job.to_its_end {
        String::new()
    } else {
        format!(":end={}", seconds(job.window.end_micros))
    };
    let layout = if channels == 1 { "mono" } else { "stereo" };
    [
        format!("atrim=start={start}{end}"),
        format!("asetpts=PTS-({start})/TB"),
        format!("aresample={sample_rate}:async=1:min_hard_comp=0.01:first_pts=0"),
        format!("aformat=sample_fmts=s16:sample_rates={sample_rate}:channel_layouts={layout}"),
    ]
    .join(",")
}
