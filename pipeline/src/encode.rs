//! Encodes by ffmpeg: by hardware where that is wanted and works, else in
//! software, with an eye on the size of the result.

use clipmill_core::probe::{Container, Probe};
use clipmill_core::{Code, Error, Retry};

use crate::context::PipelineContext;
use crate::ffmpeg::{self, Encode, Extra, Hardware, HardwareEncoder, Sound, Trouble};
use crate::render::Way;
use crate::size_limit::{Guard, notes};
use crate::smart_cut;
use crate::stages::ExactFrames;
use crate::transcode::{self, Inputs, check, copy_picture, expected, output};
use crate::{Encoded, Fetched, ProgressReporter};

/// How much shorter than its source a whole result of hardware may be, seconds.
const MISSING: f64 = 1.0;

/// One encode, whoever makes it.
struct Job<'a> {
    context: &'a PipelineContext,
    fetched: &'a Fetched,
    inputs: &'a Inputs,
    way: &'a Way,
    exact: Option<ExactFrames>,
    /// Kilobits per second of the picture.
    limit: Option<u64>,
    /// Bytes of the file.
    most: Option<u64>,
}

/// Encodes.
pub(super) async fn encode(
    context: &PipelineContext,
    fetched: &Fetched,
    inputs: &Inputs,
    way: &Way,
    exact: Option<ExactFrames>,
    progress: &ProgressReporter,
) -> Result<Encoded, Error> {
    let guard = Guard::new(context.settings.encode.if_larger, fetched, exact);
    let limit = guard.limit(way, &inputs.sounds);
    let most = guard.keeps_above(fetched, way, fetched.media.video_stream()?);
    let job = Job { context, fetched, inputs, way, exact, limit, most };
    let made = match (job.by_the_best(progress).await, most) {
        // The kernel has stopped it there.
        (Err(error), Some(_)) if error.code == Code::TooLarge => None,
        (Ok(made), Some(most)) if made.probe.size > most => None,
        (made, _) => Some(made?),
    };
    let Some(made) = made else {
        let kept = copy_picture(context, fetched, inputs, way.plan.container, progress).await?;
        let note = "the encode would be larger than the source, so the source's own picture \
                    was kept";
        return Ok(Encoded { note: Some(note.to_owned()), ..kept });
    };
    let note = notes(made.note.clone(), guard.told(made.probe.size));
    Ok(Encoded { note, ..made })
}

impl Job<'_> {
    /// By hardware if there is any, and in software when that fails.
    async fn by_the_best(&self, progress: &ProgressReporter) -> Result<Encoded, Error> {
        let Some(encoder) = self.hardware().await? else { return self.in_software(progress).await };
        let hardware = &self.context.tools.abilities().await?.hardware;
        let trouble = match self.by_hardware(encoder, progress).await {
            Ok(made) => {
                hardware.worked(encoder).await;
                tracing::info!("encoded by {}", encoder.name());
                return Ok(made);
            }
            Err(trouble) if falls_back(&trouble.error) => trouble,
            Err(trouble) => return Err(trouble.error),
        };
        let video = &self.way.plan.video;
        let (name, other) = (encoder.name(), video.encoder.ffmpeg_name(&video.pixel_format));
        let Trouble { why, .. } = trouble;
        tracing::warn!("{name} failed: {why}; going on with {other}");
        // A file that nobody can encode is not the hardware's fault.
        let made = self.in_software(progress).await?;
        hardware.failed(encoder, &why).await;
        let note = format!("{name} failed: {why}; encoded by {other} instead");
        Ok(Encoded { note: Some(note), ..made })
    }

    /// The hardware that may make it.
    async fn hardware(&self) -> Result<Option<HardwareEncoder>, Error> {
        if !self.way.may_swap {
            return Ok(None);
        }
        let source = self.fetched.media.video_stream()?;
        let sides = (source.width, source.height);
        let limited = self.limit.is_some();
        let hardware = &self.context.tools.abilities().await?.hardware;
        Ok(hardware.stand_in(&self.way.plan.video, sides, limited).await)
    }

    async fn by_hardware(
        &self,
        encoder: HardwareEncoder,
        progress: &ProgressReporter,
    ) -> Result<Encoded, Trouble> {
        let own = |error: Error| Trouble { why: error.message.clone(), error };
        let device = self.context.settings.encode.hardware_device.as_deref();
        let by = Hardware { encoder, device, hurry: self.way.hurry };
        let (path, extension) = output(self.fetched, &self.way.extension).await.map_err(own)?;
        let args = self.args(Some(by), &path).map_err(own)?;
        let bounds = self.context.bounds(self.most);
        let expected = expected(self.fetched, self.exact);
        let report = transcode::report(progress);
        self.context.tools.run_hardware(args, bounds, expected, report).await?;
        self.finish(&path).await;
        let probe = check(self.context, &path, self.exact).await.map_err(own)?;
        self.is_whole(&probe).map_err(own)?;
        Ok(Encoded { path, extension, probe, note: None, copied_frames: None })
    }

    async fn in_software(&self, progress: &ProgressReporter) -> Result<Encoded, Error> {
        let (path, extension) = output(self.fetched, &self.way.extension).await?;
        let args = self.args(None, &path)?;
        let bounds = self.context.bounds(self.most);
        let expected = expected(self.fetched, self.exact);
        self.context.tools.run(args, bounds, expected, transcode::report(progress)).await?;
        self.finish(&path).await;
        let probe = check(self.context, &path, self.exact).await?;
        Ok(Encoded { path, extension, probe, note: None, copied_frames: None })
    }

    /// A clip's sound begins with its picture wherever it is played.
    async fn finish(&self, path: &std::path::Path) {
        if self.exact.is_some() && self.way.plan.container == Container::Mp4 {
            smart_cut::finish(path).await;
        }
    }

    fn args(
        &self,
        hardware: Option<Hardware<'_>>,
        output: &std::path::Path,
    ) -> Result<Vec<std::ffi::OsString>, Error> {
        let job = Encode {
            plan: &self.way.plan,
            input: &self.inputs.video,
            video: self.fetched.media.video_stream()?,
            sound: Sound { file: self.inputs.audio.as_ref(), streams: &self.inputs.sounds },
            window: self.exact.map(|exact| exact.window),
            threads: self.context.settings.ffmpeg_threads,
            output,
        };
        Ok(ffmpeg::encode_with(&job, Extra { hardware, limit: self.limit }))
    }

    /// Drivers have been seen to lose depth or frames without a word.
    fn is_whole(&self, made: &Probe) -> Result<(), Error> {
        let deep = |format: &str| format.contains("10");
        let depth = made.video.as_ref().map(|video| deep(&video.pixel_format));
        if depth != Some(deep(&self.way.plan.video.pixel_format)) {
            return Err(Error::never(Code::EncodeFailed, "it changed the depth of the colours"));
        }
        let wanted = self.fetched.media.video.probe.duration.filter(|_| self.exact.is_none());
        if let (Some(wanted), Some(is)) = (wanted, made.duration)
            && is + MISSING < wanted
        {
            return Err(Error::never(Code::EncodeFailed, "it lost a part of the video"));
        }
        Ok(())
    }
}

/// Whether software can do better.
fn falls_back(error: &Error) -> bool {
    match error.code {
        Code::EncodeFailed | Code::CutMismatch => true,
        // Silence; the whole deadline of a stage is over only once.
        Code::StageTimeout => error.retry == Retry::Later,
        _ => false,
    }
}
