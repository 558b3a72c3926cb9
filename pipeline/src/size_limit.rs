//! What happens to results that are larger than their source.

use clipmill_core::probe::{AudioStream, Container, Probe, VideoStream};
use clipmill_plugins::{AudioPlan, Rate, VideoEncoder};

use crate::ffmpeg;
use crate::recipe::FfmpegRecipe;
use crate::request::Rendition;
use crate::settings::IfLarger;
use crate::stages::{ExactFrames, Fetched};

/// What the headers and tables of a file take of it at most, percent.
const TABLES_PERCENT: f64 = 2.0;
/// Least that is left for the video, kilobits per second.
const MIN_KILOBITS: f64 = 32.0;

/// From how many bytes more on the note says that a clip is larger.
const NOTED_BYTES: u64 = 1 << 20;

/// The size of the source, with which a result is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SourceSize {
    rule: IfLarger,
    /// Bytes of the source, or of the part of it that was asked for; 0 when they are
    /// not known.
    bytes: u64,
    /// How long that plays; none when it is not known.
    seconds: Option<f64>,
    is_part: bool,
}

impl SourceSize {
    /// The size of these frames of what was fetched.
    pub(crate) fn new(rule: IfLarger, fetched: &Fetched, exact: Option<ExactFrames>) -> SourceSize {
        let all = fetched.media.bytes();
        let duration = duration(&fetched.media.video.probe);
        if fetched.span.is_some() {
            return SourceSize::part(rule, all, exact);
        }
        SourceSize { rule, bytes: all, seconds: duration, is_part: false }
    }

    fn part(rule: IfLarger, all: u64, exact: Option<ExactFrames>) -> SourceSize {
        let (bytes, seconds) = match exact {
            Some(ExactFrames { timing, file_micros, .. })
                if timing.duration > 0 && file_micros > 0 =>
            {
                let share = (timing.duration as f64 / file_micros as f64).min(1.0);
                // A cast of a float saturates.
                ((all as f64 * share) as u64, Some(timing.duration as f64 / 1e6))
            }
            _ => (0, None),
        };
        SourceSize { rule, bytes, seconds, is_part: true }
    }

    /// The highest rate of the video, kilobits per second, with which the whole
    /// result can't become larger; none for no such limit.
    pub(crate) fn max_video_kilobits(
        self,
        recipe: &FfmpegRecipe,
        audio: &[AudioStream],
    ) -> Option<u64> {
        let seconds = self.seconds?;
        if self.rule != IfLarger::Limit
            || self.bytes == 0
            || recipe.plan.video.rate == Rate::Lossless
        {
            return None;
        }
        let all = self.bytes as f64 * 8.0 / 1000.0 / seconds * (1.0 - TABLES_PERCENT / 100.0);
        let audio = audio.iter().map(|stream| audio_rate(&recipe.plan.audio, stream)).sum::<f64>();
        // The encoder's buffer holds a second, which it may have given out
        // before the limit counts.
        let video = (all - audio) * seconds / (seconds + 1.0);
        // A cast of a float saturates.
        Some(video.max(MIN_KILOBITS) as u64)
    }

    /// The size in bytes above which the source's own video is kept in place of a
    /// result; none when it can't be kept.
    pub(crate) fn keep_source_above(
        self,
        fetched: &Fetched,
        recipe: &FfmpegRecipe,
        video: &VideoStream,
    ) -> Option<u64> {
        let plan = &recipe.plan;
        let asked = match plan.video.encoder {
            VideoEncoder::X264 { .. } => "h264",
            VideoEncoder::X265 { .. } => "hevc",
            VideoEncoder::SvtAv1 { .. } | VideoEncoder::Aom { .. } => "av1",
            VideoEncoder::Vp9 { .. } => "vp9",
        };
        let plain = |format: &str| format.replace("yuvj", "yuv");
        let same = video.codec == asked
            && plain(&video.pixel_format) == plain(&plan.video.pixel_format)
            && video.width.is_multiple_of(2)
            && video.height.is_multiple_of(2);
        let can = matches!(fetched.rendition, Rendition::Encode { .. })
            && recipe.may_use_hardware
            && plan.container == Container::Mp4
            && plan.video.rate != Rate::Lossless
            // Others don't hold the order in which frames are shown.
            && fetched.media.video.probe.container != Container::Other;
        let keeps = self.rule == IfLarger::KeepSource && !self.is_part && self.bytes > 0;
        (keeps && can && same).then_some(self.bytes)
    }

    /// What a person should know of a result of so many bytes.
    pub(crate) fn note_if_larger(self, bytes: u64) -> Option<String> {
        let more = bytes.checked_sub(self.bytes).filter(|_| self.bytes > 0)?;
        // A few frames start with a keyframe of their own, which takes its room.
        let is_noted = !self.is_part || more >= NOTED_BYTES;
        let percent = u128::from(more) * 100 / u128::from(self.bytes);
        let than = if self.is_part { "its part of the source" } else { "the source" };
        (is_noted && percent > 0).then(|| format!("the result is {percent} % larger than {than}"))
    }
}

/// How long a file plays, seconds.
fn duration(probe: &Probe) -> Option<f64> {
    let before = match probe.container {
        // It counts from 0, whenever the first frame is.
        Container::Webm | Container::Mkv => probe.start.max(0.0),
        _ => 0.0,
    };
    probe.duration.map(|seconds| seconds - before).filter(|seconds| *seconds > 0.0)
}

/// Kilobits per second.
fn audio_rate(plan: &AudioPlan, stream: &AudioStream) -> f64 {
    f64::from(ffmpeg::audio_kilobits(plan, stream.channels))
}

/// Two notes as one.
pub(crate) fn join_notes(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second),
    }
}
