//! The codecs that come with clipmill, all in software.
//!
//! Lossy qualities aim at what plays widest; lossless keeps the pixel format
//! of the source, because a decoded frame must equal the source's.

mod pixel;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use clipmill_core::probe::{Container, Probe, VideoStream};
use clipmill_core::{Code, Error};

use crate::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, EncodePlan, Encoders, Plan, Rate,
    VideoEncoder, VideoPlan,
};

/// One built-in codec.
#[derive(Debug, Clone, Copy)]
pub struct SoftwareCodec {
    name: &'static str,
    container: Container,
    mime: &'static str,
    extension: &'static str,
    /// Whether clients may ask for it.
    offered: bool,
    /// Constant rate factor of the quality `high`, on the encoder's own scale.
    high: u8,
    /// That of `medium`.
    medium: u8,
    choose: Choose,
}

/// Encoder and pixel format for one source.
type Choice = (VideoEncoder, &'static str);

type Choose = fn(&VideoStream, Rate, &Encoders) -> Result<Choice, Error>;

/// H.264 in MP4 by x264.
///
/// High and medium are always 4:2:0 in 8 bits: browsers and hardware play
/// nothing else of H.264. Lossless keeps 8 and 10 bits, gray and RGB; pictures
/// of 12 bits are refused there.
pub const H264: SoftwareCodec = SoftwareCodec::mp4("h264", 18, 23, |source, rate, _| {
    let encoder = VideoEncoder::X264 { preset: MEDIUM };
    match rate {
        Rate::Lossless => Ok((encoder, lossless_format(source, encoder)?)),
        Rate::Crf(_) => Ok((encoder, shallow_format(source))),
    }
});

/// H.265 in MP4 by x265. High and medium are 4:2:0 in 8 or 10 bits; lossless
/// keeps up to 12 bits, gray and RGB.
pub const H265: SoftwareCodec = SoftwareCodec::mp4("h265", 20, 28, |source, rate, _| {
    let encoder = VideoEncoder::X265 { preset: MEDIUM };
    match rate {
        Rate::Lossless => Ok((encoder, lossless_format(source, encoder)?)),
        Rate::Crf(_) => Ok((encoder, usual_format(source))),
    }
});

/// AV1 in MP4. High and medium are 4:2:0 in 8 or 10 bits by SVT-AV1 where it is
/// there and takes the picture, else by libaom, which takes odd and tiny sizes.
/// Lossless is libaom alone: the SVT-AV1 of common systems has no such mode.
pub const AV1: SoftwareCodec = SoftwareCodec::mp4("av1", 23, 30, choose_av1);

/// VP9 with Opus in WebM. Clients can't ask for it; it serves exact cuts of
/// WebM, so every quality keeps the pixel format of the source: re-encoded frames
/// must go with stream-copied ones.
pub const VP9: SoftwareCodec = SoftwareCodec {
    name: "vp9",
    container: Container::Webm,
    mime: "video/webm",
    extension: "webm",
    offered: false,
    high: 20,
    medium: 31,
    choose: |source, _, _| {
        let encoder = VideoEncoder::Vp9 { cpu_used: 4 };
        Ok((encoder, lossless_format(source, encoder)?))
    },
};

/// All of them, in the order in which they are asked.
pub const ALL: [SoftwareCodec; 4] = [H264, H265, AV1, VP9];

impl SoftwareCodec {
    /// A codec in MP4 that clients may ask for.
    const fn mp4(name: &'static str, high: u8, medium: u8, choose: Choose) -> SoftwareCodec {
        SoftwareCodec {
            name,
            container: Container::Mp4,
            mime: "video/mp4",
            extension: "mp4",
            offered: true,
            high,
            medium,
            choose,
        }
    }

    fn rate(&self, quality: &str) -> Result<Rate, Error> {
        match quality {
            "lossless" => Ok(Rate::Lossless),
            "high" => Ok(Rate::Crf(self.high)),
            "medium" => Ok(Rate::Crf(self.medium)),
            _ => Err(Error::never(
                Code::UnknownQuality,
                format!("the qualities are {}", QUALITIES.join(", ")),
            )),
        }
    }
}

#[async_trait]
impl Codec for SoftwareCodec {
    fn describe(&self) -> CodecDescription {
        CodecDescription {
            name: self.name.into(),
            qualities: QUALITIES.map(String::from).into(),
            container: self.container,
            mime: self.mime.into(),
            extension: self.extension.into(),
            offered: self.offered,
        }
    }

    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error> {
        let rate = self.rate(quality)?;
        let source = probe
            .video
            .as_ref()
            .ok_or_else(|| Error::never(Code::NoVideo, "the file has no video stream"))?;
        let choice = (self.choose)(source, rate, have)?;
        plan(source, choice, rate, have).map(Plan::Ffmpeg)
    }
}

fn choose_av1(source: &VideoStream, rate: Rate, have: &Encoders) -> Result<Choice, Error> {
    let aom = VideoEncoder::Aom { cpu_used: 6 };
    if rate == Rate::Lossless {
        return Ok((aom, lossless_format(source, aom)?));
    }
    let svt = VideoEncoder::SvtAv1 { preset: 8 };
    // AV1 carries full range beside the pixel format, so there is no yuvj.
    let format = if is_deep(source) { "yuv420p10le" } else { "yuv420p" };
    let has = |encoder: VideoEncoder| have.contains(encoder.ffmpeg_name(format));
    let is_tiny = source.width.min(source.height) < svt.smallest_side();
    let is_even = source.width.is_multiple_of(2) && source.height.is_multiple_of(2);
    // A padded picture beats none where libaom is missing.
    let takes = has(svt) && !is_tiny && (is_even || !has(aom));
    Ok((if takes { svt } else { aom }, format))
}

/// `medium` on the scale of x264 and x265.
const MEDIUM: u8 = 5;

/// The qualities that every built-in codec has, best first.
const QUALITIES: [&str; 3] = ["lossless", "high", "medium"];

/// Plans the video, and the container's usual audio.
fn plan(
    source: &VideoStream,
    (encoder, pixel_format): Choice,
    rate: Rate,
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
