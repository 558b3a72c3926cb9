//! From typed plans to ffmpeg's arguments. Pure: nothing is looked up here.

use std::ffi::OsString;
use std::path::Path;

use clipmill_plugins::media::{AudioStream, Container, VideoStream};
use clipmill_plugins::{AudioEncoder, AudioPlan, EncodePlan, Rate, VideoEncoder, VideoPlan};

use super::Input;
use super::input::local;

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
    /// Time of the first wanted frame, microseconds.
    pub start_micros: i64,
    /// End of the sound, microseconds.
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

/// A copy of a part of an input, which begins with the keyframe at or before
/// `from` and keeps the time stamps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copy<'a> {
    /// From where.
    pub input: &'a Input,
    /// Indexes of the streams.
    pub streams: &'a [u32],
    /// Seconds after the input's first time stamp.
    pub from: f64,
    /// Seconds.
    pub length: f64,
    /// The muxer.
    pub format: &'static str,
    /// Ticks per second of the first stream, for formats that keep one for the
    /// whole file.
    pub time_scale: Option<u64>,
    /// The result.
    pub output: &'a Path,
}

/// Arguments of an encode.
pub(crate) fn encode(job: &Encode<'_>) -> Vec<OsString> {
    let mut args = Args::begin();
    // Two files share one clock, which must not be set to 0 for each of them.
    let keep_clock = job.window.is_some() || job.sound.file.is_some();
    let seek = job.window.and_then(|window| window.seek_micros);
    args.inputs(job.input, job.sound.file, keep_clock, seek, job.threads);
    args.maps(job.video, job.sound);
    args.without_extras();
    args.add(&["-filter:v", &picture_filter(job), "-fps_mode", "passthrough"]);
    // The time base of the input keeps every time stamp, at a variable rate too.
    args.add(&["-enc_time_base:v", "-1"]);
    picture(&mut args, &job.plan.video, job);
    sound(&mut args, &job.plan.audio, job);
    if job.threads > 0 {
        args.add(&["-threads", &job.threads.to_string()]);
    }
    args.end(job.plan.container, job.output)
}

/// Arguments of a copy that changes only the file format.
pub(crate) fn remux(
    input: &Input,
    video: &VideoStream,
    sound: Sound<'_>,
    container: Container,
    output: &Path,
) -> Vec<OsString> {
    let mut args = Args::begin();
    args.inputs(input, sound.file, sound.file.is_some(), None, 0);
    args.maps(video, sound);
    args.without_extras();
    args.add(&["-c", "copy"]);
    if video.codec == "hevc" && container == Container::Mp4 {
        args.add(&["-tag:v", "hvc1"]);
    }
    args.end(container, output)
}

