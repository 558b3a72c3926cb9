//! The hardware encoders that clipmill can drive, and what they can replace.

use clipmill_core::probe::VideoStream;
use clipmill_plugins::{Rate, VideoEncoder, VideoPlan};

use crate::settings::HardwareChoice;

/// The interface by which a hardware encoder is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HardwareApi {
    /// NVIDIA's NVENC.
    Nvenc,
    /// Intel's Quick Sync.
    Qsv,
    /// VA-API.
    Vaapi,
    /// AMD's AMF.
    Amf,
    /// Apple's VideoToolbox.
    VideoToolbox,
}

/// The codec that it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HardwareCodec {
    H264,
    H265,
    Av1,
}

/// A hardware encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HardwareEncoder {
    pub api: HardwareApi,
    pub codec: HardwareCodec,
}

/// How one job is encoded by hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HardwareJob<'a> {
    /// By which encoder.
    pub encoder: HardwareEncoder,
    /// Path of the device; none for the usual one.
    pub device: Option<&'a str>,
    /// Whether a client waits for it: speed counts more than size.
    pub urgent: bool,
}

impl HardwareApi {
    /// All of them, the likeliest to be good first: a graphics card before what
    /// comes with a processor, and the maker's own interface before VA-API.
    const ALL: [HardwareApi; 5] = [
        HardwareApi::Nvenc,
        HardwareApi::Amf,
        HardwareApi::VideoToolbox,
        HardwareApi::Qsv,
        HardwareApi::Vaapi,
    ];

    /// Those that the configuration allows, the first choice first.
    pub(crate) fn allowed(choice: HardwareChoice) -> &'static [HardwareApi] {
        match choice {
            HardwareChoice::Off => &[],
            HardwareChoice::Auto => &HardwareApi::ALL,
            HardwareChoice::Nvenc => &[HardwareApi::Nvenc],
            HardwareChoice::Qsv => &[HardwareApi::Qsv],
            HardwareChoice::Vaapi => &[HardwareApi::Vaapi],
            HardwareChoice::Amf => &[HardwareApi::Amf],
            HardwareChoice::VideoToolbox => &[HardwareApi::VideoToolbox],
        }
    }

    /// Whether it keeps a highest rate beside a constant quality. The others would
    /// have to be driven by a bitrate alone.
    pub(crate) fn limits_rate(self) -> bool {
        self == HardwareApi::Nvenc
    }
}

impl HardwareCodec {
    /// All of them.
    pub(crate) const ALL: [HardwareCodec; 3] =
        [HardwareCodec::H264, HardwareCodec::H265, HardwareCodec::Av1];

    /// What a plan's encoder writes; none where no hardware is used.
    pub(crate) fn from_encoder(encoder: VideoEncoder) -> Option<HardwareCodec> {
        match encoder {
            VideoEncoder::X264 { .. } => Some(HardwareCodec::H264),
            VideoEncoder::X265 { .. } => Some(HardwareCodec::H265),
            VideoEncoder::SvtAv1 { .. } | VideoEncoder::Aom { .. } => Some(HardwareCodec::Av1),
            VideoEncoder::Vp9 { .. } => None,
        }
    }
}

impl HardwareEncoder {
    /// ffmpeg's name.
    pub(crate) fn name(self) -> &'static str {
        use HardwareCodec::{Av1, H264, H265};
        match (self.api, self.codec) {
            (HardwareApi::Nvenc, H264) => "h264_nvenc",
            (HardwareApi::Nvenc, H265) => "hevc_nvenc",
            (HardwareApi::Nvenc, Av1) => "av1_nvenc",
            (HardwareApi::Qsv, H264) => "h264_qsv",
            (HardwareApi::Qsv, H265) => "hevc_qsv",
            (HardwareApi::Qsv, Av1) => "av1_qsv",
            (HardwareApi::Vaapi, H264) => "h264_vaapi",
            (HardwareApi::Vaapi, H265) => "hevc_vaapi",
            (HardwareApi::Vaapi, Av1) => "av1_vaapi",
            (HardwareApi::Amf, H264) => "h264_amf",
            (HardwareApi::Amf, H265) => "hevc_amf",
            (HardwareApi::Amf, Av1) => "av1_amf",
            (HardwareApi::VideoToolbox, H264) => "h264_videotoolbox",
            (HardwareApi::VideoToolbox, H265) => "hevc_videotoolbox",
            // Apple's has none; ffmpeg lists no such encoder.
            (HardwareApi::VideoToolbox, Av1) => "av1_videotoolbox",
        }
    }

    /// The pixel format in memory that it takes in place of this one; none for one
    /// that hardware of today does not take.
    pub(crate) fn pixel_format(self, planned: &str) -> Option<&'static str> {
        match planned {
            "yuv420p" | "yuvj420p" => Some("nv12"),
            "yuv420p10le" if self.codec != HardwareCodec::H264 => Some("p010le"),
            _ => None,
        }
    }

    /// Whether it can replace the encoder of this plan for a source of this size in
    /// pixels.
    pub(crate) fn can_replace(self, plan: &VideoPlan, source: &VideoStream) -> bool {
        let even = source.width.is_multiple_of(2) && source.height.is_multiple_of(2);
        plan.rate != Rate::Lossless
            && HardwareCodec::from_encoder(plan.encoder) == Some(self.codec)
            && self.pixel_format(&plan.pixel_format).is_some()
            && (even || plan.pad_to_even)
    }
}
