//! Codecs that encode by themselves: raw frames in, bytes of a file out.

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::Error;
use clipmill_core::probe::Rational;

/// One file on its way through a codec. Frames and sound come in the order of
/// their times; the bytes that come back make the file, one after the other.
/// Dropping it ends the encode.
#[async_trait]
pub trait FrameEncoder: Send {
    /// Takes the next frame.
    ///
    /// # Errors
    /// [`Error`]; the encode is over then.
    async fn push_video(&mut self, frame: RawFrame) -> Result<Bytes, Error>;

    /// Takes the next block of sound.
    ///
    /// # Errors
    /// As [`FrameEncoder::push_video`].
    async fn push_audio(&mut self, block: PcmBlock) -> Result<Bytes, Error>;

    /// Ends the file.
    ///
    /// # Errors
    /// As [`FrameEncoder::push_video`].
    async fn finish(self: Box<Self>) -> Result<Bytes, Error>;
}

/// How a codec wants one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FramePlan {
    /// Pixels after rotation, 1 to [`FramePlan::MAX_SIDE`].
    pub width: u32,
    /// Pixels after rotation, 1 to [`FramePlan::MAX_SIDE`].
    pub height: u32,
    /// How the pixels come.
    pub pixel_format: FrameFormat,
    /// Frames per second, up to [`FramePlan::MAX_RATE`]; frames are dropped and
    /// repeated.
    pub frame_rate: Rational,
    /// How the sound comes; none to go without.
    pub audio: Option<PcmFormat>,
}

/// How the pixels of a frame lie in memory: rows from the top, no padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFormat {
    /// Red, green, blue.
    Rgb24,
    /// Red, green, blue, alpha.
    Rgba,
    /// One byte a pixel.
    Gray,
    /// Planes Y, U, V; U and V have half the width and height, rounded up.
    Yuv420p,
}

/// Interleaved signed 16-bit little-endian samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcmFormat {
    /// Samples per second, 8,000 to 96,000.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u32,
}

/// A raw frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// Time from the first frame, microseconds.
    pub pts_micros: u64,
    /// How long it is shown, microseconds.
    pub duration_micros: u64,
    /// The pixels.
    pub data: Bytes,
}

/// A block of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcmBlock {
    /// Time of its first sample from the first frame, microseconds.
    pub pts_micros: u64,
    /// The samples.
    pub data: Bytes,
}

impl FrameFormat {
    /// ffmpeg's name of it.
    pub fn ffmpeg_name(self) -> &'static str {
        match self {
            FrameFormat::Rgb24 => "rgb24",
            FrameFormat::Rgba => "rgba",
            FrameFormat::Gray => "gray",
            FrameFormat::Yuv420p => "yuv420p",
        }
    }

    /// Bytes of a frame of this size.
    pub fn frame_bytes(self, width: u32, height: u32) -> u64 {
        let (width, height) = (u64::from(width), u64::from(height));
        match self {
            FrameFormat::Rgb24 => width * height * 3,
            FrameFormat::Rgba => width * height * 4,
            FrameFormat::Gray => width * height,
            FrameFormat::Yuv420p => width * height + 2 * width.div_ceil(2) * height.div_ceil(2),
        }
    }
}

impl FramePlan {
    /// The longest side, pixels.
    pub const MAX_SIDE: u32 = 8192;
    /// The most frames per second.
    pub const MAX_RATE: f64 = 240.0;

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> u64 {
        self.pixel_format.frame_bytes(self.width, self.height)
    }

    /// What is wrong with the plan itself, built in or a plugin's.
    pub fn problem(&self) -> Option<String> {
        let side = 1..=FramePlan::MAX_SIDE;
        if !side.contains(&self.width) || !side.contains(&self.height) {
            return Some(format!("frames of {}x{}", self.width, self.height));
        }
        let rate = self.frame_rate;
        if rate.num == 0 || rate.den == 0 || rate.as_f64() > FramePlan::MAX_RATE {
            return Some(format!("{}/{} frames per second", rate.num, rate.den));
        }
        let audio = self.audio?;
        let fits =
            (8_000..=96_000).contains(&audio.sample_rate) && (1..=2).contains(&audio.channels);
        (!fits).then(|| format!("{} channels of {} Hz", audio.channels, audio.sample_rate))
    }
}
