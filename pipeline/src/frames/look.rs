//! Looking whether a codec made what it says: a wrong file is never handed out.

use std::path::Path;

use clipmill_core::probe::{Container, Probe, Rational, VideoStream};
use clipmill_core::{Code, Error, micros_of_seconds};
use clipmill_plugins::FramePlan;

use super::slots::Slots;
use crate::context::PipelineContext;
use crate::ffmpeg::{Demuxer, Input};

/// By how much a file format may round a time, microseconds: GIF counts in
/// hundredths of a second.
const ROUNDING: u64 = 10_000;

/// What came out of a codec.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made<'a> {
    pub path: &'a Path,
    pub extension: &'a str,
    pub bytes: u64,
    pub plan: &'a FramePlan,
    pub slots: Slots,
}

/// Looks at a result.
///
/// # Errors
/// `encode_failed` when it is not what it should be.
pub(super) async fn look(context: &PipelineContext, made: Made<'_>) -> Result<Probe, Error> {
    if made.bytes == 0 {
        return Err(wrong("an empty file"));
    }
    let Some(demuxer) = Demuxer::of_extension(made.extension) else {
        // Nothing here can read it, so it is taken as the codec gives it.
        tracing::debug!(extension = made.extension, "the result is of a format of its own");
        return Ok(by_plan(&made));
    };
    let input = Input::made(made.path).await?.filter(|input| input.demuxer == demuxer);
    let input = input.ok_or_else(|| wrong(&format!("a file that is no .{}", made.extension)))?;
    let probe = context.tools.inspect(&input).await.map_err(|error| unreadable(&error))?;
    let video = probe.video.as_ref().ok_or_else(|| wrong("a file without a picture"))?;
    let frames = context.tools.frames(&input, video, context.settings.stage_deadline).await;
    let frames = frames.map_err(|error| unreadable(&error))?;
    let (count, expected) = (frames.list.len() as u64, made.slots.count);
    let first = frames.list.first().map(|frame| frames.micros(frame.pts));
    let last = frames.list.last().map_or(0, |frame| frames.micros(frame.pts)).unsigned_abs();
    if first.is_none_or(|first| first.unsigned_abs() > 1000) {
        return Err(wrong("a file whose first frame is not at its beginning"));
    }
    // Encoders of formats with few frames show one for longer, so there the time counts.
    let is_right = if demuxer.merges_frames() {
        let told = probe.duration.map(|seconds| micros_of_seconds(seconds).unsigned_abs());
        let (length, within) = (made.slots.length(), made.slots.period() + ROUNDING);
        told.is_none_or(|told| told.abs_diff(length) <= within) && last < length + ROUNDING
    } else {
        count == expected
    };
    if is_right {
        return Ok(probe);
    }
    tracing::warn!(count, expected, last, duration = probe.duration, "the result is not exact");
    Err(wrong("a file with other frames than it was given"))
}

fn unreadable(error: &Error) -> Error {
    tracing::warn!(code = %error.code, "the result can't be read back");
    wrong("a file that can't be read")
}

fn wrong(what: &str) -> Error {
    Error::never(Code::EncodeFailed, format!("the codec made {what}"))
}

/// What a file holds by what was put into it.
fn by_plan(made: &Made<'_>) -> Probe {
    let FramePlan { width, height, pixel_format, frame_rate, .. } = *made.plan;
    Probe {
        container: Container::Other,
        format_name: made.extension.to_owned(),
        start: 0.0,
        duration: Some(made.slots.length() as f64 / 1e6),
        size: made.bytes,
        video: Some(VideoStream {
            index: 0,
            codec: made.extension.to_owned(),
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
