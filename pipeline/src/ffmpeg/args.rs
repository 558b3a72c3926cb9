//! From typed plans to ffmpeg's arguments. Pure: nothing is looked up here.

use std::ffi::OsString;
use std::path::Path;

use clipmill_core::probe::{AudioStream, Container, VideoStream};
use clipmill_plugins::{AudioEncoder, AudioPlan, EncodePlan};

use super::Input;
use super::encoder::Hardware;
use super::input::local;

mod copy;
mod hardware;
mod raw;
mod seam;
mod software;

pub(crate) use copy::{COPY_SHIFT, Copy, copy, remux, resound};
pub(crate) use hardware::trial;
pub(crate) use raw::{RawPicture, RawSound, raw_picture, raw_sound};
pub(crate) use seam::{Look, SeamPart, seam};
pub(super) use seam::{look, pictures};

/// Most kilobits per second of one sound stream.
const MOST_KILOBITS: u32 = 512;

/// Samples that libopus puts before the sound, in seconds (312 at 48 kHz).
const OPUS_DELAY: &str = "0.0065";

/// Which part of the inputs is wanted, in the inputs' own clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// First wanted frame, in ticks of the picture.
    pub start_pts: i64,
    /// First frame that is not wanted any more; none when the stream ends before.
    pub end_pts: Option<i64>,
    /// Time of the first wanted frame in the clock of the sound, microseconds.
    pub start_micros: i64,
    /// End of the sound in its own clock, microseconds.
    pub end_micros: i64,
    /// Where reading may begin, microseconds from the file's first time stamp;
    /// none for its beginning.
    pub seek_micros: Option<i64>,
}

/// Where the sound comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sound<'a> {
    /// A file of its own; none when it is in the file of the picture.
    pub file: Option<&'a Input>,
    /// The streams that are kept.
    pub streams: &'a [AudioStream],
}

/// An encode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encode<'a> {
    /// How.
    pub plan: &'a EncodePlan,
    /// The file that holds the picture.
    pub input: &'a Input,
    /// The picture in it.
    pub video: &'a VideoStream,
    /// The sound.
    pub sound: Sound<'a>,
    /// Which part; none for all.
    pub window: Option<Window>,
    /// Threads; 0 for ffmpeg's own choice.
    pub threads: u32,
    /// The result.
    pub output: &'a Path,
}

/// What the host adds to a plan.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extra<'a> {
    /// By which hardware, in place of the plan's encoder.
    pub hardware: Option<Hardware<'a>>,
    /// Highest rate of the picture beside its quality, kilobits per second.
    pub limit: Option<u64>,
}

/// Arguments of an encode as its plan says.
#[cfg(test)]
pub(crate) fn encode(job: &Encode<'_>) -> Vec<OsString> {
    encode_with(job, Extra::default())
}

/// Arguments of an encode.
pub(crate) fn encode_with(job: &Encode<'_>, extra: Extra<'_>) -> Vec<OsString> {
    let mut args = Args::begin();
    if let Some(hardware) = extra.hardware {
        hardware::device(&mut args, hardware);
    }
    // Two files share one clock, which must not be set to 0 for each of them.
    let keep_clock = job.window.is_some() || job.sound.file.is_some();
    let seek = job.window.and_then(|window| window.seek_micros);
    args.inputs(job.input, job.sound.file, keep_clock, seek, job.threads);
    args.maps(job.video, job.sound);
    args.without_extras();
    let filter = picture_filter(job, extra.hardware);
    args.add(&["-filter:v", &filter, "-fps_mode", "passthrough"]);
    // The time base of the input keeps every time stamp, at a variable rate too.
    args.add(&["-enc_time_base:v", "-1"]);
    let plan = &job.plan.video;
    match extra.hardware {
        Some(by) => hardware::picture(&mut args, plan, job.plan.container, by, extra.limit),
        None => software::picture(&mut args, plan, job, extra.limit),
    }
    sound(&mut args, &job.plan.audio, job);
    if job.threads > 0 {
        args.add(&["-threads", &job.threads.to_string()]);
    }
    args.end(job.plan.container, job.output)
}

/// Arguments of an encode of the sound alone.
pub(crate) fn encode_sound(job: &Encode<'_>) -> Vec<OsString> {
    let mut args = Args::begin();
    let input = job.sound.file.unwrap_or(job.input);
    let seek = job.window.and_then(|window| window.seek_micros);
    args.inputs(input, None, true, seek, job.threads);
    for stream in job.sound.streams {
        args.add(&["-map", &format!("0:{}", stream.index)]);
    }
    args.add(&["-vn"]);
    args.without_extras();
    sound(&mut args, &job.plan.audio, job);
    args.end(job.plan.container, job.output)
}

/// Kilobits per second that a sound of so many channels gets; the plan speaks
/// of stereo.
pub(crate) fn sound_kilobits(plan: &AudioPlan, channels: u32) -> u32 {
    (plan.kilobits.saturating_mul(channels.clamp(1, 8)) / 2).clamp(32, MOST_KILOBITS)
}

/// Arguments as they grow.
struct Args(Vec<OsString>);

impl Args {
    fn begin() -> Args {
        let mut args = Args(Vec::new());
        args.add(&["-nostdin", "-hide_banner", "-v", "error"]);
        args.add(&["-nostats", "-progress", "pipe:1", "-stats_period", "0.5"]);
        args
    }

    fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn inputs(
        &mut self,
        video: &Input,
        audio: Option<&Input>,
        keep_clock: bool,
        seek_micros: Option<i64>,
        threads: u32,
    ) {
        if keep_clock {
            self.add(&["-copyts"]);
        }
        self.input(video, seek_micros, threads);
        if let Some(audio) = audio {
            self.input(audio, seek_micros, threads);
        }
    }

    fn maps(&mut self, video: &VideoStream, sound: Sound<'_>) {
        self.add(&["-map", &format!("0:{}", video.index)]);
        let file = u8::from(sound.file.is_some());
        for stream in sound.streams {
            self.add(&["-map", &format!("{file}:{}", stream.index)]);
        }
    }

    fn input(&mut self, input: &Input, seek_micros: Option<i64>, threads: u32) {
        if threads > 0 {
            self.add(&["-threads", &threads.to_string()]);
        }
        if let Some(micros) = seek_micros.filter(|micros| *micros > 0) {
            self.add(&["-noaccurate_seek", "-ss", &seconds(micros)]);
        }
        self.0.extend(input.guards());
        self.add(&["-i"]);
        self.0.push(input.address());
    }

    /// What a result does not take over: tags, chapters, subtitles, data.
    fn without_extras(&mut self) {
        self.add(&["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"]);
    }

    fn end(mut self, container: Container, output: &Path) -> Vec<OsString> {
        match container {
            Container::Webm => self.add(&["-f", "webm"]),
            Container::Mkv => self.add(&["-f", "matroska"]),
            Container::Ts => self.add(&["-f", "mpegts"]),
            // Negative offsets make the first frame start at 0 without an edit
            // list, which not every player follows.
            Container::Mp4 | Container::Other => {
                self.add(&["-f", "mp4", "-movflags", "+faststart+negative_cts_offsets"]);
            }
        }
        self.add(&["-y"]);
        self.0.push(local(output));
        self.0
    }
}

fn picture_filter(job: &Encode<'_>, hardware: Option<Hardware<'_>>) -> String {
    let mut filters = Vec::new();
    if let Some(window) = job.window {
        let end = window.end_pts.map(|pts| format!(":end_pts={pts}")).unwrap_or_default();
        filters.push(format!("trim=start_pts={}{end}", window.start_pts));
        // Not from the first frame that comes: should a picture change its size,
        // ffmpeg begins the filters anew.
        filters.push(format!("setpts=PTS-({})", window.start_pts));
    }
    let plan = &job.plan.video;
    let odd = job.video.width % 2 == 1 || job.video.height % 2 == 1;
    if plan.pad_to_even && odd {
        // The edge is repeated, so that no dark line shows.
        let turned = job.video.rotation % 180 == 90;
        let (width, height) = match turned {
            true => (job.video.height, job.video.width),
            false => (job.video.width, job.video.height),
        };
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

/// Cuts the sound at the first frame and keeps its distance to it: what is
/// missing at the beginning is filled with silence.
fn sound_filter(
    window: Option<Window>,
    container: Container,
    encoder: AudioEncoder,
    stream: &AudioStream,
) -> Option<String> {
    let mut filters = Vec::new();
    if let Some(window) = window {
        let (start, end) = (seconds(window.start_micros), seconds(window.end_micros));
        filters.push(format!("atrim=start={start}:end={end}"));
        filters.push(format!("asetpts=PTS-({start})/TB,aresample=async=1:first_pts=0"));
    }
    if container == Container::Webm {
        // The encoder begins that much before the sound. ffmpeg's muxer would
        // move everything else by it, and tells players to skip it anyway.
        filters.push(format!("asetpts=PTS+{OPUS_DELAY}/TB"));
    }
    if stream.channels > 2 {
        // Layouts that the encoder has; others play in few places or not at all.
        filters.push(match encoder {
            AudioEncoder::Aac => "aformat=channel_layouts=3.0|4.0|5.0|5.1|7.1".to_owned(),
            AudioEncoder::Opus => "aformat=channel_layouts=3.0|quad|5.0|5.1|6.1|7.1".to_owned(),
        });
    }
    (!filters.is_empty()).then(|| filters.join(","))
}

/// A highest rate, over a second.
fn limit(args: &mut Args, kilobits: u64) {
    let rate = format!("{kilobits}k");
    args.add(&["-maxrate", &rate, "-bufsize", &rate]);
}

fn sound(args: &mut Args, plan: &AudioPlan, job: &Encode<'_>) {
    sounds(args, plan, job.sound.streams, |stream| {
        sound_filter(job.window, job.plan.container, plan.encoder, stream)
    });
}

fn sounds(
    args: &mut Args,
    plan: &AudioPlan,
    streams: &[AudioStream],
    filter: impl Fn(&AudioStream) -> Option<String>,
) {
    if streams.is_empty() {
        return;
    }
    args.add(&[
        "-c:a",
        match plan.encoder {
            AudioEncoder::Aac => "aac",
            AudioEncoder::Opus => "libopus",
        },
    ]);
    for (n, stream) in streams.iter().enumerate() {
        let kilobits = sound_kilobits(plan, stream.channels);
        args.add(&[&format!("-b:a:{n}"), &format!("{kilobits}k")]);
        if let Some(filter) = filter(stream) {
            args.add(&[&format!("-filter:a:{n}"), &filter]);
        }
    }
}

fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests;
