//! What sources answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use clipmill_core::net::{check_headers, check_url};
use clipmill_core::probe::{AudioTrack, Container, Format, Live, MediaInfo, Transport, VideoTrack};
use clipmill_core::{Code, Error, Retry};
use url::Url;

use super::super::bindings::source::{Failure, FailureCode, SourceError as Refusal};
use super::super::bindings::types;
use super::super::fault::Fault;
use super::text::{is_id, line, message};

/// Most formats of one video.
const FORMATS: usize = 256;
/// Longest id of a video, title, id of a format and name of a codec, characters.
const ID: usize = 128;
const TITLE: usize = 500;
const FORMAT_ID: usize = 64;
const CODEC: usize = 64;
/// Longest address, bytes.
const ADDRESS: usize = 8192;
/// Most pixels of a side, and most frames per second.
const SIDE: u32 = 65_535;
const FPS: f64 = 1000.0;
/// Longest wait before another try, seconds.
const LONGEST_WAIT: u32 = 24 * 3600;

type Checked<T> = Result<T, Fault>;

fn malformed<T>(what: impl Into<String>) -> Checked<T> {
    Err(Fault::Malformed(what.into()))
}

/// A resolved video, checked.
pub(crate) fn media_info(info: types::MediaInfo) -> Checked<MediaInfo> {
    if !is_id(&info.id, ID) {
        return malformed(format!("an id that is not 1 to {ID} printable characters"));
    }
    if info.duration.is_some_and(|seconds| !(seconds.is_finite() && seconds > 0.0)) {
        return malformed(format!("a duration of {:?} s", info.duration.unwrap_or_default()));
    }
    if !(1..=FORMATS).contains(&info.formats.len()) {
        return malformed(format!("{} formats, where 1 to {FORMATS} may be", info.formats.len()));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = info.formats.iter().find(|format| !seen.insert(&format.id)) {
        return malformed(format!("two formats named {:?}", line(&twice.id, FORMAT_ID)));
    }
    let title = info.title.map(|title| line(&title, TITLE));
    Ok(MediaInfo {
        id: info.id,
        title: title.filter(|title| !title.trim().is_empty()),
        duration: info.duration,
        live: live(info.live)?,
        formats: info.formats.into_iter().map(format).collect::<Checked<_>>()?,
        expires_at: info.expires_at.map(moment).transpose()?,
    })
}

fn live(live: types::Live) -> Checked<Live> {
    Ok(match live {
        types::Live::No => Live::No,
        types::Live::Upcoming => Live::Upcoming,
        types::Live::Running(began) => Live::Running { began: began.map(moment).transpose()? },
        types::Live::Ended(began) => Live::Ended { began: began.map(moment).transpose()? },
    })
}

fn moment(seconds: u64) -> Checked<DateTime<Utc>> {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map_or_else(|| malformed(format!("a time of {seconds} s")), Ok)
}

fn format(format: types::Format) -> Checked<Format> {
    let id = format.id;
    if !is_id(&id, FORMAT_ID) {
        return malformed(format!("a format's id that is not 1 to {FORMAT_ID} characters"));
    }
    if format.video.is_none() && format.audio.is_none() {
        return malformed(format!("format {id:?} has neither picture nor sound"));
    }
    if format.bitrate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return malformed(format!("format {id:?} has a bitrate that is none"));
    }
    let video = format.video.map(|video| video_track(video, &id)).transpose()?;
    let audio = format.audio.map(|audio| AudioTrack {
        codec: audio.codec.map(|codec| line(&codec, CODEC)),
        preferred: audio.preferred,
    });
    Ok(Format {
        container: container(format.container),
        video,
        audio,
        bitrate: format.bitrate,
        size: format.size,
        transport: transport(format.transport, &id)?,
        id,
    })
}

pub(super) fn container(container: types::Container) -> Container {
    match container {
        types::Container::Mp4 => Container::Mp4,
        types::Container::Webm => Container::Webm,
        types::Container::Mkv => Container::Mkv,
        types::Container::Ts => Container::Ts,
        types::Container::Other => Container::Other,
    }
}

fn video_track(video: types::VideoTrack, id: &str) -> Checked<VideoTrack> {
    let side = |side: Option<u32>| side.is_none_or(|side| (1..=SIDE).contains(&side));
    if !side(video.width) || !side(video.height) {
        return malformed(format!("format {id:?} has a size that no picture has"));
    }
    if video.fps.is_some_and(|fps| !(fps > 0.0 && fps <= FPS)) {
        return malformed(format!("format {id:?} has a frame rate that no picture has"));
    }
    Ok(VideoTrack {
        codec: video.codec.map(|codec| line(&codec, CODEC)),
        width: video.width,
        height: video.height,
        fps: video.fps,
    })
}

