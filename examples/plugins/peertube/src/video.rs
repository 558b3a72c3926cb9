//! A video as it is remembered, and what the host is told of it.

use std::ops::RangeInclusive;

use clipmill_plugin::address::Address;
use clipmill_plugin::{
    AudioTrack, Container, FailureCode, Format, Live, Location, MediaInfo, SourceError, Transport,
    VideoTrack,
};
use serde::{Deserialize, Serialize};

use crate::api;
use crate::hls::Rendition;

/// What the host takes.
const MOST_WAYS: usize = 256;
const SIDES: RangeInclusive<u32> = 1..=65_535;

/// The API's numbers of states.
const WAITING_FOR_LIVE: u32 = 4;
const LIVE_ENDED: u32 = 5;

#[derive(Debug, Serialize, Deserialize)]
pub struct Video {
    pub id: String,
    pub title: Option<String>,
    pub duration: Option<f64>,
    pub live: bool,
    pub formats: Vec<Way>,
}

/// One way to get it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Way {
    id: String,
    url: String,
    hls: bool,
    has_video: bool,
    has_audio: bool,
    video_codec: Option<String>,
    audio_codec: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    fps: Option<f64>,
    bitrate: Option<f64>,
    size: Option<u64>,
}

impl Video {
    /// With the files that can be had whole.
    pub fn from_api(found: &api::Video) -> Result<Video, SourceError> {
        match found.state.as_ref().map(|state| state.id) {
            Some(WAITING_FOR_LIVE) => {
                let message = "the stream has not begun yet";
                return Err(SourceError::retry(FailureCode::NotStarted, message));
            }
            Some(LIVE_ENDED) => {
                let message = "the stream is over, and there is no recording";
                return Err(SourceError::give_up(FailureCode::RemovedVideo, message));
            }
            _ => {}
        }
        let mut video = Video {
            id: found.uuid.clone(),
            title: found.name.clone(),
            duration: found.duration.filter(|seconds| *seconds > 0.0 && !found.is_live),
            live: found.is_live,
            formats: Vec::new(),
        };
        for file in &found.files {
            let height = file.resolution.as_ref().map(|resolution| resolution.id);
            video.add(
                "web",
                Way {
                    url: file.file_url.clone(),
                    has_video: file.has_video.unwrap_or(height != Some(0)),
                    has_audio: file.has_audio.unwrap_or(true),
                    width: file.width,
                    height: file.height.or(height),
                    fps: file.fps,
                    size: file.size,
                    ..Way::default()
                },
            );
        }
        Ok(video)
    }

    /// With HLS playlists.
    pub fn add_hls(&mut self, renditions: Vec<Rendition>) {
        for it in renditions {
            let codec = |is_sound: bool| {
                let mut codecs = it.codecs.as_deref()?.split(',').map(str::trim);
                codecs.find(|codec| (codec.starts_with("mp4a") || *codec == "opus") == is_sound)
            };
            self.add(
                "hls",
                Way {
                    hls: true,
                    has_video: it.has_video,
                    has_audio: it.has_audio,
                    video_codec: codec(false).map(String::from),
                    audio_codec: codec(true).map(String::from),
                    width: it.width,
                    height: it.height,
                    fps: it.fps,
                    bitrate: it.bitrate,
                    url: it.url.clone(),
                    ..Way::default()
                },
            );
        }
    }

    /// Every way has a name of its own. What makes no sense is left out: the
    /// host would take it for a mistake of the plugin.
    fn add(&mut self, kind: &str, mut way: Way) {
        let nothing = !way.has_video && !way.has_audio;
        if nothing || !is_web(&way.url) || self.formats.len() >= MOST_WAYS {
            return;
        }
        way.width = way.width.filter(|pixels| SIDES.contains(pixels));
        way.height = way.height.filter(|pixels| SIDES.contains(pixels));
        way.fps = way.fps.filter(|fps| *fps > 0.0 && *fps <= 1000.0);
        way.bitrate = way.bitrate.filter(|bits| *bits > 0.0 && bits.is_finite());
        way.size = way.size.filter(|bytes| *bytes > 0);
        let name = match way.height {
            _ if !way.has_video => format!("{kind}-sound"),
            Some(height) => format!("{kind}-{height}p"),
            None => kind.to_string(),
        };
        let same = self.formats.iter().filter(|it| it.id.split('#').next() == Some(&name)).count();
        let id = if same == 0 { name } else { format!("{name}#{}", same + 1) };
        self.formats.push(Way { id, ..way });
    }

