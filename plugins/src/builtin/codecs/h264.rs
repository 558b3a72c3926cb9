//! H.264 in MP4.

use async_trait::async_trait;
use clipmill_core::Error;
use clipmill_core::probe::Probe;

use super::{MEDIUM, lossless_format, offered_mp4, picture, plan, rate, shallow_format};
use crate::{Codec, CodecDescription, Encoders, Plan, Rate, VideoEncoder};

/// H.264 by x264.
///
/// High and medium are always 4:2:0 in 8 bits: browsers and hardware play
/// nothing else of H.264. Lossless keeps 8 and 10 bits, gray and RGB; pictures
/// of 12 bits are refused there.
#[derive(Debug, Clone, Copy, Default)]
pub struct H264;

#[async_trait]
impl Codec for H264 {
    fn describe(&self) -> CodecDescription {
        offered_mp4("h264")
    }

    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error> {
        let rate = rate(quality, 18, 23)?;
        let source = picture(probe)?;
        let encoder = VideoEncoder::X264 { preset: MEDIUM };
        let format = match rate {
            Rate::Lossless => lossless_format(source, encoder)?,
            Rate::Crf(_) => shallow_format(source),
        };
        plan(source, encoder, rate, format, have).map(Plan::Ffmpeg)
    }
}
