//! From yt-dlp's JSON to [`MediaInfo`].

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clipmill_core::probe::{AudioTrack, Container, Format, Live, MediaInfo, Transport, VideoTrack};
use clipmill_core::{Code, Error, Retry};
use serde_json::Value;
use url::Url;

use super::{args, json};

/// How long addresses are taken for good that don't tell when they expire.
const UNTOLD: TimeDelta = TimeDelta::minutes(5);

/// Longest title that is kept, in characters.
const TITLE: usize = 500;

/// More formats than any site has.
const MAX_FORMATS: usize = 2000;

/// Reads a document.
///
/// # Errors
/// `source_failed` when it is none, `unsupported_url` when it holds several
/// videos or none, `not_started` when the video is only announced.
pub(super) fn parse(bytes: &[u8], now: DateTime<Utc>) -> Result<MediaInfo, Error> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        tracing::warn!(%error, "yt-dlp printed no JSON");
        Error::later(Code::SourceFailed, "yt-dlp printed something unreadable")
    })?;
    video(value, now)
}

fn video(value: Value, now: DateTime<Utc>) -> Result<MediaInfo, Error> {
    let document: json::Document = read(&value);
    if matches!(document.kind.as_deref(), Some("playlist" | "multi_video")) {
        let mut entries = document.entries.unwrap_or_default();
        return match (entries.pop(), entries.is_empty()) {
            // A list inside a list is no single video either.
            (Some(only), true) if only.get("entries").is_none() => video(only, now),
            _ => Err(Error::never(
                Code::UnsupportedUrl,
                "this address holds no single video; give the address of one",
            )),
        };
    }
    let live = live(&document);
    if live == Live::Upcoming {
        return Err(not_started(document.release_timestamp.and_then(moment), now));
    }
    let formats = match document.formats {
        Some(formats) => formats,
        None => vec![value],
    };
    let formats: Vec<json::YtDlpFormat> = formats.iter().take(MAX_FORMATS).map(read).collect();
    let best = formats.iter().filter_map(|format| format.language_preference).fold(0.0, f64::max);
    let formats: Vec<_> = formats.iter().filter_map(|format| convert(format, best)).collect();
    if formats.is_empty() {
        return Err(Error::never(
            Code::UnsupportedUrl,
            "there is no video at this address that can be had",
        ));
    }
    Ok(MediaInfo {
        id: document.id.unwrap_or_default(),
        title: document.title.map(|title| title.chars().take(TITLE).collect()),
        duration: document.duration.filter(|seconds| seconds.is_finite() && *seconds > 0.0),
        live,
        expires_at: Some(expiry(&formats).unwrap_or(now + UNTOLD)),
        formats,
    })
}

fn read<T: serde::de::DeserializeOwned + Default>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_default()
}

fn moment(timestamp: f64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis((timestamp * 1000.0) as i64)
}

fn live(document: &json::Document) -> Live {
    let began = document.release_timestamp.and_then(moment);
    match document.live_status.as_deref() {
        Some("is_live") => Live::Running { began },
        Some("was_live" | "post_live") => Live::Ended { began },
        Some("is_upcoming") => Live::Upcoming,
        Some(_) => Live::No,
        None if document.is_live == Some(true) => Live::Running { began },
        None if document.was_live == Some(true) => Live::Ended { began },
        None => Live::No,
    }
}

fn not_started(begins: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Error {
    let wait = begins.and_then(|begins| (begins - now).to_std().ok());
    let message = match begins {
        Some(begins) => format!("this stream begins at {}", begins.format("%F %R UTC")),
        None => "this stream has not begun".to_owned(),
    };
    let retry = wait.map_or(Retry::Later, |wait| Retry::After(wait.min(Duration::from_secs(3600))));
    Error::new(Code::NotStarted, message, retry)
}

/// None for what is no video or sound, or can't be had.
fn convert(format: &json::YtDlpFormat, best_language: f64) -> Option<Format> {
    let id = format.format_id.clone().filter(|id| args::is_format_id(id))?;
    let extension = format.ext.as_deref().unwrap_or_default();
    if format.has_drm == Some(true) || matches!(extension, "mhtml" | "unknown_video") {
        return None;
    }
    let side = |value: Option<f64>| value.filter(|v| *v >= 1.0 && *v < 1e6).map(|v| v as u32);
    // `none` is no track; nothing is an unknown codec.
    let codec = |codec: &Option<String>| codec.clone().filter(|name| !name.is_empty());
    let video = (format.vcodec.as_deref() != Some("none")).then(|| VideoTrack {
        codec: codec(&format.vcodec),
        width: side(format.width),
        height: side(format.height),
        fps: positive(format.fps),
    });
    let audio = (format.acodec.as_deref() != Some("none")).then(|| AudioTrack {
        codec: codec(&format.acodec),
        preferred: best_language > 0.0 && format.language_preference == Some(best_language),
    });
    if video.is_none() && audio.is_none() {
        return None;
    }
    Some(Format {
        id,
        container: Container::from_extension(extension),
        video,
        audio,
        bitrate: positive(format.tbr).map(|kilobits| kilobits * 1000.0),
        size: positive(format.filesize).map(|bytes| bytes as u64),
        transport: transport(format),
    })
}

fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value > 0.0)
}

/// How the host can reach it. A format that wants cookies, keys or parameters
/// beside its address stays with yt-dlp, so that none of them gets about.
fn transport(format: &json::YtDlpFormat) -> Transport {
    let headers = format.http_headers.clone().unwrap_or_default();
    let secret = headers.keys().any(|name| {
        name.eq_ignore_ascii_case("cookie") || name.eq_ignore_ascii_case("authorization")
    });
    let special = format.hls_aes.as_ref().is_some_and(|keys| !keys.is_null())
        || format.extra_param_to_segment_url.is_some()
        || format.cookies.as_ref().is_some_and(|cookies| !cookies.is_empty());
    if secret || special {
        return Transport::Opaque;
    }
    let web = |text: &Option<String>| {
        let url = Url::parse(text.as_deref()?).ok()?;
        clipmill_core::net::check_url(&url).ok().map(|()| url)
    };
    let transport = match format.protocol.as_deref() {
        Some("http" | "https") => {
            web(&format.url).map(|url| Transport::Progressive { url, headers })
        }
        Some("m3u8" | "m3u8_native") => web(&format.url).map(|url| Transport::Hls { url, headers }),
        Some("http_dash_segments") => {
            web(&format.manifest_url).map(|url| Transport::Dash { url, headers })
        }
        _ => None,
    };
    transport.unwrap_or(Transport::Opaque)
}

/// The earliest moment in the `expire` parameters of the addresses.
fn expiry(formats: &[Format]) -> Option<DateTime<Utc>> {
    let told = formats.iter().filter_map(|format| {
        let (Transport::Progressive { url, .. }
        | Transport::Hls { url, .. }
        | Transport::Dash { url, .. }) = &format.transport
        else {
            return None;
        };
        let in_query = url.query_pairs().find(|(name, _)| name == "expire");
        // Manifests carry it in the path: `/expire/1700000000/`.
        let in_path = || url.path_segments()?.skip_while(|part| *part != "expire").nth(1);
        let text = in_query.map(|(_, value)| value.into_owned());
        text.or_else(|| in_path().map(str::to_owned))?.parse().ok()
    });
    DateTime::from_timestamp(told.min()?, 0)
}
