//! Animated GIF, which ffmpeg writes too, but not from a plugin.
//!
//! `high` keeps the size up to 720 pixels and 30 frames a second, `medium` has
//! at most 360 pixels and 15 frames a second.

mod encoder;

use clipmill_plugin::{
    CodecDescription, CodecError, Container, FrameCodec, FrameFormat, FramePlan, Probe, Rational,
    VideoFrame,
};
use encoder::{Encoder, Loss};

/// What a quality means.
struct Quality {
    name: &'static str,
    /// Most pixels of the smaller side.
    side: u32,
    /// Most frames per second.
    rate: u32,
    loss: Loss,
}

const QUALITIES: [Quality; 2] = [
    Quality { name: "high", side: 720, rate: 30, loss: Loss { tolerance: 5, dither: 6 } },
    Quality { name: "medium", side: 360, rate: 15, loss: Loss { tolerance: 10, dither: 8 } },
];

/// Frames per second of a file that doesn't tell.
const USUAL_RATE: u32 = 25;

/// Most pixels of a side that the host hands over.
const LONGEST_SIDE: u32 = 8192;

struct Gif(Encoder);

impl FrameCodec for Gif {
    fn describe() -> CodecDescription {
        CodecDescription {
            name: "gif".into(),
            qualities: QUALITIES.iter().map(|quality| quality.name.into()).collect(),
            container: Container::Other,
            mime: "image/gif".into(),
            extension: "gif".into(),
        }
    }

    fn plan(probe: &Probe, quality: &str) -> Result<FramePlan, CodecError> {
        let quality = find(quality)?;
        let Some(video) = &probe.video else {
            return Err(CodecError::NoVideo("the file has no video stream".into()));
        };
        let (width, height) = match video.rotation {
            90 | 270 => (video.height, video.width),
            _ => (video.width, video.height),
        };
        if width == 0 || height == 0 {
            return Err(CodecError::NotEncodable("the picture has no size".into()));
        }
        let (width, height) = fit(width, height, quality.side);
        Ok(FramePlan {
            width,
            height,
            pixel_format: FrameFormat::Rgb24,
            frame_rate: slow(video.frame_rate, quality.rate),
            audio: None,
        })
    }

    fn begin(stream: FramePlan, quality: &str, out: &mut Vec<u8>) -> Result<Gif, CodecError> {
        let loss = find(quality)?.loss;
        let encoder = Encoder::new(stream.width, stream.height, loss, out);
        encoder.map(Gif).map_err(CodecError::NotEncodable)
    }

    fn push_video(&mut self, frame: VideoFrame, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let pushed = self.0.push(&frame.data, frame.pts_us, frame.duration_us, out);
        pushed.map_err(CodecError::Failed)
    }

    fn finish(self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.0.finish(out).map_err(CodecError::Failed)
    }
}

fn find(name: &str) -> Result<&'static Quality, CodecError> {
    QUALITIES
        .iter()
        .find(|quality| quality.name == name)
        .ok_or_else(|| CodecError::UnknownQuality("the qualities are high, medium".into()))
}

/// Shrinks a picture so that its smaller side has at most `side` pixels.
fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let (smaller, larger) = (width.min(height), width.max(height));
    // Both limits as fractions of the original; the harder one counts.
    let (num, den) =
        if u64::from(side) * u64::from(larger) <= u64::from(LONGEST_SIDE) * u64::from(smaller) {
            (side, smaller)
        } else {
            (LONGEST_SIDE, larger)
        };
    if num >= den {
        return (width, height);
    }
    let scale = |pixels: u32| {
        let scaled = (u64::from(pixels) * u64::from(num) + u64::from(den) / 2) / u64::from(den);
        scaled.clamp(1, u64::from(LONGEST_SIDE)) as u32
    };
    (scale(width), scale(height))
}

/// Every so manieth frame, so that there are at most `most` a second, evenly.
fn slow(rate: Option<Rational>, most: u32) -> Rational {
    let rate = rate.filter(|rate| rate.num > 0 && rate.den > 0);
    let Rational { num, den } = rate.unwrap_or(Rational { num: USUAL_RATE, den: 1 });
    let every = u64::from(num).div_ceil(u64::from(den) * u64::from(most)).max(1);
    match u32::try_from(u64::from(den) * every) {
        Ok(den) => Rational { num, den },
        Err(_) => Rational { num: most, den: 1 },
    }
}

clipmill_plugin::export!(Gif);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fit_and_keep_their_shape() {
        assert_eq!(fit(1920, 1080, 720), (1280, 720));
        assert_eq!(fit(1080, 1920, 360), (360, 640));
        assert_eq!(fit(321, 241, 360), (321, 241));
        assert_eq!(fit(20_000, 10, 360), (8192, 4));
        assert_eq!(fit(u32::MAX, 1, 360), (8192, 1));
        assert_eq!(fit(u32::MAX, u32::MAX, 360), (360, 360));
    }

    #[test]
    fn rates_are_divided_evenly() {
        let slow = |num, den, most| {
            let rate = slow(Some(Rational { num, den }), most);
            (rate.num, rate.den)
        };
        assert_eq!(slow(30_000, 1001, 30), (30_000, 1001));
        assert_eq!(slow(60, 1, 30), (60, 2));
        assert_eq!(slow(25, 1, 15), (25, 2));
        assert_eq!(slow(0, 1, 15), (25, 2));
        assert_eq!(slow(1, 0, 30), (25, 1));
        assert_eq!(slow(u32::MAX, 1, 30), (u32::MAX, 143_165_577));
        assert_eq!(slow(1, u32::MAX, 30), (1, u32::MAX));
    }
}
