//! The codecs that come with clipmill, all in software.
//!
//! Lossy qualities aim at what plays widest; lossless keeps the pixel format
//! of the source, because a decoded frame must equal the source's.

use clipmill_core::{Code, Error};

mod av1;
mod h264;
mod h265;
mod pixel;
#[cfg(test)]
mod tests;
mod vp9;

use crate::{
    AudioEncoder, AudioPlan, CodecDescription, EncodePlan, Encoders, Rate, VideoEncoder, VideoPlan,
};
use clipmill_core::probe::{Container, Probe, VideoStream};

pub use av1::Av1;
pub use h264::H264;
pub use h265::H265;
pub use vp9::Vp9;

/// `medium` on the scale of x264 and x265.
const MEDIUM: u8 = 5;

/// The qualities that every built-in codec has, best first.
const QUALITIES: [&str; 3] = ["lossless", "high", "medium"];

/// A description of an MP4 codec that clients may ask for.
fn offered_mp4(name: &str) -> CodecDescription {
    CodecDescription {
        name: name.into(),
        qualities: QUALITIES.map(String::from).into(),
        container: Container::Mp4,
        mime: "video/mp4".into(),
        extension: "mp4".into(),
        offered: true,
    }
}

/// The rate of a quality, with the codec's own factors for high and medium.
fn rate(quality: &str, high: u8, medium: u8) -> Result<Rate, Error> {
    match quality {
        "lossless" => Ok(Rate::Lossless),
        "high" => Ok(Rate::Crf(high)),
        "medium" => Ok(Rate::Crf(medium)),
        _ => Err(Error::never(
            Code::UnknownQuality,
            format!("the qualities are {}", QUALITIES.join(", ")),
        )),
    }
}

fn picture(probe: &Probe) -> Result<&VideoStream, Error> {
    probe.video.as_ref().ok_or_else(|| Error::never(Code::NoVideo, "the file has no video stream"))
}

/// Plans a picture and the container's usual sound.
fn plan(
    source: &VideoStream,
    encoder: VideoEncoder,
    rate: Rate,
    pixel_format: &str,
    have: &Encoders,
) -> Result<EncodePlan, Error> {
    let name = encoder.ffmpeg_name(pixel_format);
    if !have.contains(name) {
        return Err(Error::never(
            Code::EncoderMissing,
            format!("this machine's ffmpeg has no encoder {name}"),
        ));
    }
    if source.width.min(source.height) < encoder.smallest_side() {
        return Err(Error::never(
            Code::NotEncodable,
            format!("{}x{} is too small for {name}", source.width, source.height),
        ));
    }
    let odd = source.width % 2 == 1 || source.height % 2 == 1;
    let (container, audio) = match encoder {
        VideoEncoder::Vp9 { .. } => (Container::Webm, AudioEncoder::Opus),
        _ => (Container::Mp4, AudioEncoder::Aac),
    };
    Ok(EncodePlan {
        container,
        video: VideoPlan {
            encoder,
            rate,
            pixel_format: pixel_format.into(),
            keyframe_interval: None,
            pad_to_even: odd && !encoder.takes_odd_sizes(pixel_format),
        },
        audio: AudioPlan { encoder: audio, kilobits: 192 },
    })
}

/// The encoder's pixel format that holds every value of the source.
fn lossless_format(source: &VideoStream, encoder: VideoEncoder) -> Result<&'static str, Error> {
    pixel::Pixel::parse(&source.pixel_format)
        .and_then(|pixel| pixel.holder(&source.pixel_format, encoder.pixel_formats()))
        .ok_or_else(|| {
            Error::never(
                Code::NotEncodable,
                format!(
                    "{} can't hold pictures in {} without loss",
                    encoder.ffmpeg_name(""),
                    source.pixel_format
                ),
            )
        })
}

/// Whether a sample of the source has more than 8 bits.
fn is_deep(source: &VideoStream) -> bool {
    pixel::Pixel::parse(&source.pixel_format).is_some_and(|pixel| pixel.depth > 8)
}

/// 4:2:0, which every player takes, in the source's depth as far as 10 bits.
fn usual_format(source: &VideoStream) -> &'static str {
    if is_deep(source) { "yuv420p10le" } else { shallow_format(source) }
}

/// 4:2:0 in 8 bits, in the range that the source's format names.
fn shallow_format(source: &VideoStream) -> &'static str {
    if source.pixel_format.starts_with("yuvj") { "yuvj420p" } else { "yuv420p" }
}
