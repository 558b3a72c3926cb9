//! Which file comes out: container, codecs and quality of a rendition.

use clipmill_plugins::media::{Container, Probe, VideoStream};
use clipmill_plugins::{AudioEncoder, CodecError, EncodePlan, Plan, VideoEncoder};

use super::street::Shop;
use super::{Rendition, StageError};
use crate::config::HighResolutionMp4;

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
    format: &str,
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
        "webm" => lossy(Container::Webm, webm_codec),
        "best" if source == Container::Webm => lossy(Container::Webm, webm_codec),
        "best" => lossy(Container::Mp4, own),
        _ if webm && video.height >= HIGH => match high {
            HighResolutionMp4::LosslessH265 => {
                Target { container: Container::Mp4, codec: "h265", lossless: true }
            }
            HighResolutionMp4::Remux => lossy(Container::Mp4, own),
        },
        _ => lossy(Container::Mp4, "h264"),
    }
}

/// The plan of a rendition.
///
/// # Errors
/// `unknown_codec`, or what the codec says.
pub(super) async fn plan(
    shop: &Shop,
    rendition: &Rendition,
    probe: &Probe,
    video: &VideoStream,
) -> Result<EncodePlan, StageError> {
    let ask = async |codec: &str, quality: &str| {
        let codec = shop.registry.codec(codec).ok_or_else(|| {
            StageError::never("unknown_codec", format!("there is no codec named {codec}"))
        })?;
        match codec.plan(probe, quality, &shop.tools.encoders).await.map_err(refused)? {
            Plan::Ffmpeg(plan) => Ok(plan),
            Plan::Frames(_) => {
                Err(StageError::never("not_encodable", "this codec encodes by itself"))
            }
        }
    };
    match rendition {
        Rendition::Encode { codec, quality } => ask(codec, quality).await,
        Rendition::Clip { format, .. } => {
            let high = shop.clips.high_resolution_mp4;
            let target = target(format, probe.container, video, high);
            let quality = if target.lossless { "lossless" } else { CUT_QUALITY };
            let mut plan = ask(target.codec, quality).await?;
            if !target.lossless {
                hurry(&mut plan.video.encoder);
            }
            plan.container = target.container;
            plan.audio.encoder = match target.container {
                Container::Webm => AudioEncoder::Opus,
                _ => AudioEncoder::Aac,
            };
            Ok(plan)
        }
    }
}

fn refused(error: CodecError) -> StageError {
    StageError { code: error.code, message: error.message, retry: error.retry }
}

/// Somebody waits for a clip.
fn hurry(encoder: &mut VideoEncoder) {
    match encoder {
        VideoEncoder::X264 { preset } | VideoEncoder::X265 { preset } => *preset = 2,
        VideoEncoder::SvtAv1 { preset } => *preset = 10,
        VideoEncoder::Aom { cpu_used } | VideoEncoder::Vp9 { cpu_used } => *cpu_used = 8,
    }
}

/// Whether the streams of a source already are what a clip becomes.
pub(super) fn fits(target: Target, video: &VideoStream, sounds: &[String]) -> bool {
    let all = |names: &[&str]| sounds.iter().all(|sound| names.contains(&sound.as_str()));
    let picture = match target.codec {
        "h265" => "hevc",
        codec => codec,
    };
    let sound = match target.container {
        Container::Webm => all(&["opus", "vorbis"]),
        _ => all(&["aac"]),
    };
    !target.lossless && video.codec == picture && sound
}

#[cfg(test)]
mod tests {
    use clipmill_plugins::media::Rational;

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
                interlaced: false,
                color: [None, None, None, None],
            };
            let Target { container, codec: name, lossless } = target(format, source, &video, high);
            assert_eq!(
                format!("{container:?} {name} {lossless}"),
                expected,
                "{format} of {source:?} {codec} {height}"
            );
        }
    }
}