/// Arguments of a [`Copy`].
pub(crate) fn copy(job: &Copy<'_>) -> Vec<OsString> {
    let mut args = Args::begin();
    args.add(&["-copyts", "-ss", &format!("{:.6}", job.from), "-t", &format!("{:.6}", job.length)]);
    args.input(job.input, None, 0);
    for stream in job.streams {
        args.add(&["-map", &format!("0:{stream}")]);
    }
    args.without_extras();
    args.add(&["-c", "copy", "-copypriorss", "1", "-avoid_negative_ts", "disabled"]);
    if let Some(ticks) = job.time_scale {
        let ticks = ticks.to_string();
        args.add(&["-movie_timescale", &ticks, "-video_track_timescale", &ticks]);
    }
    args.add(&["-f", job.format, "-y"]);
    args.0.push(local(job.output));
    args.0
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

fn picture_filter(job: &Encode<'_>) -> String {
    let mut filters = Vec::new();
    if let Some(window) = job.window {
        let end = window.end_pts.map(|pts| format!(":end_pts={pts}")).unwrap_or_default();
        filters.push(format!("trim=start_pts={}{end}", window.start_pts));
        filters.push("setpts=PTS-STARTPTS".to_owned());
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
    if job.video.pixel_format.starts_with("yuvj") && !plan.pixel_format.starts_with("yuvj") {
        filters.push("scale=in_range=full:out_range=full".to_owned());
    }
    filters.push(format!("format={}", plan.pixel_format));
    filters.join(",")
}

/// Cuts the sound at the first frame and keeps its distance to it: what is
/// missing at the beginning is filled with silence.
fn sound_filter(job: &Encode<'_>, stream: &AudioStream) -> Option<String> {
    let mut filters = Vec::new();
    if let Some(window) = job.window {
        let (start, end) = (seconds(window.start_micros), seconds(window.end_micros));
        filters.push(format!("atrim=start={start}:end={end}"));
        filters.push(format!("asetpts=PTS-({start})/TB,aresample=async=1:first_pts=0"));
    }
    if job.plan.container == Container::Webm {
        // The encoder begins that much before the sound. ffmpeg's muxer would
        // move everything else by it, and tells players to skip it anyway.
        filters.push(format!("asetpts=PTS+{OPUS_DELAY}/TB"));
    }
    if stream.channels > 2 {
        // Layouts that the encoder has; others play in few places or not at all.
        filters.push(match job.plan.audio.encoder {
            AudioEncoder::Aac => "aformat=channel_layouts=3.0|4.0|5.0|5.1|7.1".to_owned(),
            AudioEncoder::Opus => "aformat=channel_layouts=3.0|quad|5.0|5.1|6.1|7.1".to_owned(),
        });
    }
    (!filters.is_empty()).then(|| filters.join(","))
}

fn picture(args: &mut Args, plan: &VideoPlan, job: &Encode<'_>) {
    args.add(&["-c:v", plan.encoder.ffmpeg_name(&plan.pixel_format)]);
    match plan.encoder {
        VideoEncoder::X264 { preset } => {
            args.add(&["-preset", speed(preset)]);
            match plan.rate {
                // CRF 0 loses something in 10 bit; QP 0 never does.
                Rate::Lossless => args.add(&["-qp", "0"]),
                Rate::Crf(crf) => args.add(&["-crf", &crf.to_string()]),
            }
        }
        VideoEncoder::X265 { preset } => {
            args.add(&["-preset", speed(preset)]);
            let mut own = "log-level=error".to_owned();
            match plan.rate {
                Rate::Lossless => own.push_str(":lossless=1"),
                Rate::Crf(crf) => args.add(&["-crf", &crf.to_string()]),
            }
            if job.threads > 0 {
                own.push_str(&format!(":pools={}", job.threads));
            }
            args.add(&["-x265-params", &own]);
            if job.plan.container == Container::Mp4 {
                // Apple's players know no other name.
                args.add(&["-tag:v", "hvc1"]);
            }
        }
        VideoEncoder::SvtAv1 { preset } => {
            args.add(&["-preset", &preset.to_string(), "-crf", &quantizer(plan.rate)]);
        }
        VideoEncoder::Aom { cpu_used } => {
            args.add(&["-cpu-used", &cpu_used.to_string(), "-row-mt", "1"]);
            args.add(&["-b:v", "0", "-crf", &quantizer(plan.rate)]);
            if plan.rate == Rate::Lossless {
                args.add(&["-aom-params", "lossless=1"]);
            }
        }
        VideoEncoder::Vp9 { cpu_used } => {
            // Speeds above 5 exist in the realtime mode only.
            let mode = if cpu_used > 5 { "realtime" } else { "good" };
            args.add(&["-deadline", mode, "-cpu-used", &cpu_used.to_string(), "-row-mt", "1"]);
            args.add(&["-b:v", "0", "-crf", &quantizer(plan.rate)]);
            if plan.rate == Rate::Lossless {
                args.add(&["-lossless", "1"]);
            }
        }
    }
    args.add(&["-pix_fmt", &plan.pixel_format]);
}

fn quantizer(rate: Rate) -> String {
    match rate {
        Rate::Lossless => "0".to_owned(),
        Rate::Crf(crf) => crf.to_string(),
    }
}

fn sound(args: &mut Args, plan: &AudioPlan, job: &Encode<'_>) {
    if job.sound.streams.is_empty() {
        return;
    }
    args.add(&[
        "-c:a",
        match plan.encoder {
            AudioEncoder::Aac => "aac",
            AudioEncoder::Opus => "libopus",
        },
    ]);
    for (n, stream) in job.sound.streams.iter().enumerate() {
        // The plan speaks of stereo.
        let kilobits = plan.kilobits.saturating_mul(stream.channels.clamp(1, 8)) / 2;
        let kilobits = kilobits.clamp(32, MOST_KILOBITS);
        args.add(&[&format!("-b:a:{n}"), &format!("{kilobits}k")]);
        if let Some(filter) = sound_filter(job, stream) {
            args.add(&[&format!("-filter:a:{n}"), &filter]);
        }
    }
}

/// The names of presets of x264 and x265.
fn speed(preset: u8) -> &'static str {
    match preset {
        0 => "ultrafast",
        1 => "superfast",
        2 => "veryfast",
        3 => "faster",
        4 => "fast",
        5 => "medium",
        6 => "slow",
        7 => "slower",
        _ => "veryslow",
    }
}

fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clipmill_plugins::media::Rational;

    use super::*;

    fn video(width: u32, pixel_format: &str) -> VideoStream {
        VideoStream {
            index: 1,
            codec: "h264".into(),
            width,
            height: 180,
            pixel_format: pixel_format.into(),
            average_rate: None,
            base_rate: None,
            time_base: Rational { num: 1, den: 15360 },
            rotation: 0,
            interlaced: false,
            color: [None, None, None, None],
        }
    }

    fn audio(channels: u32) -> AudioStream {
        AudioStream { index: 2, codec: "aac".into(), sample_rate: 48000, channels }
    }

    fn plan(encoder: VideoEncoder, rate: Rate, pixel_format: &str) -> EncodePlan {
        EncodePlan {
            container: Container::Mp4,
            video: VideoPlan {
                encoder,
                rate,
                pixel_format: pixel_format.into(),
                pad_to_even: true,
            },
            audio: AudioPlan { encoder: AudioEncoder::Aac, kilobits: 192 },
        }
    }

    /// The arguments after the first ones, which all jobs have.
    fn text(args: &[OsString]) -> String {
        const BEGIN: &str = "-nostdin -hide_banner -v error -nostats -progress pipe:1 \
                             -stats_period 0.5 ";
        let words: Vec<_> = args.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ").strip_prefix(BEGIN).unwrap().to_owned()
    }

    fn file(name: &str) -> Input {
        Input::sniffed(name.as_ref(), b"\0\0\0\x20ftypisom").unwrap()
    }

    #[test]
    fn an_exact_cut_of_picture_and_sound_from_two_files() {
        let window = Window {
            start_pts: 153_600,
            end_pts: Some(200_192),
            start_micros: 10_000_000,
            end_micros: 13_033_333,
            seek_micros: None,
        };
        let args = encode(&Encode {
            plan: &plan(VideoEncoder::X264 { preset: 2 }, Rate::Crf(18), "yuv420p"),
            input: &file("/w/v.mp4"),
            video: &video(320, "yuv420p"),
            sound: Sound { file: Some(&file("/w/a.m4a")), streams: &[audio(2)] },
            window: Some(window),
            threads: 2,
            output: "/w/-odd name.mp4".as_ref(),
        });
        assert_eq!(
            text(&args),
            "-copyts -threads 2 -protocol_whitelist file -f mov -i file:/w/v.mp4 \
             -threads 2 -protocol_whitelist file -f mov -i file:/w/a.m4a \
             -map 0:1 -map 1:2 -map_metadata -1 -map_chapters -1 -sn -dn \
             -filter:v trim=start_pts=153600:end_pts=200192,setpts=PTS-STARTPTS,format=yuv420p \
             -fps_mode passthrough -enc_time_base:v -1 \
             -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p \
             -c:a aac -b:a:0 192k -filter:a:0 atrim=start=10.000000:end=13.033333,\
             asetpts=PTS-(10.000000)/TB,aresample=async=1:first_pts=0 \
             -threads 2 -f mp4 -movflags +faststart+negative_cts_offsets -y \
             file:/w/-odd name.mp4"
        );
    }

    #[test]
    fn an_upload_keeps_all_sounds_and_is_padded_upright() {
        let turned = VideoStream { rotation: 90, ..video(321, "yuvj420p") };
        let args = encode(&Encode {
            plan: &plan(VideoEncoder::X265 { preset: 5 }, Rate::Lossless, "yuv420p"),
            input: &file("/w/v.mov"),
            video: &turned,
            sound: Sound { file: None, streams: &[audio(1), audio(6)] },
            window: None,
            threads: 0,
            output: "/w/o.mp4".as_ref(),
        });
        assert_eq!(
            text(&args),
            "-protocol_whitelist file -f mov -i file:/w/v.mov -map 0:1 -map 0:2 -map 0:2 \
             -map_metadata -1 -map_chapters -1 -sn -dn \
             -filter:v pad=ceil(iw/2)*2:ceil(ih/2)*2:0:0,fillborders=right=0:bottom=1:mode=smear,\
             scale=in_range=full:out_range=full,format=yuv420p \
             -fps_mode passthrough -enc_time_base:v -1 \
             -c:v libx265 -preset medium -x265-params log-level=error:lossless=1 -tag:v hvc1 \
             -pix_fmt yuv420p -c:a aac -b:a:0 96k -b:a:1 512k \
             -filter:a:1 aformat=channel_layouts=3.0|4.0|5.0|5.1|7.1 \
             -f mp4 -movflags +faststart+negative_cts_offsets -y file:/w/o.mp4"
        );
    }

    #[test]
    fn every_encoder_has_a_lossless_and_a_lossy_way() {
        let words = |encoder, rate| {
            let plan = plan(encoder, rate, "yuv420p10le");
            let picture = video(320, "yuv420p10le");
            let input = file("/w/v.mp4");
            let sound = Sound { file: None, streams: &[] };
            let (window, threads, output) = (None, 3, "/w/o.mp4".as_ref());
            let job = Encode {
                plan: &plan,
                input: &input,
                video: &picture,
                sound,
                window,
                threads,
                output,
            };
            let all = text(&encode(&job));
            let from = all.find("-c:v ").unwrap() + 5;
            all[from..all.find(" -pix_fmt").unwrap()].to_owned()
        };
        let (lossless, lossy) = (Rate::Lossless, Rate::Crf(23));
        let x264 = VideoEncoder::X264 { preset: 5 };
        let x265 = VideoEncoder::X265 { preset: 0 };
        let svt = VideoEncoder::SvtAv1 { preset: 8 };
        let aom = VideoEncoder::Aom { cpu_used: 6 };
        let vp9 = |cpu_used| VideoEncoder::Vp9 { cpu_used };
        assert_eq!(words(x264, lossless), "libx264 -preset medium -qp 0");
        assert_eq!(
            words(x265, lossy),
            "libx265 -preset ultrafast -crf 23 -x265-params log-level=error:pools=3 -tag:v hvc1"
        );
        assert_eq!(words(svt, lossy), "libsvtav1 -preset 8 -crf 23");
        assert_eq!(words(aom, lossy), "libaom-av1 -cpu-used 6 -row-mt 1 -b:v 0 -crf 23");
        assert_eq!(
            words(aom, lossless),
            "libaom-av1 -cpu-used 6 -row-mt 1 -b:v 0 -crf 0 -aom-params lossless=1"
        );
        assert_eq!(
            words(vp9(8), lossy),
            "libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -b:v 0 -crf 23"
        );
        assert_eq!(
            words(vp9(4), lossless),
            "libvpx-vp9 -deadline good -cpu-used 4 -row-mt 1 -b:v 0 -crf 0 -lossless 1"
        );
    }

    #[test]
    fn a_copy_from_the_relay_may_use_http_and_nothing_else() {
        let address = "http://127.0.0.1:9/x".to_owned();
        let input = Input::loopback(address, b"\0\0\0\x20ftypisom").unwrap();
        let args = copy(&Copy {
            input: &input,
            streams: &[0, 1],
            from: 11.3,
            length: 6.7,
            format: "mp4",
            time_scale: Some(15360),
            output: "/w/video.mp4".as_ref(),
        });
        assert_eq!(
            text(&args),
            "-copyts -ss 11.300000 -t 6.700000 -protocol_whitelist http,tcp -f mov \
             -analyzeduration 500000 -i http://127.0.0.1:9/x -map 0:0 -map 0:1 \
             -map_metadata -1 -map_chapters -1 -sn -dn -c copy -copypriorss 1 -avoid_negative_ts disabled -movie_timescale 15360 \
             -video_track_timescale 15360 -f mp4 -y file:/w/video.mp4"
        );
    }
}
