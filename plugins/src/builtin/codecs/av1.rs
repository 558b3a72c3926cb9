//! AV1 in MP4.

use async_trait::async_trait;
use clipmill_core::Error;
use clipmill_core::probe::{Probe, VideoStream};

use super::{is_deep, lossless_format, offered_mp4, picture, plan, rate};
use crate::{Codec, CodecDescription, Encoders, Plan, Rate, VideoEncoder};

/// AV1. High and medium are 4:2:0 in 8 or 10 bits by SVT-AV1 where it is there
/// and takes the picture, else by libaom, which takes odd and tiny sizes.
/// Lossless is libaom alone: the SVT-AV1 of common systems has no such mode.
#[derive(Debug, Clone, Copy, Default)]
pub struct Av1;

#[async_trait]
impl Codec for Av1 {
    fn describe(&self) -> CodecDescription {
        offered_mp4("av1")
    }

    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error> {
        let rate = rate(quality, 23, 30)?;
        let source = picture(probe)?;
        let aom = VideoEncoder::Aom { cpu_used: 6 };
        if rate == Rate::Lossless {
            let plan = plan(source, aom, rate, lossless_format(source, aom)?, have)?;
            return Ok(Plan::Ffmpeg(plan));
        }
        let svt = VideoEncoder::SvtAv1 { preset: 8 };
        // AV1 carries full range beside the pixel format, so there is no yuvj.
        let format = if is_deep(source) { "yuv420p10le" } else { "yuv420p" };
        let has = |encoder: VideoEncoder| have.contains(encoder.ffmpeg_name(format));
        let tiny = source.width.min(source.height) < svt.smallest_side();
        // A padded picture beats none where libaom is missing.
        let encoder = if has(svt) && !tiny && (is_even(source) || !has(aom)) { svt } else { aom };
        plan(source, encoder, rate, format, have).map(Plan::Ffmpeg)
    }
}

fn is_even(source: &VideoStream) -> bool {
    source.width.is_multiple_of(2) && source.height.is_multiple_of(2)
}
