//! What a source says of a video before a byte of it is fetched.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

/// A resolved video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaInfo {
    /// The source's own id (YouTube: 11 characters).
    pub id: String,
    /// Title; untrusted text.
    pub title: Option<String>,
    /// Seconds; none when unknown or still running.
    pub duration: Option<f64>,
    /// Whether it is, was or will be a live stream.
    pub live: Live,
    /// Everything that can be had, in the source's order.
    pub formats: Vec<Format>,
    /// When the addresses in `formats` stop working; none when unknown.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Live state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Live {
    /// An ordinary video.
    No,
    /// Announced, not begun.
    Upcoming,
    /// Running now.
    Running {
        /// When it began, if the source tells.
        began: Option<DateTime<Utc>>,
    },
    /// Was live; the recording is there.
    Ended {
        /// When it began, if the source tells.
        began: Option<DateTime<Utc>>,
    },
}

impl Live {
    /// When the stream began, if it was or is one and the source tells.
    pub fn began(self) -> Option<DateTime<Utc>> {
        match self {
            Live::Running { began } | Live::Ended { began } => began,
            Live::No | Live::Upcoming => None,
        }
    }
}

/// One way to get a video, or one of its tracks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Format {
    /// The source's name for it (yt-dlp: `format_id`).
    pub id: String,
    /// File format.
    pub container: Container,
    /// Its picture; none for sound alone.
    pub video: Option<VideoTrack>,
    /// Its sound; none for picture alone.
    pub audio: Option<AudioTrack>,
    /// Total bits per second, if told.
    pub bitrate: Option<f64>,
    /// Bytes, if told.
    pub size: Option<u64>,
    /// How to reach it.
    pub transport: Transport,
}

/// A picture track as a source describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoTrack {
    /// Codec as the source spells it (RFC 6381, `avc1.640028`); may be unknown.
    pub codec: Option<String>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels; the `p` of `1080p`.
    pub height: Option<u32>,
    /// Frames per second.
    pub fps: Option<f64>,
}

/// A sound track as a source describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AudioTrack {
    /// Codec as the source spells it (`mp4a.40.2`, `opus`); may be unknown.
    pub codec: Option<String>,
    /// Whether the source marks it as the original or default language.
    pub preferred: bool,
}

/// File formats that matter to the choice of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// ISO base media: mp4, m4v, m4a, mov, 3gp.
    Mp4,
    /// WebM.
    Webm,
    /// Matroska.
    Mkv,
    /// MPEG transport stream.
    Ts,
    /// Anything else.
    Other,
}

impl Container {
    /// From a file extension, without the dot, in any case.
    pub fn from_extension(extension: &str) -> Container {
        match extension.to_ascii_lowercase().as_str() {
            "mp4" | "m4v" | "m4a" | "mov" | "3gp" => Container::Mp4,
            "webm" | "weba" => Container::Webm,
            "mkv" | "mka" => Container::Mkv,
            "ts" | "m2ts" | "mts" => Container::Ts,
            _ => Container::Other,
        }
    }
}

/// How the bytes of a format are reached. The host fetches all but `Opaque`,
/// through its guarded client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Transport {
    /// One file over HTTP(S).
    Progressive {
        /// Its address.
        url: Url,
        /// Request headers that the server wants.
        headers: BTreeMap<String, String>,
    },
    /// An HLS media playlist.
    Hls {
        /// Its address.
        url: Url,
        /// Request headers that the server wants.
        headers: BTreeMap<String, String>,
    },
    /// A DASH manifest.
    Dash {
        /// Its address.
        url: Url,
        /// Request headers that the server wants.
        headers: BTreeMap<String, String>,
    },
    /// Only the source itself can fetch it.
    Opaque,
}
