//! What is known of the encoders: names, pixel formats, bounds of options.
//!
//! Codecs plan with it, and the host checks with it what a codec planned.

use crate::{AudioEncoder, EncodePlan, Rate, VideoEncoder};

const X264: &[&str] = &[
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "yuv444p",
    "yuvj444p",
    "nv12",
    "nv16",
    "nv21",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "nv20le",
    "gray",
    "gray10le",
];

const X264_RGB: &[&str] = &["rgb24", "bgr24", "bgr0"];

const X264_ALL: &[&str] = &{
    let mut all = [""; X264.len() + X264_RGB.len()];
    let mut n = 0;
    while n < all.len() {
        all[n] = if n < X264.len() { X264[n] } else { X264_RGB[n - X264.len()] };
        n += 1;
    }
    all
};

const X265: &[&str] = &[
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "yuv444p",
    "yuvj444p",
    "gbrp",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "gbrp10le",
    "yuv420p12le",
    "yuv422p12le",
    "yuv444p12le",
    "gbrp12le",
    "gray",
    "gray10le",
    "gray12le",
];

const SVT_AV1: &[&str] = &["yuv420p", "yuv420p10le"];

const AOM: &[&str] = &[
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "gbrp",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "gbrp10le",
    "yuv420p12le",
    "yuv422p12le",
    "yuv444p12le",
    "gbrp12le",
    "gray",
    "gray10le",
    "gray12le",
];

const VP9: &[&str] = &[
    "yuv420p",
    "yuv422p",
    "yuv440p",
    "yuv444p",
    "gbrp",
    "yuv420p10le",
    "yuv422p10le",
    "yuv440p10le",
    "yuv444p10le",
    "gbrp10le",
    "yuv420p12le",
    "yuv422p12le",
    "yuv440p12le",
    "yuv444p12le",
    "gbrp12le",
];

impl VideoEncoder {
    /// ffmpeg's name of the encoder that takes this pixel format.
    pub fn ffmpeg_name(self, pixel_format: &str) -> &'static str {
        match self {
            VideoEncoder::X264 { .. } if X264_RGB.contains(&pixel_format) => "libx264rgb",
            VideoEncoder::X264 { .. } => "libx264",
            VideoEncoder::X265 { .. } => "libx265",
            VideoEncoder::SvtAv1 { .. } => "libsvtav1",
            VideoEncoder::Aom { .. } => "libaom-av1",
            VideoEncoder::Vp9 { .. } => "libvpx-vp9",
        }
    }

    /// The pixel formats that it takes, plainest first.
    pub fn pixel_formats(self) -> &'static [&'static str] {
        match self {
            VideoEncoder::X264 { .. } => X264_ALL,
            VideoEncoder::X265 { .. } => X265,
            VideoEncoder::SvtAv1 { .. } => SVT_AV1,
            VideoEncoder::Aom { .. } => AOM,
            VideoEncoder::Vp9 { .. } => VP9,
        }
    }

    /// Whether it takes pictures of odd width or height in this pixel format.
    pub fn takes_odd_sizes(self, pixel_format: &str) -> bool {
        match self {
            VideoEncoder::Aom { .. } | VideoEncoder::Vp9 { .. } => true,
            VideoEncoder::SvtAv1 { .. } => false,
            VideoEncoder::X264 { .. } | VideoEncoder::X265 { .. } => {
                ["444", "gray", "gbr", "rgb", "bgr"].iter().any(|part| pixel_format.contains(part))
            }
        }
    }

    /// The smallest width and height that it takes.
    pub fn smallest_side(self) -> u32 {
        match self {
            VideoEncoder::SvtAv1 { .. } => 64,
            // One coding unit.
            VideoEncoder::X265 { .. } => 16,
            VideoEncoder::X264 { .. } | VideoEncoder::Aom { .. } | VideoEncoder::Vp9 { .. } => 1,
        }
    }

    fn speed(self) -> (u8, u8) {
        match self {
            VideoEncoder::X264 { preset } | VideoEncoder::X265 { preset } => (preset, 8),
            VideoEncoder::SvtAv1 { preset } => (preset, 13),
            VideoEncoder::Aom { cpu_used } | VideoEncoder::Vp9 { cpu_used } => (cpu_used, 8),
        }
    }

    fn max_crf(self) -> u8 {
        match self {
            VideoEncoder::X264 { .. } | VideoEncoder::X265 { .. } => 51,
            VideoEncoder::SvtAv1 { .. } | VideoEncoder::Aom { .. } | VideoEncoder::Vp9 { .. } => 63,
        }
    }
}

impl AudioEncoder {
    /// ffmpeg's name of the encoder.
    pub fn ffmpeg_name(self) -> &'static str {
        match self {
            AudioEncoder::Aac => "aac",
            AudioEncoder::Opus => "libopus",
        }
    }
}

impl EncodePlan {
    /// What is wrong with the plan itself, built in or a plugin's: an option out of
    /// its range, a pixel format that isn't the encoder's, a lossless rate
    /// where the encoder has none.
    pub fn problem(&self) -> Option<String> {
        let video = &self.video;
        let encoder = video.encoder.ffmpeg_name(&video.pixel_format);
        let (speed, slowest) = video.encoder.speed();
        if speed > slowest {
            return Some(format!("{encoder} has no speed {speed}"));
        }
        if !video.encoder.pixel_formats().contains(&video.pixel_format.as_str()) {
            return Some(format!("{encoder} does not take {:?}", video.pixel_format));
        }
        match video.rate {
            Rate::Crf(crf) if crf > video.encoder.max_crf() => {
                return Some(format!("{encoder} has no rate factor {crf}"));
            }
            Rate::Lossless if matches!(video.encoder, VideoEncoder::SvtAv1 { .. }) => {
                return Some(format!("{encoder} is never lossless"));
            }
            Rate::Crf(_) | Rate::Lossless => {}
        }
        if video.keyframe_interval.is_some_and(|frames| !(1..=1000).contains(&frames)) {
            return Some("a keyframe interval that is not 1 to 1000 frames".to_owned());
        }
        (!(16..=512).contains(&self.audio.kilobits))
            .then(|| format!("{} kbit/s of sound", self.audio.kilobits))
    }
}
