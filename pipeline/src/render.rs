//! Which file comes out: container, codecs and quality of a rendition.

use std::sync::Arc;

use clipmill_core::probe::{AudioStream, Container, Probe, VideoStream};
use clipmill_core::{Code, Error, OutputFormat};
use clipmill_plugins::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, EncodePlan, FramePlan, Plan, VideoEncoder,
};

use crate::context::PipelineContext;
use crate::settings::HighResolutionMp4;
use crate::{Rendition, validate};

/// Height from which an MP4 of a WebM source is not just cut.
pub(super) const HIGH: u32 = 1440;

/// How a cut is made in place of its source's own bytes: quick, and so good
/// that nobody sees it.
const CUT_QUALITY: &str = "high";

/// What a clip's picture becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// File format of the result.
    pub container: Container,
    /// Name of the codec.
    pub codec: &'static str,
    /// Whether no value of a pixel may change.
    pub lossless: bool,
}

/// What a clip becomes, by the asked format and the source.
pub(super) fn target(
    format: OutputFormat,
    source: Container,
    video: &VideoStream,
    high: HighResolutionMp4,
) -> Target {
    let own = match video.codec.as_str() {
        "hevc" => "h265",
        "vp9" | "vp8" => "vp9",
        "av1" => "av1",
        _ => "h264",
    };
    let webm = matches!(source, Container::Webm | Container::Mkv);
    let webm_codec = if own == "av1" { "av1" } else { "vp9" };
    let lossy = |container, codec| Target { container, codec, lossless: false };
    match format {
        OutputFormat::Webm => lossy(Container::Webm, webm_codec),
        OutputFormat::Best if source == Container::Webm => lossy(Container::Webm, webm_codec),
        OutputFormat::Best => lossy(Container::Mp4, own),
        OutputFormat::Mp4 if webm && video.height >= HIGH => match high {
            HighResolutionMp4::LosslessH265 => {
                Target { container: Container::Mp4, codec: "h265", lossless: true }
            }
            HighResolutionMp4::Remux => lossy(Container::Mp4, own),
        },
        OutputFormat::Mp4 => lossy(Container::Mp4, "h264"),
    }
}

/// Who encodes, and how. Everything in it has been checked.
pub(super) enum Recipe {
    /// ffmpeg.
    Ffmpeg(Way),
    /// The codec itself.
    Own(Own),
}

/// How ffmpeg encodes.
pub(super) struct Way {
    /// The plan.
    pub plan: EncodePlan,
    /// Extension of the result.
    pub extension: String,
    /// Whether hardware may stand in for the plan's encoder: what a plugin
    /// plans is made as it plans it.
    pub may_swap: bool,
    /// Whether somebody waits for it.
    pub hurry: bool,
}

/// A codec that encodes by itself, and what it wants.
pub(super) struct Own {
    /// The codec.
    pub codec: Arc<dyn Codec>,
    /// Its name.
    pub codec_name: String,
    /// One of its qualities.
    pub quality: String,
    /// How it wants this file.
    pub plan: FramePlan,
    /// Extension of the result.
    pub extension: String,
}

/// How a rendition is made.
///
/// # Errors
/// `unknown_codec`, `plugin_failed` or `not_encodable` for plans that can't be,
/// or what the codec says.
pub(super) async fn recipe(
    context: &PipelineContext,
    rendition: &Rendition,
    probe: &Probe,
    video: &VideoStream,
) -> Result<Recipe, Error> {
    let encoders = &context.tools.abilities().await?.encoders;
    match rendition {
        Rendition::Encode { codec, quality } => {
            let (codec, it) = find(context, codec)?;
            let may_swap = context.registry.is_own(&codec);
            validate::description(&it)?;
            match codec.plan(probe, quality, encoders).await? {
                Plan::Ffmpeg(plan) => {
                    validate::container(&plan, &it)?;
                    validate::ffmpeg(&plan, video, encoders)?;
                    let extension = it.extension;
                    Ok(Recipe::Ffmpeg(Way { plan, extension, may_swap, hurry: false }))
                }
                Plan::Frames(plan) => {
                    validate::frames(&plan)?;
                    let (codec_name, quality) = (it.name, quality.clone());
                    let extension = it.extension;
                    Ok(Recipe::Own(Own { codec, codec_name, quality, plan, extension }))
                }
            }
        }
        Rendition::Clip { format, .. } => {
            let high = context.settings.high_resolution_mp4;
            let target = target(*format, probe.container, video, high);
            let quality = if target.lossless { "lossless" } else { CUT_QUALITY };
            let (codec, _) = find(context, target.codec)?;
            let Plan::Ffmpeg(mut plan) = codec.plan(probe, quality, encoders).await? else {
                let why = format!("clips can't be made by a codec like {}", target.codec);
                return Err(Error::never(Code::NotEncodable, why));
            };
            if !target.lossless {
                hurry(&mut plan.video.encoder);
            }
            plan.container = target.container;
            plan.audio.encoder = sound_plan(target.container).encoder;
            validate::ffmpeg(&plan, video, encoders)?;
            let extension = extension(target.container).to_owned();
            // Encoders in hardware write MP4 and nothing else here.
            let may_swap = context.registry.is_own(&codec) && target.container == Container::Mp4;
            Ok(Recipe::Ffmpeg(Way { plan, extension, may_swap, hurry: true }))
        }
    }
}

