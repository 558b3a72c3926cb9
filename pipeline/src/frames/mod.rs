//! Codecs that encode by themselves: ffmpeg decodes, scales and resamples, the
//! codec gets raw frames and samples and gives back the bytes of a file.

use clipmill_core::{Code, Error};

mod feed;
mod look;
mod pump;
mod sink;
mod slots;
#[cfg(test)]
mod tests;

use std::path::Path;

use clipmill_core::probe::{AudioStream, Probe, VideoStream};
use clipmill_plugins::FramePlan;

use self::feed::{Picture, Sound};
use self::look::{Made, look};
use self::pump::{Meter, pump, within};
use self::sink::Sink;
use self::slots::Slots;
use super::render::Own;
use super::stages::ExactFrames;
use super::{Fetched, ProgressReporter};
use crate::context::{PipelineContext, SILENCE};
use crate::ffmpeg::{self, Input, RawPicture, RawSound};

/// What a codec gets to encode.
pub(super) struct Job<'a> {
    /// The codec and its plan.
    pub own: &'a Own,
    /// Where the picture comes from.
    pub fetched: &'a Fetched,
    /// The picture's file.
    pub video: &'a Input,
    /// The sound's file and the sound in it, if there is any.
    pub sound: Option<(&'a Input, &'a AudioStream)>,
    /// Which frames.
    pub exact: ExactFrames,
    /// The result, which is not there yet.
    pub output: &'a Path,
}

/// Makes the file, and looks whether it is right. What is wrong is not kept.
///
/// # Errors
/// What the codec says; `cut_mismatch` when the decoder gives out other frames
/// than the window promises; `encode_failed` when the codec made something
/// else; `stage_timeout`, `too_large`, `disk_full`.
pub(super) async fn encode(
    context: &PipelineContext,
    job: &Job<'_>,
    progress: &ProgressReporter,
) -> Result<Probe, Error> {
    let made =
        tokio::time::timeout(context.settings.stage_deadline, make(context, job, progress)).await;
    made.unwrap_or_else(|_| {
        Err(Error::never(Code::StageTimeout, "it took longer than this server allows"))
    })
    .inspect_err(|error| {
        let codec = &job.own.codec_name;
        tracing::warn!(codec, error.code = %error.code, "a codec did not make its file: {error}");
    })
}

async fn make(
    context: &PipelineContext,
    job: &Job<'_>,
    progress: &ProgressReporter,
) -> Result<Probe, Error> {
    let Job { own, exact, .. } = job;
    let video = job.fetched.media.video_stream()?;
    let plan =
        FramePlan { audio: own.plan.audio.filter(|_| job.sound.is_some()), ..own.plan.clone() };
    let length = exact.window.end_micros.saturating_sub(exact.window.start_micros);
    let slots = Slots::new(exact.timing, length, plan.frame_rate);
    let most = context.settings.max_download_bytes;

    let mut sink = Sink::create(job.output, most).await?;
    let (encoder, head) = within(SILENCE, own.codec.begin(&plan, &own.quality)).await?;
    sink.write(&head).await?;
    let picture = picture(context, job, &plan, video, slots)?;
    let sound = sound(context, job, &plan)?;
    let meter = Meter::new(progress, slots.count);
    let count = pump(encoder, picture, sound, &mut sink, SILENCE, meter).await?;
    if count != slots.count {
        tracing::warn!(count, wanted = slots.count, "the decoder gives out other frames");
        let why = "the video could not be decoded at exactly these times";
        return Err(Error::never(Code::CutMismatch, why));
    }
    let bytes = sink.end().await?;
    let (path, extension) = (job.output, own.extension.as_str());
    let probe = look(context, Made { path, extension, bytes, plan: &plan, slots }).await?;
    sink.keep();
    progress.encoding(100.0, None, None, None);
    Ok(probe)
}

fn picture(
    context: &PipelineContext,
    job: &Job<'_>,
    plan: &FramePlan,
    video: &VideoStream,
    slots: Slots,
) -> Result<Picture, Error> {
    let args = ffmpeg::raw_picture(&RawPicture {
        plan,
        input: job.video,
        video,
        window: job.exact.window,
        slack: ticks(slots.slack, video),
        frames: slots.count,
        spare: slots.spare,
        threads: context.settings.ffmpeg_threads,
    });
    let decoder = context.tools.decode(args, context.bounds(None))?;
    let bytes = usize::try_from(plan.frame_bytes())
        .map_err(|_| Error::never(Code::NotEncodable, "the frames are too large"))?;
    Ok(Picture::new(decoder, slots, bytes))
}

fn sound(
    context: &PipelineContext,
    job: &Job<'_>,
    plan: &FramePlan,
) -> Result<Option<Sound>, Error> {
    let (Some(format), Some((input, stream))) = (plan.audio, job.sound) else { return Ok(None) };
    let args = ffmpeg::raw_sound(&RawSound {
        format,
        input,
        stream,
        window: job.exact.window,
        to_its_end: job.fetched.span.is_none(),
    });
    let decoder = context.tools.decode(args, context.bounds(None))?;
    Ok(Some(Sound::new(decoder, format)))
}

/// Whole ticks of a picture within so many microseconds.
fn ticks(micros: i64, video: &VideoStream) -> i64 {
    let (num, den) = (i128::from(video.time_base.num.max(1)), i128::from(video.time_base.den));
    i64::try_from(i128::from(micros) * den / (num * 1_000_000)).unwrap_or(0)
}
