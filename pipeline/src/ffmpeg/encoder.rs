//! The encoders in hardware that clipmill can drive, and what stands in for what.

use clipmill_plugins::{Rate, VideoEncoder, VideoPlan};

use crate::settings::HardwareChoice;

/// Whose hardware, and how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
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

/// What it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Coded {
    H264,
    H265,
    Av1,
}

/// An encoder in hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HardwareEncoder {
    pub kind: Kind,
    pub coded: Coded,
}

/// A way to encode by hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hardware<'a> {
    /// By which encoder.
    pub encoder: HardwareEncoder,
    /// The device; none for the usual one.
    pub device: Option<&'a str>,
    /// Whether somebody waits for it.
    pub hurry: bool,
}

impl Kind {
    /// All of them, the likeliest to be good first: a card of its own before
    /// what comes with a processor, and the maker's own way before VA-API.
    const ALL: [Kind; 5] = [Kind::Nvenc, Kind::Amf, Kind::VideoToolbox, Kind::Qsv, Kind::Vaapi];

    /// Those that the configuration allows, the first choice first.
    pub(crate) fn chosen(choice: HardwareChoice) -> &'static [Kind] {
        match choice {
            HardwareChoice::Off => &[],
            HardwareChoice::Auto => &Kind::ALL,
            HardwareChoice::Nvenc => &[Kind::Nvenc],
            HardwareChoice::Qsv => &[Kind::Qsv],
            HardwareChoice::Vaapi => &[Kind::Vaapi],
            HardwareChoice::Amf => &[Kind::Amf],
            HardwareChoice::VideoToolbox => &[Kind::VideoToolbox],
        }
    }

    /// Whether it keeps a highest rate beside a constant quality. The others
    /// would have to be driven by a bitrate alone.
    pub(crate) fn keeps_limits(self) -> bool {
        self == Kind::Nvenc
    }
}

impl Coded {
    /// All of them.
    pub(crate) const ALL: [Coded; 3] = [Coded::H264, Coded::H265, Coded::Av1];

    /// What a plan's encoder writes; none for what no hardware is used for.
    pub(crate) fn of(encoder: VideoEncoder) -> Option<Coded> {
        match encoder {
            VideoEncoder::X264 { .. } => Some(Coded::H264),
            VideoEncoder::X265 { .. } => Some(Coded::H265),
            VideoEncoder::SvtAv1 { .. } | VideoEncoder::Aom { .. } => Some(Coded::Av1),
            VideoEncoder::Vp9 { .. } => None,
        }
    }
}

impl HardwareEncoder {
    /// ffmpeg's name.
    pub(crate) fn name(self) -> &'static str {
        use Coded::{Av1, H264, H265};
        match (self.kind, self.coded) {
            (Kind::Nvenc, H264) => "h264_nvenc",
            (Kind::Nvenc, H265) => "hevc_nvenc",
            (Kind::Nvenc, Av1) => "av1_nvenc",
            (Kind::Qsv, H264) => "h264_qsv",
            (Kind::Qsv, H265) => "hevc_qsv",
            (Kind::Qsv, Av1) => "av1_qsv",
            (Kind::Vaapi, H264) => "h264_vaapi",
            (Kind::Vaapi, H265) => "hevc_vaapi",
            (Kind::Vaapi, Av1) => "av1_vaapi",
            (Kind::Amf, H264) => "h264_amf",
            (Kind::Amf, H265) => "hevc_amf",
            (Kind::Amf, Av1) => "av1_amf",
            (Kind::VideoToolbox, H264) => "h264_videotoolbox",
            (Kind::VideoToolbox, H265) => "hevc_videotoolbox",
            // Apple's has none; ffmpeg lists no such encoder.
            (Kind::VideoToolbox, Av1) => "av1_videotoolbox",
        }
    }

    /// The pixel format in memory that it takes for a picture of this one;
    /// none for one that hardware of today does not take.
    pub(crate) fn pixel_format(self, planned: &str) -> Option<&'static str> {
        match planned {
            "yuv420p" | "yuvj420p" => Some("nv12"),
            "yuv420p10le" if self.coded != Coded::H264 => Some("p010le"),
            _ => None,
        }
    }

    /// Whether it can stand in for the encoder of this plan, whose source has
    /// these sides.
    pub(crate) fn stands_in(self, plan: &VideoPlan, (width, height): (u32, u32)) -> bool {
        let even = width.is_multiple_of(2) && height.is_multiple_of(2);
        plan.rate != Rate::Lossless
            && Coded::of(plan.encoder) == Some(self.coded)
            && self.pixel_format(&plan.pixel_format).is_some()
            && (even || plan.pad_to_even)
    }
}