    /// Itself, if there is something to be had.
    pub fn sound(self, found: &api::Video) -> Result<Video, SourceError> {
        if !(1..=128).contains(&self.id.len()) || self.id.contains(char::is_control) {
            return Err(SourceError::nonsense("the instance's answer has no proper id"));
        }
        if !self.formats.is_empty() {
            return Ok(self);
        }
        Err(if found.is_live {
            SourceError::retry(FailureCode::NotStarted, "the stream has not begun yet")
        } else {
            SourceError::retry(FailureCode::NotStarted, "the instance is still preparing the video")
        })
    }

    pub fn into_info(self) -> MediaInfo {
        MediaInfo {
            title: self.title,
            duration: self.duration,
            live: if self.live { Live::Running(None) } else { Live::No },
            formats: self.formats.into_iter().map(|way| way.into_format(self.live)).collect(),
            ..MediaInfo::new(self.id)
        }
    }
}

impl Way {
    fn into_format(self, live: bool) -> Format {
        let container = match (self.hls, live) {
            (true, true) => Container::Ts,
            (true, false) => Container::Mp4,
            (false, _) => container(&self.url),
        };
        let location = Location::new(self.url);
        Format {
            id: self.id,
            container,
            video: self.has_video.then_some(VideoTrack {
                codec: self.video_codec,
                width: self.width,
                height: self.height,
                fps: self.fps,
            }),
            audio: self
                .has_audio
                .then_some(AudioTrack { codec: self.audio_codec, preferred: true }),
            bitrate: self.bitrate,
            size: self.size,
            transport: if self.hls {
                Transport::Hls(location)
            } else {
                Transport::Progressive(location)
            },
        }
    }
}

fn is_web(url: &str) -> bool {
    let plain =
        |host: &str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    url.len() <= 8192 && Address::parse(url).is_some_and(|address| plain(address.authority))
}

fn container(url: &str) -> Container {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    match path.rsplit('.').next() {
        Some("mp4" | "m4v" | "m4a" | "mov") => Container::Mp4,
        Some("webm") => Container::Webm,
        Some("mkv") => Container::Mkv,
        Some("ts") => Container::Ts,
        _ => Container::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(json: &str) -> Result<Video, SourceError> {
        Video::from_api(&serde_json::from_str(json).expect("it is JSON"))
    }

    #[test]
    fn files_become_formats_with_names_of_their_own() {
        let found = video(
            r#"{"uuid":"u","name":"N","duration":61,"isLive":false,"state":{"id":1},"files":[
                {"resolution":{"id":720},"size":10,"fps":30,"fileUrl":"https://a.example/1.mp4"},
                {"resolution":{"id":720},"fps":60,"fileUrl":"https://a.example/2.webm?x=.mp4"},
                {"resolution":{"id":0},"fileUrl":"https://a.example/3.m4a"},
                {"resolution":{"id":1},"fileUrl":"file:///etc/passwd"},
                {"resolution":{"id":1},"fileUrl":"https://a b/"},
                {"width":70000,"fps":-1,"fileUrl":"https://a.example/4.mp4"}],
                "streamingPlaylists":[{"playlistUrl":"https://a.example/m.m3u8"}]}"#,
        );
        let info = found.expect("a video").into_info();
        assert_eq!((info.title.as_deref(), info.duration), (Some("N"), Some(61.0)));
        let ids: Vec<_> = info.formats.iter().map(|format| format.id.as_str()).collect();
        assert_eq!(ids, ["web-720p", "web-720p#2", "web-sound", "web"]);
        assert_eq!(info.formats[1].container, Container::Webm);
        assert!(info.formats[2].video.is_none());
        assert_eq!(info.formats[0].size, Some(10));
        let odd = info.formats[3].video.as_ref().map(|video| (video.width, video.fps));
        assert_eq!(odd, Some((None, None)));
    }

    #[test]
    fn a_stream_that_waits_or_is_over_is_an_error() {
        let of = |state: u32| {
            video(&format!(r#"{{"uuid":"u","isLive":true,"state":{{"id":{state}}}}}"#))
        };
        assert!(matches!(of(4), Err(SourceError::Retry(_))));
        assert!(matches!(of(5), Err(SourceError::GiveUp(_))));
        assert!(of(1).is_ok_and(|video| video.live));
    }
}
