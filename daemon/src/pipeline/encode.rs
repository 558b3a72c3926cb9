//! Encodes by ffmpeg: by hardware where that is wanted and works, else in
//! software, with an eye on the size of the result.

use clipmill_plugins::Retry;
use clipmill_plugins::media::{Container, Probe};

use super::cut;
use super::larger::{Guard, notes};
use super::render::Way;
use super::street::Shop;
use super::transcode::{self, Inputs, check, copy_picture, expected, output};
use super::trim::Exact;
use super::{Encoded, Fetched, Gauge, StageError};
use crate::ffmpeg::{self, Encode, Extra, Hardware, HardwareEncoder, Sound, Trouble};

/// How much shorter than its source a whole result of hardware may be, seconds.
const MISSING: f64 = 1.0;

/// One encode, whoever makes it.
struct Job<'a> {
    shop: &'a Shop,
    fetched: &'a Fetched,
    inputs: &'a Inputs,
    way: &'a Way,
    exact: Option<Exact>,
    /// Kilobits per second of the picture.
    limit: Option<u64>,
    /// Bytes of the file.
    most: Option<u64>,
}

/// Encodes.
pub(super) async fn encode(
    shop: &Shop,
    fetched: &Fetched,
    inputs: &Inputs,
    way: &Way,
    exact: Option<Exact>,
    gauge: &Gauge,
) -> Result<Encoded, StageError> {
    let guard = Guard::new(shop.encode.if_larger, fetched, exact);
    let limit = guard.limit(way, &inputs.sounds);
    let most = guard.keeps_above(fetched, way, fetched.media.picture()?);
    let job = Job { shop, fetched, inputs, way, exact, limit, most };
    let made = match (job.by_the_best(gauge).await, most) {
        // The kernel has stopped it there.
        (Err(error), Some(_)) if error.code == "too_large" => None,
        (Ok(made), Some(most)) if made.probe.size > most => None,
        (made, _) => Some(made?),
    };
    let Some(made) = made else {
        let kept = copy_picture(shop, fetched, inputs, way.plan.container, gauge).await?;
        let note = "the encode would be larger than the source, so the source's own picture \
                    was kept";
        return Ok(Encoded { note: Some(note.to_owned()), ..kept });
    };
    let note = notes(made.note.clone(), guard.told(made.probe.size));
    Ok(Encoded { note, ..made })
}

impl Job<'_> {
    /// By hardware if there is any, and in software when that fails.
    async fn by_the_best(&self, gauge: &Gauge) -> Result<Encoded, StageError> {
        let Some(encoder) = self.hardware().await? else { return self.in_software(gauge).await };
        let hardware = &self.shop.tools.abilities().await?.hardware;
        let trouble = match self.by_hardware(encoder, gauge).await {
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
        let made = self.in_software(gauge).await?;
        hardware.failed(encoder, &why).await;
        let note = format!("{name} failed: {why}; encoded by {other} instead");
        Ok(Encoded { note: Some(note), ..made })
    }

    /// The hardware that may make it.
    async fn hardware(&self) -> Result<Option<HardwareEncoder>, StageError> {
        if !self.way.may_swap {
            return Ok(None);
        }
        let source = self.fetched.media.picture()?;
        let sides = (source.width, source.height);
        let limited = self.limit.is_some();
        let hardware = &self.shop.tools.abilities().await?.hardware;
        Ok(hardware.stand_in(&self.way.plan.video, sides, limited).await)
    }

    async fn by_hardware(
        &self,
        encoder: HardwareEncoder,
        gauge: &Gauge,
    ) -> Result<Encoded, Trouble> {
        let own = |error: StageError| Trouble { why: error.message.clone(), error };
        let device = self.shop.encode.hardware_device.as_deref();
        let by = Hardware { encoder, device, hurry: self.way.hurry };
        let (path, extension) = output(self.fetched, &self.way.extension).await.map_err(own)?;
        let args = self.args(Some(by), &path).map_err(own)?;
        let bounds = self.shop.bounds(self.most);
        let expected = expected(self.fetched, self.exact);
        let report = transcode::report(gauge);
        self.shop.tools.run_hardware(args, bounds, expected, report).await?;
        self.finish(&path).await;
        let probe = check(self.shop, &path, self.exact).await.map_err(own)?;
        self.is_whole(&probe).map_err(own)?;
        Ok(Encoded { path, extension, probe, note: None, copied_frames: None })
    }

    async fn in_software(&self, gauge: &Gauge) -> Result<Encoded, StageError> {
        let (path, extension) = output(self.fetched, &self.way.extension).await?;
        let args = self.args(None, &path)?;
        let bounds = self.shop.bounds(self.most);
        let expected = expected(self.fetched, self.exact);
        self.shop.tools.run(args, bounds, expected, transcode::report(gauge)).await?;
        self.finish(&path).await;
        let probe = check(self.shop, &path, self.exact).await?;
        Ok(Encoded { path, extension, probe, note: None, copied_frames: None })
    }

    /// A clip's sound begins with its picture wherever it is played.
    async fn finish(&self, path: &std::path::Path) {
        if self.exact.is_some() && self.way.plan.container == Container::Mp4 {
            cut::finish(path).await;
        }
    }

    fn args(
        &self,
        hardware: Option<Hardware<'_>>,
        output: &std::path::Path,
    ) -> Result<Vec<std::ffi::OsString>, StageError> {
        let job = Encode {
            plan: &self.way.plan,
            input: &self.inputs.video,
            video: self.fetched.media.picture()?,
            sound: Sound { file: self.inputs.audio.as_ref(), streams: &self.inputs.sounds },
            window: self.exact.map(|exact| exact.window),
            threads: self.shop.workers.ffmpeg_threads,
            output,
        };
        Ok(ffmpeg::encode_with(&job, Extra { hardware, limit: self.limit }))
    }

    /// Drivers have been seen to lose depth or frames without a word.
    fn is_whole(&self, made: &Probe) -> Result<(), StageError> {
        let deep = |format: &str| format.contains("10");
        let depth = made.video.as_ref().map(|video| deep(&video.pixel_format));
        if depth != Some(deep(&self.way.plan.video.pixel_format)) {
            return Err(StageError::never("encode_failed", "it changed the depth of the colours"));
        }
        let wanted = self.fetched.media.video.probe.duration.filter(|_| self.exact.is_none());
        if let (Some(wanted), Some(is)) = (wanted, made.duration)
            && is + MISSING < wanted
        {
            return Err(StageError::never("encode_failed", "it lost a part of the video"));
        }
        Ok(())
    }
}

/// Whether software can do better.
fn falls_back(error: &StageError) -> bool {
    match error.code {
        "encode_failed" | "cut_mismatch" => true,
        // Silence; the whole deadline of a stage is over only once.
        "stage_timeout" => error.retry == Retry::Later,
        _ => false,
    }
}