fn transport(transport: types::Transport, id: &str) -> Checked<Transport> {
    let (types::Transport::Progressive(at)
    | types::Transport::Hls(at)
    | types::Transport::Dash(at)) = &transport;
    if at.url.len() > ADDRESS {
        return malformed(format!("format {id:?} has an address of more than {ADDRESS} bytes"));
    }
    let url =
        Url::parse(&at.url).or_else(|_| malformed(format!("format {id:?} has no address")))?;
    check_url(&url).or_else(|error| malformed(format!("format {id:?}: {error}")))?;
    let pairs = at.headers.iter().map(|h| (h.name.to_ascii_lowercase(), h.value.clone()));
    let headers: BTreeMap<_, _> = pairs.collect();
    check_headers(&headers).or_else(|error| malformed(format!("format {id:?}: {error}")))?;
    Ok(match transport {
        types::Transport::Progressive(_) => Transport::Progressive { url, headers },
        types::Transport::Hls(_) => Transport::Hls { url, headers },
        types::Transport::Dash(_) => Transport::Dash { url, headers },
    })
}

/// Why a source could not do it, as it says itself.
pub(crate) fn source_error(refusal: Refusal) -> Error {
    let error =
        |failure: Failure, retry| Error::new(code(failure.code), message(&failure.message), retry);
    match refusal {
        Refusal::GiveUp(failure) => error(failure, Retry::Never),
        Refusal::Retry(failure) => error(failure, Retry::Later),
        Refusal::RetryAfter((failure, seconds)) => {
            let wait = Duration::from_secs(u64::from(seconds.min(LONGEST_WAIT)));
            error(failure, Retry::After(wait))
        }
    }
}

fn code(code: FailureCode) -> Code {
    match code {
        FailureCode::PrivateVideo => Code::PrivateVideo,
        FailureCode::RemovedVideo => Code::RemovedVideo,
        FailureCode::AgeRestricted => Code::AgeRestricted,
        FailureCode::BotCheck => Code::BotCheck,
        FailureCode::NotStarted => Code::NotStarted,
        FailureCode::GeoBlocked => Code::GeoBlocked,
        FailureCode::MembersOnly => Code::MembersOnly,
        FailureCode::UnsupportedUrl => Code::UnsupportedUrl,
        FailureCode::RateLimited => Code::RateLimited,
        FailureCode::SourceUnreachable => Code::SourceUnreachable,
        FailureCode::SourceTimeout => Code::SourceTimeout,
        FailureCode::SourceFailed => Code::SourceFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> types::Transport {
        types::Transport::Progressive(types::Location { url: url.into(), headers: Vec::new() })
    }

    fn info() -> types::MediaInfo {
        types::MediaInfo {
            id: "x".into(),
            title: Some("a\nb".into()),
            duration: Some(1.0),
            live: types::Live::Ended(Some(1_700_000_000)),
            formats: vec![types::Format {
                id: "f".into(),
                container: types::Container::Mp4,
                video: Some(types::VideoTrack {
                    codec: None,
                    width: None,
                    height: Some(720),
                    fps: None,
                }),
                audio: None,
                bitrate: None,
                size: None,
                transport: at("https://a.example/x.mp4"),
            }],
            expires_at: None,
        }
    }

    #[test]
    fn what_makes_sense_passes() {
        let info = media_info(info()).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(info.title.as_deref(), Some("a b"));
        assert!(info.live.began().is_some());
    }

    #[test]
    fn what_makes_none_is_told() {
        type Change = fn(&mut types::MediaInfo);
        let changes: [(&str, Change); 12] = [
            ("an id", |info| info.id.clear()),
            ("a duration", |info| info.duration = Some(f64::NAN)),
            ("a duration", |info| info.duration = Some(-1.0)),
            ("0 formats", |info| info.formats.clear()),
            ("300 formats", |info| info.formats = vec![info.formats[0].clone(); 300]),
            ("two formats", |info| info.formats.push(info.formats[0].clone())),
            ("neither", |info| info.formats[0].video = None),
            ("bitrate", |info| info.formats[0].bitrate = Some(f64::INFINITY)),
            ("http and https", |info| info.formats[0].transport = at("file:///etc/passwd")),
            ("user name", |info| info.formats[0].transport = at("https://me:x@a.example/")),
            ("no address", |info| info.formats[0].transport = at("-i /etc/passwd")),
            ("a time", |info| info.expires_at = Some(u64::MAX)),
        ];
        for (part, change) in changes {
            let mut info = info();
            change(&mut info);
            let told = media_info(info).map_err(|fault| fault.to_string());
            assert!(told.as_ref().is_err_and(|told| told.contains(part)), "{part}: {told:?}");
        }
    }

    #[test]
    fn headers_can_not_smuggle() {
        let mut info = info();
        info.formats[0].transport = types::Transport::Progressive(types::Location {
            url: "https://a.example/".into(),
            headers: vec![types::Header { name: "X".into(), value: "a\r\nHost: b".into() }],
        });
        assert!(media_info(info).is_err());
    }
}
