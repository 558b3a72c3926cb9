//! Which file comes out: container, codecs and quality of a rendition.

use std::sync::Arc;

use clipmill_core::probe::{AudioStream, Container, Probe, VideoStream};
use clipmill_core::{Code, Error, OutputFormat};
use clipmill_plugins::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, EncodePlan, FramePlan, Plan, VideoEncoder,
};

use crate::context::PipelineContext;
use crate::request::Rendition;
use crate::settings::HighResolutionMp4;
use crate::validate;

/// The quality of what is re-encoded of a clip: no viewer sees the difference.
const CLIP_QUALITY: &str = "high";

/// What a clip's video becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClipTarget {
    /// Container of the result.
    pub container: Container,
    /// Name of the codec.
    pub codec: &'static str,
    /// Whether no value of a pixel may change.
    pub lossless: bool,
}

/// What a clip becomes, by the format that is asked for and the source.
pub(crate) fn clip_target(
    format: OutputFormat,
    source: Container,
    video: &VideoStream,
    high: HighResolutionMp4,
) -> ClipTarget {
    let own = match video.codec.as_str() {
        "hevc" => "h265",
        "vp9" | "vp8" => "vp9",
        "av1" => "av1",
        _ => "h264",
    };
    let webm = matches!(source, Container::Webm | Container::Mkv);
    let webm_codec = if own == "av1" { "av1" } else { "vp9" };
    let lossy = |container, codec| ClipTarget { container, codec, lossless: false };
    match format {
        OutputFormat::Webm => lossy(Container::Webm, webm_codec),
        OutputFormat::Best if source == Container::Webm => lossy(Container::Webm, webm_codec),
        OutputFormat::Best => lossy(Container::Mp4, own),
        OutputFormat::Mp4 if webm && video.height >= HighResolutionMp4::MIN_HEIGHT => match high {
            HighResolutionMp4::LosslessH265 => {
                ClipTarget { container: Container::Mp4, codec: "h265", lossless: true }
            }
            HighResolutionMp4::Remux => lossy(Container::Mp4, own),
        },
        OutputFormat::Mp4 => lossy(Container::Mp4, "h264"),
    }
}

/// Who encodes, and how. All of it has been validated.
pub(crate) enum Recipe {
    /// ffmpeg.
    Ffmpeg(FfmpegRecipe),
    /// The codec itself, from raw frames.
    Frames(FrameRecipe),
}

/// How ffmpeg encodes.
pub(crate) struct FfmpegRecipe {
    /// The plan.
    pub plan: EncodePlan,
    /// Extension of the result.
    pub extension: String,
    /// Whether hardware may replace the plan's encoder: the plans of plugins are
    /// carried out as they are.
    pub may_use_hardware: bool,
    /// Whether a client waits for it: speed counts more than size.
    pub urgent: bool,
}

/// A codec that encodes raw frames itself, and how.
pub(crate) struct FrameRecipe {
    /// The codec.
    pub codec: Arc<dyn Codec>,
    /// Its name.
    pub codec_name: String,
    /// One of its qualities.
    pub quality: String,
    /// Which frames and samples it gets.
    pub plan: FramePlan,
    /// Extension of the result.
    pub extension: String,
}

/// How a rendition is made.
///
/// # Errors
/// `unknown_codec`, `plugin_failed` or `not_encodable` for plans that can't be
/// carried out, or those of the codec.
pub(crate) async fn recipe(
    context: &PipelineContext,
    rendition: &Rendition,
    probe: &Probe,
    video: &VideoStream,
) -> Result<Recipe, Error> {
    match rendition {
        Rendition::Encode { codec, quality } => {
            encode_recipe(context, codec, quality, probe, video).await
        }
        Rendition::Clip { format, .. } => {
            let high = context.settings.high_resolution_mp4;
            let target = clip_target(*format, probe.container, video, high);
            clip_recipe(context, target, probe, video).await.map(Recipe::Ffmpeg)
        }
    }
}

/// How a codec makes an encode.
async fn encode_recipe(
    context: &PipelineContext,
    codec: &str,
    quality: &str,
    probe: &Probe,
    video: &VideoStream,
) -> Result<Recipe, Error> {
    let encoders = &context.tools.abilities().await?.encoders;
    let (codec, description) = find_codec(context, codec)?;
    let may_use_hardware = context.registry.is_own(&codec);
    validate::description(&description)?;
    let extension = description.extension.clone();
    match codec.plan(probe, quality, encoders).await? {
        Plan::Ffmpeg(plan) => {
            validate::container(&plan, &description)?;
            validate::ffmpeg(&plan, video, encoders)?;
            let recipe = FfmpegRecipe { plan, extension, may_use_hardware, urgent: false };
            Ok(Recipe::Ffmpeg(recipe))
        }
        Plan::Frames(plan) => {
            validate::frames(&plan)?;
            let quality = quality.to_owned();
            let codec_name = description.name;
            Ok(Recipe::Frames(FrameRecipe { codec, codec_name, quality, plan, extension }))
        }
    }
}

