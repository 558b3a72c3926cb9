//! What a video on our YouTube is: its title, its live state, its formats.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::media::{self, Clip, Packaging, VideoCodec};

/// How long addresses of formats are good, unless a test says otherwise.
const SIX_HOURS: u64 = 6 * 3600;

/// A video that can be shown.
#[derive(Debug, Clone)]
pub struct Video {
    pub(super) title: String,
    pub(super) seconds: f64,
    pub(super) live: Live,
    pub(super) formats: Vec<Format>,
    pub(super) expires: u64,
}

/// Whether a video is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// It never was one.
    Never,
    /// It runs and began at this moment, in seconds since 1970.
    Since(i64),
    /// It ended; it began at this moment, in seconds since 1970.
    Was(i64),
}

/// One format: a file that the server has, or any other address.
#[derive(Debug, Clone)]
pub struct Format {
    pub(super) id: String,
    pub(super) file: Option<PathBuf>,
    pub(super) url: String,
    pub(super) facts: Value,
}

impl Video {
    /// A video without formats.
    pub fn new(title: &str, seconds: f64) -> Video {
        Video {
            title: title.to_owned(),
            seconds,
            live: Live::Never,
            formats: Vec::new(),
            expires: now() + SIX_HOURS,
        }
    }

    /// One with formats as YouTube has them: picture and sound apart, H.264 in MP4 up to 1080p, VP9
    /// in WebM up to the highest, AAC and Opus. `heights` are of 240, 360, 480, 720, 1080, 1440 and
    /// 2160; make the seconds few for the high ones.
    pub fn with_heights(title: &str, seconds: u32, heights: &[u32]) -> Video {
        let mut video = Video::new(title, f64::from(seconds))
            .format("140", &media::audio_m4a(seconds))
            .format("251", &media::audio_webm(seconds));
        for height in heights {
            if *height <= 1080 {
                video = video.format(mp4_id(*height), &media::video_mp4(*height, seconds));
            }
            video = video.format(webm_id(*height), &media::video_webm(*height, seconds));
        }
        video
    }

    /// Adds a generated clip as a format.
    pub fn format(mut self, id: &str, clip: &Clip) -> Video {
        self.formats.push(Format::of(id, clip));
        self
    }

    /// Adds a format with an address of the test's own; `facts` are yt-dlp's fields of it.
    pub fn format_at(mut self, id: &str, url: &str, facts: Value) -> Video {
        let url = url.to_owned();
        self.formats.push(Format { id: id.to_owned(), file: None, url, facts });
        self
    }

    /// Sets whether it is a stream.
    pub fn live(mut self, live: Live) -> Video {
        self.live = live;
        self
    }

    /// Sets when the addresses of its formats stop being good, in seconds since 1970: they carry
    /// `expire=` as YouTube's do.
    pub fn expires(mut self, seconds_since_1970: u64) -> Video {
        self.expires = seconds_since_1970;
        self
    }

    /// What the plugin hands to yt-dlp.
    pub(super) fn answer(&self, url: impl Fn(&Format) -> String) -> Value {
        let (status, began) = match self.live {
            Live::Never => ("not_live", None),
            Live::Since(began) => ("is_live", Some(began)),
            Live::Was(began) => ("was_live", Some(began)),
        };
        let is_live = status == "is_live";
        let format = |format: &Format| {
            let mut facts = format.facts.clone();
            facts["format_id"] = json!(format.id);
            facts["url"] = json!(url(format));
            facts
        };
        json!({
            "title": self.title,
            // YouTube gives whole seconds, and none for a stream that runs.
            "duration": (!is_live).then(|| self.seconds.ceil() as u64),
            "live_status": status,
            "release_timestamp": began,
            "channel_id": "UCclipmill0000000000test",
            "channel": "clipmill test channel",
            "formats": self.formats.iter().map(format).collect::<Vec<_>>(),
        })
    }
}

impl Format {
    fn of(id: &str, clip: &Clip) -> Format {
        let file = clip.file();
        let size = std::fs::metadata(&file).map(|metadata| metadata.len()).unwrap_or_default();
        let kilobits = size as f64 * 8.0 / 1000.0 / clip.seconds();
        let (extension, protocol) = match clip.packaging {
            Packaging::File(extension) => (extension, "http"),
            Packaging::HlsTs | Packaging::HlsFmp4 | Packaging::HlsRanges => ("mp4", "m3u8_native"),
            Packaging::DashTemplate | Packaging::DashList | Packaging::DashBase => {
                ("mp4", "http_dash_segments")
            }
            Packaging::IndexAtEnd
            | Packaging::LateEdit
            | Packaging::FragmentedMp4
            | Packaging::FragmentedWithoutIndex
            | Packaging::FragmentedTree => ("mp4", "http"),
        };
        let mut facts = json!({
            "ext": extension,
            "protocol": protocol,
            "vcodec": clip.video.map_or("none", video_name),
            "acodec": clip.audio.map_or("none", audio_name),
            "tbr": (kilobits * 1000.0).round() / 1000.0,
        });
        if clip.video.is_some() {
            facts["width"] = json!(clip.width);
            facts["height"] = json!(clip.height);
            facts["fps"] = json!(f64::from(clip.rate.frames) / f64::from(clip.rate.seconds));
            facts["format_note"] = json!(format!("{}p", clip.height));
        }
        if protocol == "http" {
            facts["filesize"] = json!(size);
            // As the real extractor says: YouTube slows down longer requests.
            facts["downloader_options"] = json!({ "http_chunk_size": 10 << 20 });
        }
        Format { id: id.to_owned(), file: Some(file), url: String::new(), facts }
    }

    pub(super) fn is_playlist(&self) -> bool {
        self.facts["protocol"] != "http"
    }
}

fn video_name(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => "avc1.64001f",
        VideoCodec::Hevc => "hvc1.1.6.L93.90",
        VideoCodec::Vp9 => "vp9",
        VideoCodec::Av1 => "av01.0.05M.08",
        VideoCodec::Ffv1 => "ffv1",
        VideoCodec::Mpeg4 => "mp4v.20.9",
        VideoCodec::Mpeg2 => "mpeg2video",
        VideoCodec::Flv1 => "flv1",
        VideoCodec::Wmv2 => "wmv2",
    }
}

fn audio_name(codec: media::AudioCodec) -> &'static str {
    match codec {
        media::AudioCodec::Aac => "mp4a.40.2",
        media::AudioCodec::Opus => "opus",
        media::AudioCodec::Mp3 => "mp3",
        media::AudioCodec::Mp2 => "mp2",
        media::AudioCodec::Wmav2 => "wmav2",
        media::AudioCodec::Flac => "flac",
    }
}

/// YouTube's number of an MP4 format of this height.
fn mp4_id(height: u32) -> &'static str {
    match height {
        240 => "133",
        360 => "134",
        480 => "135",
        720 => "136",
        1080 => "137",
        other => panic!("no MP4 format has the height {other}"),
    }
}

/// YouTube's number of a WebM format of this height.
fn webm_id(height: u32) -> &'static str {
    match height {
        240 => "242",
        360 => "243",
        480 => "244",
        720 => "247",
        1080 => "248",
        1440 => "271",
        2160 => "313",
        other => panic!("no WebM format has the height {other}"),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}