/// The codec of a name. Whoever asked for it was told that it is there, so it
/// may come back: a plugin that is being replaced, or one of another node.
fn find(
    context: &PipelineContext,
    name: &str,
) -> Result<(Arc<dyn Codec>, CodecDescription), Error> {
    let codec = context.registry.codec(name).ok_or_else(|| {
        Error::later(Code::UnknownCodec, format!("there is no codec named {name} here now"))
    })?;
    let it = codec.describe();
    Ok((codec, it))
}

/// The usual extension of a file format that ffmpeg writes.
pub(super) fn extension(container: Container) -> &'static str {
    match container {
        Container::Webm => "webm",
        Container::Mkv => "mkv",
        Container::Ts => "ts",
        Container::Mp4 | Container::Other => "mp4",
    }
}

/// Somebody waits for a clip.
fn hurry(encoder: &mut VideoEncoder) {
    match encoder {
        VideoEncoder::X264 { preset } | VideoEncoder::X265 { preset } => *preset = 2,
        VideoEncoder::SvtAv1 { preset } => *preset = 10,
        VideoEncoder::Aom { cpu_used } | VideoEncoder::Vp9 { cpu_used } => *cpu_used = 8,
    }
}

/// Whether the picture of a source already is what a clip becomes.
pub(super) fn picture_fits(target: Target, video: &VideoStream) -> bool {
    let picture = match target.codec {
        "h265" => "hevc",
        codec => codec,
    };
    !target.lossless && video.codec == picture
}

/// Whether a file of this format takes these sounds as they are.
pub(super) fn sounds_fit(container: Container, sounds: &[AudioStream]) -> bool {
    let all = |names: &[&str]| sounds.iter().all(|sound| names.contains(&sound.codec.as_str()));
    match container {
        Container::Webm => all(&["opus", "vorbis"]),
        _ => all(&["aac"]),
    }
}

/// How the sound of a file of this format is encoded.
pub(super) fn sound_plan(container: Container) -> AudioPlan {
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
            ("mp4", Mp4, "h264", 1080, LosslessH265, "Mp4 h264 false"),
            ("mp4", Webm, "vp9", 1080, LosslessH265, "Mp4 h264 false"),
            ("mp4", Webm, "vp9", 1440, LosslessH265, "Mp4 h265 true"),
            ("mp4", Mkv, "av1", 2160, LosslessH265, "Mp4 h265 true"),
            ("mp4", Webm, "vp9", 2160, Remux, "Mp4 vp9 false"),
            ("mp4", Mp4, "h264", 1440, LosslessH265, "Mp4 h264 false"),
            ("webm", Webm, "vp9", 2160, LosslessH265, "Webm vp9 false"),
            ("webm", Mp4, "av1", 1080, LosslessH265, "Webm av1 false"),
            ("webm", Mp4, "h264", 720, LosslessH265, "Webm vp9 false"),
            ("best", Webm, "vp9", 2160, LosslessH265, "Webm vp9 false"),
            ("best", Mp4, "hevc", 2160, LosslessH265, "Mp4 h265 false"),
            ("best", Other, "mpeg4", 480, LosslessH265, "Mp4 h264 false"),
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
            let Target { container, codec: name, lossless } =
                target(format.parse().unwrap_or_default(), source, &video, high);
            assert_eq!(
                format!("{container:?} {name} {lossless}"),
                expected,
                "{format} of {source:?} {codec} {height}"
            );
        }
    }
}
