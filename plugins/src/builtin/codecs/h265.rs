//! H.265 in MP4.

use async_trait::async_trait;
use clipmill_core::Error;
use clipmill_core::probe::Probe;

use super::{MEDIUM, lossless_format, offered_mp4, picture, plan, rate, usual_format};
use crate::{Codec, CodecDescription, Encoders, Plan, Rate, VideoEncoder};

/// H.265 by x265. High and medium are 4:2:0 in 8 or 10 bits; lossless keeps
/// up to 12 bits, gray and RGB.
#[derive(Debug, Clone, Copy, Default)]
pub struct H265;

#[async_trait]
impl Codec for H265 {
    fn describe(&self) -> CodecDescription {
        offered_mp4("h265")
    }

    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error> {
        let rate = rate(quality, 20, 28)?;
        let source = picture(probe)?;
        let encoder = VideoEncoder::X265 { preset: MEDIUM };
        let format = match rate {
            Rate::Lossless => lossless_format(source, encoder)?,
            Rate::Crf(_) => usual_format(source),
        };
        plan(source, encoder, rate, format, have).map(Plan::Ffmpeg)
    }
}