/// How ffmpeg makes the re-encoded frames of a clip.
async fn clip_recipe(
    context: &PipelineContext,
    target: ClipTarget,
    probe: &Probe,
    video: &VideoStream,
) -> Result<FfmpegRecipe, Error> {
    let encoders = &context.tools.abilities().await?.encoders;
    let quality = if target.lossless { "lossless" } else { CLIP_QUALITY };
    let (codec, _) = find_codec(context, target.codec)?;
    let Plan::Ffmpeg(mut plan) = codec.plan(probe, quality, encoders).await? else {
        let why = format!("clips can't be made by a codec like {}", target.codec);
        return Err(Error::never(Code::NotEncodable, why));
    };
    if !target.lossless {
        prefer_speed(&mut plan.video.encoder);
    }
    plan.container = target.container;
    plan.audio.encoder = audio_plan(target.container).encoder;
    validate::ffmpeg(&plan, video, encoders)?;
    let extension = extension(target.container).to_owned();
    // Hardware encoders write MP4 and nothing else here.
    let is_mp4 = target.container == Container::Mp4;
    let may_use_hardware = context.registry.is_own(&codec) && is_mp4;
    Ok(FfmpegRecipe { plan, extension, may_use_hardware, urgent: true })
}

/// The codec of a name. It was there when it was asked for, so it may come back: a
/// plugin that is being replaced, or one of another node.
fn find_codec(
    context: &PipelineContext,
    name: &str,
) -> Result<(Arc<dyn Codec>, CodecDescription), Error> {
    let codec = context.registry.codec(name).ok_or_else(|| {
        Error::later(Code::UnknownCodec, format!("there is no codec named {name} here now"))
    })?;
    let description = codec.describe();
    Ok((codec, description))
}

/// The usual extension of a container that ffmpeg writes.
pub(crate) fn extension(container: Container) -> &'static str {
    match container {
        Container::Webm => "webm",
        Container::Mkv => "mkv",
        Container::Ts => "ts",
        Container::Mp4 | Container::Other => "mp4",
    }
}

/// Chooses a fast preset: a client waits for a clip.
fn prefer_speed(encoder: &mut VideoEncoder) {
    match encoder {
        VideoEncoder::X264 { preset } | VideoEncoder::X265 { preset } => *preset = 2,
        VideoEncoder::SvtAv1 { preset } => *preset = 10,
        VideoEncoder::Aom { cpu_used } | VideoEncoder::Vp9 { cpu_used } => *cpu_used = 8,
    }
}

/// Whether the video of a source already is what a clip becomes.
pub(crate) fn video_fits(target: ClipTarget, video: &VideoStream) -> bool {
    let codec = if target.codec == "h265" { "hevc" } else { target.codec };
    !target.lossless && video.codec == codec
}

/// Whether this container takes these audio streams as they are.
pub(crate) fn audio_fits(container: Container, streams: &[AudioStream]) -> bool {
    let all = |names: &[&str]| streams.iter().all(|stream| names.contains(&stream.codec.as_str()));
    match container {
        Container::Webm => all(&["opus", "vorbis"]),
        _ => all(&["aac"]),
    }
}

/// How the audio of a file in this container is encoded.
pub(crate) fn audio_plan(container: Container) -> AudioPlan {
    let encoder = match container {
        Container::Webm => AudioEncoder::Opus,
        _ => AudioEncoder::Aac,
    };
    AudioPlan { encoder, kilobits: 192 }
}

#[cfg(test)]
mod tests {
    use clipmill_core::probe::Rational;

    use super::*;

    #[test]
    fn the_reference_s_rule_for_clips() {
        use Container::{Mkv, Mp4, Other, Webm};
        use HighResolutionMp4::{LosslessH265, Remux};
        let cases = [
            (OutputFormat::Mp4, Mp4, "h264", 1080, LosslessH265, "Mp4 h264 false"),
            (OutputFormat::Mp4, Webm, "vp9", 1080, LosslessH265, "Mp4 h264 false"),
            (OutputFormat::Mp4, Webm, "vp9", 1440, LosslessH265, "Mp4 h265 true"),
            (OutputFormat::Mp4, Mkv, "av1", 2160, LosslessH265, "Mp4 h265 true"),
            (OutputFormat::Mp4, Webm, "vp9", 2160, Remux, "Mp4 vp9 false"),
            (OutputFormat::Mp4, Mp4, "h264", 1440, LosslessH265, "Mp4 h264 false"),
            (OutputFormat::Webm, Webm, "vp9", 2160, LosslessH265, "Webm vp9 false"),
            (OutputFormat::Webm, Mp4, "av1", 1080, LosslessH265, "Webm av1 false"),
            (OutputFormat::Webm, Mp4, "h264", 720, LosslessH265, "Webm vp9 false"),
            (OutputFormat::Best, Webm, "vp9", 2160, LosslessH265, "Webm vp9 false"),
            (OutputFormat::Best, Mp4, "hevc", 2160, LosslessH265, "Mp4 h265 false"),
            (OutputFormat::Best, Other, "mpeg4", 480, LosslessH265, "Mp4 h264 false"),
        ];
        for (format, source, codec, height, high, expected) in cases {
            let video = VideoStream {
                index: 0,
                codec: codec.to_owned(),
                width: 16,
                height,
                pixel_format: "yuv420p".into(),
                average_rate: None,
                base_rate: None,
                time_base: Rational { num: 1, den: 1000 },
                rotation: 0,
                start: None,
                interlaced: false,
                color: [None, None, None, None],
            };
            let ClipTarget { container, codec: name, lossless } =
                clip_target(format, source, &video, high);
            assert_eq!(
                format!("{container:?} {name} {lossless}"),
                expected,
                "{format} of {source:?} {codec} {height}"
            );
        }
    }
}
