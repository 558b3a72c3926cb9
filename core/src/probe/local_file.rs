//! What ffprobe says of a local file.

use serde::{Deserialize, Serialize};

use super::Container;

/// A probed file. There is at least one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// File format.
    pub container: Container,
    /// ffmpeg's name of the demuxer (`mov,mp4,m4a,3gp,3g2,mj2`).
    pub format_name: String,
    /// When the first picture or sound is presented, seconds of the file's own
    /// clock: time 0 of every span.
    pub start: f64,
    /// First timestamp of any stream, data included, seconds: what ffmpeg's seeks
    /// count from.
    #[serde(default)]
    pub first_timestamp: f64,
    /// Seconds, when known.
    pub duration: Option<f64>,
    /// Bytes.
    pub size: u64,
    /// The first picture stream that is not a cover image.
    pub video: Option<VideoStream>,
    /// All sound streams.
    pub audio: Vec<AudioStream>,
}

/// A picture stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoStream {
    /// Index in the file.
    pub index: u32,
    /// ffmpeg's codec name (`h264`, `hevc`, `vp9`, `av1` ...).
    pub codec: String,
    /// Coded size in pixels, before rotation.
    pub width: u32,
    /// Coded size in pixels, before rotation.
    pub height: u32,
    /// ffmpeg's pixel format name (`yuv420p10le`).
    pub pixel_format: String,
    /// Average frame rate; none when unknown.
    pub average_rate: Option<Rational>,
    /// Smallest rate in which all timestamps fit, as ffprobe guesses it.
    pub base_rate: Option<Rational>,
    /// Seconds per tick of the timestamps.
    pub time_base: Rational,
    /// Clockwise degrees from the display matrix: 0, 90, 180 or 270.
    pub rotation: u16,
    /// First time stamp of the stream, seconds; none when unknown.
    #[serde(default)]
    pub start: Option<f64>,
    /// Whether fields are interlaced.
    pub interlaced: bool,
    /// Colour range, space, transfer and primaries as ffprobe names them.
    pub color: [Option<String>; 4],
}

/// A sound stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioStream {
    /// Index in the file.
    pub index: u32,
    /// ffmpeg's codec name (`aac`, `opus` ...).
    pub codec: String,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u32,
    /// The container's name of the codec (`mp4a`, `ipcm`), if it has one.
    #[serde(default)]
    pub tag: String,
}

/// A fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rational {
    /// Numerator.
    pub num: u64,
    /// Denominator; not 0.
    pub den: u64,
}

impl Rational {
    /// As a floating-point number.
    pub fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }
}
