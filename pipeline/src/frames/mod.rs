//! Codecs that encode raw frames themselves: ffmpeg decodes, scales and resamples,
//! the codec gets raw frames and samples and returns the bytes of a file.
//!
//! ```text
//! ffmpeg -> VideoFeed --\
//!                        pump -> codec -> OutputFile -> verify
//! ffmpeg -> AudioFeed --/
//! ```

mod cfr_schedule;
mod feed;
mod output_file;
mod pump;
#[cfg(test)]
mod tests;
mod verify;

use std::path::Path;

use clipmill_core::probe::{Probe, VideoStream};
use clipmill_core::{Code, Error, Timescale, scale_floor};
use clipmill_plugins::FramePlan;

use self::cfr_schedule::CfrSchedule;
use self::feed::{AudioFeed, VideoFeed};
use self::output_file::OutputFile;
use self::pump::{EncodeProgress, Pump, in_time};
use self::verify::{CodecResult, verify};
use crate::context::SILENCE;
use crate::ffmpeg::{self, RawAudio, RawVideo};
use crate::recipe::FrameRecipe;
use crate::stages::ExactFrames;
use crate::transcode_job::TranscodeJob;

/// Encodes these frames into a file that is not there yet, and verifies it. A file
/// that is not right is removed.
///
/// # Errors
/// Those of the codec; `cut_mismatch` when the decoder gives out other frames than
/// the window promises; `encode_failed` when the codec made something else;
/// `stage_timeout`, `too_large`, `disk_full`.
pub(crate) async fn encode_frames(
    job: &TranscodeJob<'_>,
    recipe: &FrameRecipe,
    exact: ExactFrames,
    output: &Path,
) -> Result<Probe, Error> {
    let deadline = job.context.settings.stage_deadline;
    let encoded = tokio::time::timeout(deadline, run_codec(job, recipe, exact, output)).await;
    encoded
        .unwrap_or_else(|_| {
            Err(Error::never(Code::StageTimeout, "it took longer than this server allows"))
        })
        .inspect_err(|error| {
            let codec = &recipe.codec_name;
            let (code, error) = (error.code, error.chain());
            tracing::warn!(codec, error.code = %code, %error, "a codec did not make its file");
        })
}

async fn run_codec(
    job: &TranscodeJob<'_>,
    recipe: &FrameRecipe,
    exact: ExactFrames,
    output: &Path,
) -> Result<Probe, Error> {
    let video = job.video()?;
    let has_audio = !job.inputs.audio_streams.is_empty();
    let plan = FramePlan { audio: recipe.plan.audio.filter(|_| has_audio), ..recipe.plan.clone() };
    let window = exact.window.end_micros.saturating_sub(exact.window.start_micros);
    let schedule = CfrSchedule::new(exact.timing, window, plan.frame_rate);

    let mut file = OutputFile::create(output, job.context.settings.max_download_bytes).await?;
    let begin = recipe.codec.begin(&plan, &recipe.quality);
    let (encoder, header) = in_time(SILENCE, begin).await?;
    file.write(&header).await?;
    let video = video_feed(job, exact, &plan, video, schedule)?;
    let audio = audio_feed(job, exact, &plan)?;
    let progress = EncodeProgress::new(job.progress, schedule.count);
    let pump = Pump { encoder, video, audio, silence: SILENCE, progress };
    let count = pump.run(&mut file).await?;
    if count != schedule.count {
        tracing::warn!(count, wanted = schedule.count, "the decoder gives out other frames");
        let why = "the video could not be decoded at exactly these times";
        return Err(Error::never(Code::CutMismatch, why));
    }
    let bytes = file.finish().await?;
    let extension = recipe.extension.as_str();
    let result = CodecResult { path: output, extension, bytes, plan: &plan, schedule };
    let probe = verify(job.context, result).await?;
    file.keep();
    job.progress.encoding(100.0, None, None, None);
    Ok(probe)
}

fn video_feed(
    job: &TranscodeJob<'_>,
    exact: ExactFrames,
    plan: &FramePlan,
    video: &VideoStream,
    schedule: CfrSchedule,
) -> Result<VideoFeed, Error> {
    let args = ffmpeg::raw_video_args(&RawVideo {
        plan,
        input: &job.inputs.video,
        video,
        window: exact.window,
        slack_ticks: ticks_within(schedule.slack_micros, video),
        frames: schedule.count,
        spare: schedule.spare,
        threads: job.context.settings.ffmpeg_threads,
    });
    let decoder = job.context.tools.decode(args, job.context.bounds(None))?;
    let bytes = usize::try_from(plan.frame_bytes())
        .map_err(|_| Error::never(Code::NotEncodable, "the frames are too large"))?;
    Ok(VideoFeed::new(decoder, schedule, bytes))
}

fn audio_feed(
    job: &TranscodeJob<'_>,
    exact: ExactFrames,
    plan: &FramePlan,
) -> Result<Option<AudioFeed>, Error> {
    let (Some(format), Some(stream)) = (plan.audio, job.inputs.audio_streams.first()) else {
        return Ok(None);
    };
    let sample_rate = Timescale::new(format.sample_rate)
        .ok_or_else(|| Error::never(Code::Internal, "audio without a sample rate"))?;
    let args = ffmpeg::raw_audio_args(&RawAudio {
        format,
        input: job.inputs.audio.as_ref().unwrap_or(&job.inputs.video),
        stream,
        window: exact.window,
        to_its_end: job.fetched.span.is_none(),
    });
    let decoder = job.context.tools.decode(args, job.context.bounds(None))?;
    Ok(Some(AudioFeed::new(decoder, sample_rate, format.channels)))
}

/// Whole ticks of a video stream within so many microseconds.
fn ticks_within(micros: i64, video: &VideoStream) -> i64 {
    let time_base = video.time_base;
    let micros_per_den = i128::from(time_base.num.max(1)) * 1_000_000;
    scale_floor(micros, i128::from(time_base.den), micros_per_den)
}
