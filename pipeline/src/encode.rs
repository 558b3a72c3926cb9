//! Re-encodes by ffmpeg: by hardware where that is allowed and works, else in
//! software, with a limit on the size of the result.

use std::ffi::OsString;
use std::path::Path;

use clipmill_core::probe::{Container, Probe};
use clipmill_core::{Code, Error, Retry};

use crate::ffmpeg::{self, EncodeJob, HardwareEncoder, HardwareFailure, HardwareJob, HostOptions};
use crate::recipe::FfmpegRecipe;
use crate::size_limit::{SourceSize, join_notes};
use crate::smart_cut;
use crate::stages::{Encoded, ExactFrames};
use crate::stream_copy::copy_video;
use crate::transcode_job::TranscodeJob;

/// How much shorter than its source a whole result of hardware may be, seconds.
const MAX_MISSING_SECONDS: f64 = 1.0;

/// One encode, by hardware or software.
struct FfmpegEncode<'a> {
    job: &'a TranscodeJob<'a>,
    recipe: &'a FfmpegRecipe,
    exact: Option<ExactFrames>,
    /// Highest rate of the video, kilobits per second.
    max_kilobits: Option<u64>,
    /// Largest size of the file, bytes.
    max_bytes: Option<u64>,
}

/// Re-encodes. Where the result would be larger than it may be, the source's video
/// is copied instead.
pub(crate) async fn encode(
    job: &TranscodeJob<'_>,
    recipe: &FfmpegRecipe,
    exact: Option<ExactFrames>,
) -> Result<Encoded, Error> {
    let size = SourceSize::new(job.context.settings.encode.if_larger, job.fetched, exact);
    let max_kilobits = size.max_video_kilobits(recipe, &job.inputs.audio_streams);
    let max_bytes = size.keep_source_above(job.fetched, recipe, job.video()?);
    let encode = FfmpegEncode { job, recipe, exact, max_kilobits, max_bytes };
    let encoded = match (encode.by_best_encoder().await, max_bytes) {
        // The operating system has stopped ffmpeg at the limit.
        (Err(error), Some(_)) if error.code == Code::TooLarge => None,
        (Ok(encoded), Some(max)) if encoded.probe.size > max => None,
        (encoded, _) => Some(encoded?),
    };
    let Some(encoded) = encoded else {
        let kept = copy_video(job, recipe.plan.container).await?;
        let note = "the encode would be larger than the source, so the source's own picture \
                    was kept";
        return Ok(Encoded { note: Some(note.to_owned()), ..kept });
    };
    let note = join_notes(encoded.note.clone(), size.note_if_larger(encoded.probe.size));
    Ok(Encoded { note, ..encoded })
}

