//! Results that are larger than what they are made of.

use clipmill_core::probe::{AudioStream, Container, Probe, VideoStream};
use clipmill_plugins::{AudioPlan, Rate, VideoEncoder};

use crate::ffmpeg;
use crate::render::Way;
use crate::settings::IfLarger;
use crate::stages::ExactFrames;
use crate::{Fetched, Rendition};

/// What the headers and tables of a file take of it at most, percent.
const TABLES: f64 = 2.0;
/// Least that is left for the picture, kilobits per second.
const LEAST: f64 = 32.0;

/// From how many bytes more on a clip is told to be larger.
const MATTERS: u64 = 1 << 20;

/// What a result is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Guard {
    rule: IfLarger,
    /// Bytes of the source, or of the part of it that was asked for; 0 when
    /// they are not known.
    bytes: u64,
    /// How long that plays; none when it is not known.
    seconds: Option<f64>,
    is_part: bool,
}

impl Guard {
    /// The guard of a result of these frames of what was fetched.
    pub(super) fn new(rule: IfLarger, fetched: &Fetched, exact: Option<ExactFrames>) -> Guard {
        let all = fetched.media.bytes();
        let duration = duration(&fetched.media.video.probe);
        let (None, seconds) = (fetched.span, duration) else {
            return Guard::of_part(rule, all, exact);
        };
        Guard { rule, bytes: all, seconds, is_part: false }
    }

    fn of_part(rule: IfLarger, all: u64, exact: Option<ExactFrames>) -> Guard {
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
        Guard { rule, bytes, seconds, is_part: true }
    }

    /// The highest rate of the picture, kilobits per second, with which the
    /// whole result can't become larger; none for no such limit.
    pub(super) fn limit(self, way: &Way, sounds: &[AudioStream]) -> Option<u64> {
        let seconds = self.seconds?;
        if self.rule != IfLarger::Limit || self.bytes == 0 || way.plan.video.rate == Rate::Lossless
        {
            return None;
        }
        let all = self.bytes as f64 * 8.0 / 1000.0 / seconds * (1.0 - TABLES / 100.0);
        let sound = sounds.iter().map(|it| sound_rate(&way.plan.audio, it)).sum::<f64>();
        // The encoder's buffer holds a second, which it may have given out
        // before the limit counts.
        let picture = (all - sound) * seconds / (seconds + 1.0);
        // A cast of a float saturates.
        Some(picture.max(LEAST) as u64)
    }

    /// Most bytes that a result may have before the source's own picture is
    /// kept in its place; none when that can't be.
    pub(super) fn keeps_above(
        self,
        fetched: &Fetched,
        way: &Way,
        video: &VideoStream,
    ) -> Option<u64> {
        let plan = &way.plan;
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
            && way.may_swap
            && plan.container == Container::Mp4
            && plan.video.rate != Rate::Lossless
            // Others don't tell in which order frames are shown.
            && fetched.media.video.probe.container != Container::Other;
        let keeps = self.rule == IfLarger::KeepSource && !self.is_part && self.bytes > 0;
        (keeps && can && same).then_some(self.bytes)
    }

    /// What a person should know of a result of so many bytes.
    pub(super) fn told(self, bytes: u64) -> Option<String> {
        let more = bytes.checked_sub(self.bytes).filter(|_| self.bytes > 0)?;
        // A few frames begin with a keyframe of their own, which says nothing.
        let matters = !self.is_part || more >= MATTERS;
        let percent = u128::from(more) * 100 / u128::from(self.bytes);
        let than = if self.is_part { "its part of the source" } else { "the source" };
        (matters && percent > 0).then(|| format!("the result is {percent} % larger than {than}"))
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
fn sound_rate(plan: &AudioPlan, stream: &AudioStream) -> f64 {
    f64::from(ffmpeg::sound_kilobits(plan, stream.channels))
}

/// Two notes as one.
pub(super) fn notes(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second),
    }
}
