//! Arguments of encodes.

use std::ffi::OsString;
use std::path::Path;

use clipmill_core::probe::VideoStream;
use clipmill_plugins::EncodePlan;

use super::arg_list::{ArgList, AudioInput, CutWindow};
use super::audio::encode_streams;
use super::{hardware, software};
use crate::ffmpeg::hardware_encoder::HardwareJob;
use crate::ffmpeg::input::Input;

/// An encode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EncodeJob<'a> {
    /// How.
    pub plan: &'a EncodePlan,
    /// The file that holds the video.
    pub input: &'a Input,
    /// The video stream in it.
    pub video: &'a VideoStream,
    /// The audio.
    pub audio: AudioInput<'a>,
    /// Which part; none for all.
    pub window: Option<CutWindow>,
    /// Threads; 0 for ffmpeg's own choice.
    pub threads: u32,
    /// The result.
    pub output: &'a Path,
}

/// What the host adds to a plan.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HostOptions<'a> {
    /// By which hardware, in place of the plan's encoder.
    pub hardware: Option<HardwareJob<'a>>,
    /// Highest rate of the video beside its quality, kilobits per second.
    pub max_kilobits: Option<u64>,
}

/// Arguments of an encode.
pub(crate) fn encode_args(job: &EncodeJob<'_>, host: HostOptions<'_>) -> Vec<OsString> {
    let mut args = ArgList::with_progress();
    if let Some(hardware) = host.hardware {
        hardware::device(&mut args, hardware);
    }
    // Two files share one clock, which must not be set to 0 for each of them.
    let keep_clock = job.window.is_some() || job.audio.file.is_some();
    let seek = job.window.and_then(|window| window.seek_micros);
    args.inputs(job.input, job.audio.file, keep_clock, seek, job.threads);
    args.maps(job.video, job.audio);
    args.without_extras();
    let filter = video_filter(job, host.hardware);
    args.add(&["-filter:v", &filter, "-fps_mode", "passthrough"]);
    // The time base of the input keeps every timestamp, at a variable rate too.
    args.add(&["-enc_time_base:v", "-1"]);
    let (plan, container) = (job.plan, job.plan.container);
    if let Some(by) = host.hardware {
        hardware::encoder(&mut args, &plan.video, container, by, host.max_kilobits);
    } else {
        software::encoder(&mut args, &plan.video, container, job.threads, host.max_kilobits);
    }
    encode_streams(&mut args, &plan.audio, job.audio.streams, container, job.window);
    args.threads(job.threads);
    args.output(container, job.output)
}

/// Arguments of an encode of the audio alone.
pub(crate) fn encode_audio_args(job: &EncodeJob<'_>) -> Vec<OsString> {
    let mut args = ArgList::with_progress();
    let input = job.audio.file.unwrap_or(job.input);
    let seek = job.window.and_then(|window| window.seek_micros);
    args.inputs(input, None, true, seek, job.threads);
    for stream in job.audio.streams {
        args.add(&["-map", &format!("0:{}", stream.index)]);
    }
    args.add(&["-vn"]);
    args.without_extras();
    let container = job.plan.container;
    encode_streams(&mut args, &job.plan.audio, job.audio.streams, container, job.window);
    args.output(container, job.output)
}

fn video_filter(job: &EncodeJob<'_>, hardware: Option<HardwareJob<'_>>) -> String {
    let mut filters = Vec::new();
    if let Some(window) = job.window {
        let end = window.end_pts.map(|pts| format!(":end_pts={pts}")).unwrap_or_default();
        filters.push(format!("trim=start_pts={}{end}", window.start_pts));
        // Not from the first frame that comes: should the video change its size,
        // ffmpeg starts the filters anew.
        filters.push(format!("setpts=PTS-({})", window.start_pts));
    }
    let plan = &job.plan.video;
    let odd = job.video.width % 2 == 1 || job.video.height % 2 == 1;
    if plan.pad_to_even && odd {
        // The edge is repeated, so that no dark line shows.
        let (mut width, mut height) = (job.video.width, job.video.height);
        if job.video.rotation % 180 == 90 {
            (width, height) = (height, width);
        }
        filters.push("pad=ceil(iw/2)*2:ceil(ih/2)*2:0:0".to_owned());
        filters.push(format!("fillborders=right={}:bottom={}:mode=smear", width % 2, height % 2));
    }
    // The `yuvj` formats are full range; naming another one would squeeze the values.
    let renamed = hardware.is_some() || !plan.pixel_format.starts_with("yuvj");
    if job.video.pixel_format.starts_with("yuvj") && renamed {
        filters.push("scale=in_range=full:out_range=full".to_owned());
    }
    filters.push(match hardware {
        Some(by) => hardware::upload(by, &plan.pixel_format),
        None => format!("format={}", plan.pixel_format),
    });
    filters.join(",")
}
