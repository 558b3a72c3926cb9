//! Checks whether a codec made what it was asked for: a wrong file is never handed
//! out.

use std::path::Path;

use clipmill_core::probe::{Container, Probe, Rational, VideoStream};
use clipmill_core::{Code, Error, micros_of_seconds};
use clipmill_plugins::FramePlan;

use super::cfr_schedule::CfrSchedule;
use crate::context::PipelineContext;
use crate::ffmpeg::{Demuxer, Input};

/// By how much a file format may round a time, microseconds: GIF counts in
/// hundredths of a second.
const ROUNDING_MICROS: u64 = 10_000;

/// What came out of a codec.
#[derive(Debug, Clone, Copy)]
pub(super) struct CodecResult<'a> {
    pub path: &'a Path,
    pub extension: &'a str,
    pub bytes: u64,
    pub plan: &'a FramePlan,
    pub schedule: CfrSchedule,
}

/// Reads a result back.
///
/// # Errors
/// `encode_failed` when it is not what it should be.
pub(super) async fn verify(
    context: &PipelineContext,
    result: CodecResult<'_>,
) -> Result<Probe, Error> {
    if result.bytes == 0 {
        return Err(wrong("an empty file"));
    }
    let Some(demuxer) = Demuxer::of_extension(result.extension) else {
        // It can't be read here, so it is taken as the codec returned it.
        tracing::debug!(
            extension = result.extension,
            "the result is of a format that is not read here"
        );
        return Ok(planned_probe(&result));
    };
    let input = Input::from_codec(result.path).await?.filter(|input| input.demuxer == demuxer);
    let input = input.ok_or_else(|| wrong(&format!("a file that is no .{}", result.extension)))?;
    let probe = context.tools.probe_input(&input).await.map_err(unreadable)?;
    let video = probe.video.as_ref().ok_or_else(|| wrong("a file without video"))?;
    let frames = context.tools.frames(&input, video, context.settings.stage_deadline).await;
    let frames = frames.map_err(unreadable)?;
    let (count, expected) = (frames.list.len() as u64, result.schedule.count);
    let first = frames.list.first().map(|frame| frames.micros(frame.pts));
    let last = frames.list.last().map_or(0, |frame| frames.micros(frame.pts)).unsigned_abs();
    if first.is_none_or(|first| first.unsigned_abs() > 1000) {
        return Err(wrong("a file whose first frame is not at its beginning"));
    }
    // Encoders of formats with few frames show one for longer, so there the time counts.
    let is_right = if demuxer.merges_frames() {
        let actual = probe.duration.map(|seconds| micros_of_seconds(seconds).unsigned_abs());
        let (wanted, within) =
            (result.schedule.duration(), result.schedule.period() + ROUNDING_MICROS);
        actual.is_none_or(|actual| actual.abs_diff(wanted) <= within)
            && last < wanted + ROUNDING_MICROS
    } else {
        count == expected
    };
    if is_right {
        return Ok(probe);
    }
    tracing::warn!(
        count,
        expected,
        last,
        duration = probe.duration,
        "the result of a codec has other frames"
    );
    Err(wrong("a file with other frames than it was given"))
}

fn unreadable(error: Error) -> Error {
    tracing::warn!(error = %error.chain(), "the result of a codec can't be read back");
    wrong("a file that can't be read").caused_by(error)
}

fn wrong(what: &str) -> Error {
    Error::never(Code::EncodeFailed, format!("the codec made {what}"))
}

/// What a file holds according to what was put into it.
fn planned_probe(result: &CodecResult<'_>) -> Probe {
    let FramePlan { width, height, pixel_format, frame_rate, .. } = *result.plan;
    Probe {
        container: Container::Other,
        format_name: result.extension.to_owned(),
        start: 0.0,
        first_timestamp: 0.0,
        duration: Some(result.schedule.duration() as f64 / 1e6),
        size: result.bytes,
        video: Some(VideoStream {
            index: 0,
            codec: result.extension.to_owned(),
            width,
            height,
            pixel_format: pixel_format.ffmpeg_name().to_owned(),
            average_rate: Some(frame_rate),
            base_rate: Some(frame_rate),
            time_base: Rational { num: frame_rate.den, den: frame_rate.num },
            rotation: 0,
            start: None,
            interlaced: false,
            color: [None, None, None, None],
        }),
        audio: Vec::new(),
    }
}
