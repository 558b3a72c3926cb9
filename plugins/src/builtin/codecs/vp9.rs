//! VP9 in WebM.

use async_trait::async_trait;
use clipmill_core::Error;
use clipmill_core::probe::{Container, Probe};

use super::{QUALITIES, lossless_format, picture, plan, rate};
use crate::{Codec, CodecDescription, Encoders, Plan, VideoEncoder};

/// VP9 with Opus. Clients can't ask for it; it serves exact cuts of WebM, so
/// every quality keeps the pixel format of the source: what is encoded anew
/// must go with what is copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vp9;

#[async_trait]
impl Codec for Vp9 {
    fn describe(&self) -> CodecDescription {
        CodecDescription {
            name: "vp9".into(),
            qualities: QUALITIES.map(String::from).into(),
            container: Container::Webm,
            mime: "video/webm".into(),
            extension: "webm".into(),
            offered: false,
        }
    }

    async fn plan(&self, probe: &Probe, quality: &str, have: &Encoders) -> Result<Plan, Error> {
        let rate = rate(quality, 20, 31)?;
        let source = picture(probe)?;
        let encoder = VideoEncoder::Vp9 { cpu_used: 4 };
        plan(source, encoder, rate, lossless_format(source, encoder)?, have).map(Plan::Ffmpeg)
    }
}