impl FfmpegEncode<'_> {
    /// By hardware if there is any, and in software when that fails.
    async fn by_best_encoder(&self) -> Result<Encoded, Error> {
        let Some(encoder) = self.hardware_encoder().await? else {
            return self.by_software().await;
        };
        let hardware = &self.job.context.tools.abilities().await?.hardware;
        let HardwareFailure { why, .. } = match self.by_hardware(encoder).await {
            Ok(encoded) => {
                hardware.job_succeeded(encoder).await;
                tracing::debug!(encoder = encoder.name(), "encoded by hardware");
                return Ok(encoded);
            }
            Err(failure) if falls_back(&failure.error) => failure,
            Err(failure) => return Err(failure.error),
        };
        let video = &self.recipe.plan.video;
        let name = encoder.name();
        let software = video.encoder.ffmpeg_name(&video.pixel_format);
        tracing::warn!("{name} failed: {why}; the job goes on with {software}");
        // A file that software can't encode either is not the hardware's fault.
        let encoded = self.by_software().await?;
        hardware.job_failed(encoder, &why).await;
        let note = format!("{name} failed: {why}; encoded by {software} instead");
        Ok(Encoded { note: Some(note), ..encoded })
    }

    /// The hardware encoder that may be used.
    async fn hardware_encoder(&self) -> Result<Option<HardwareEncoder>, Error> {
        if !self.recipe.may_use_hardware {
            return Ok(None);
        }
        let source = self.job.video()?;
        let is_limited = self.max_kilobits.is_some();
        let hardware = &self.job.context.tools.abilities().await?.hardware;
        Ok(hardware.replacement(&self.recipe.plan.video, source, is_limited).await)
    }

    async fn by_hardware(&self, encoder: HardwareEncoder) -> Result<Encoded, HardwareFailure> {
        let failed = |error: Error| HardwareFailure { why: error.message.clone(), error };
        let job = self.job;
        let device = job.context.settings.encode.hardware_device.as_deref();
        let by = HardwareJob { encoder, device, urgent: self.recipe.urgent };
        let path = job.output_path(&self.recipe.extension).await.map_err(failed)?;
        let args = self.args(Some(by), &path).map_err(failed)?;
        let bounds = job.context.bounds(self.max_bytes);
        let expected = job.expected(self.exact);
        job.context.tools.run_hardware(args, bounds, expected, job.on_report()).await?;
        self.drop_priming(&path).await;
        let encoded = job.verified(path, &self.recipe.extension, self.exact).await;
        let encoded = encoded.map_err(failed)?;
        self.check_complete(&encoded.probe).map_err(failed)?;
        Ok(encoded)
    }

    async fn by_software(&self) -> Result<Encoded, Error> {
        let job = self.job;
        let path = job.output_path(&self.recipe.extension).await?;
        let args = self.args(None, &path)?;
        let bounds = job.context.bounds(self.max_bytes);
        let expected = job.expected(self.exact);
        job.context.tools.run(args, bounds, expected, job.on_report()).await?;
        self.drop_priming(&path).await;
        job.verified(path, &self.recipe.extension, self.exact).await
    }

    /// The audio of a clip starts with its video wherever it is played.
    async fn drop_priming(&self, path: &Path) {
        if self.exact.is_some() && self.recipe.plan.container == Container::Mp4 {
            smart_cut::drop_priming(path).await;
        }
    }

    fn args(
        &self,
        hardware: Option<HardwareJob<'_>>,
        output: &Path,
    ) -> Result<Vec<OsString>, Error> {
        let encode = EncodeJob {
            plan: &self.recipe.plan,
            input: &self.job.inputs.video,
            video: self.job.video()?,
            audio: self.job.inputs.audio_input(),
            window: self.exact.map(|exact| exact.window),
            threads: self.job.context.settings.ffmpeg_threads,
            output,
        };
        let host = HostOptions { hardware, max_kilobits: self.max_kilobits };
        Ok(ffmpeg::encode_args(&encode, host))
    }

    /// Drivers have been seen to lose colour depth or frames without an error.
    fn check_complete(&self, result: &Probe) -> Result<(), Error> {
        let is_deep = |format: &str| format.contains("10");
        let depth = result.video.as_ref().map(|video| is_deep(&video.pixel_format));
        if depth != Some(is_deep(&self.recipe.plan.video.pixel_format)) {
            return Err(Error::never(Code::EncodeFailed, "it changed the depth of the colours"));
        }
        let wanted = self.job.source().duration.filter(|_| self.exact.is_none());
        if let (Some(wanted), Some(duration)) = (wanted, result.duration)
            && duration + MAX_MISSING_SECONDS < wanted
        {
            return Err(Error::never(Code::EncodeFailed, "it lost a part of the video"));
        }
        Ok(())
    }
}

/// Whether software may succeed where hardware has failed.
fn falls_back(error: &Error) -> bool {
    match error.code {
        Code::EncodeFailed | Code::CutMismatch => true,
        // Silence; the deadline of the whole stage is over only once.
        Code::StageTimeout => error.retry == Retry::Later,
        _ => false,
    }
}
