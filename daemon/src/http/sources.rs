//! Resolving a video with its source: what it can be had in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::probe::{Container, MediaInfo};
use clipmill_core::{Code, Error, Id, Retry};
use clipmill_plugins::ResolveOptions;
use http::StatusCode;
use url::Url;

use super::error::ApiError;
use crate::app::App;

/// Longest wait for a source.
const DEADLINE: Duration = Duration::from_secs(60);
/// Lower resolutions are not worth naming, says the reference.
const LOWEST: u32 = 720;

/// What a video can be had in, as the reference words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// `1440p`, highest first.
    pub resolutions: Vec<String>,
    /// `mp4` and `webm`, as far as there are any.
    pub extensions: BTreeSet<&'static str>,
    /// The extensions of each resolution.
    pub formats: BTreeMap<String, BTreeSet<&'static str>>,
}

/// Resolves an address with the source that claims it.
///
/// # Errors
/// What the source says, `unsupported_url` when there is none,
/// `source_timeout` after a minute.
pub async fn resolve(app: &App, url: &Url) -> Result<Arc<MediaInfo>, Error> {
    let Some(source) = app.engine.registry.source_for(url).await else {
        return Err(Error::never(Code::UnsupportedUrl, "No source knows this address"));
    };
    tokio::time::timeout(DEADLINE, source.resolve(url, ResolveOptions::default()))
        .await
        .unwrap_or_else(|_| {
            Err(Error::later(Code::SourceTimeout, "The source did not answer in time"))
        })
}

/// What of a resolved video is worth naming.
pub fn offer(info: &MediaInfo) -> Offer {
    let mut heights: BTreeMap<u32, BTreeSet<&'static str>> = BTreeMap::new();
    for format in &info.formats {
        let height = format.video.as_ref().and_then(|video| video.height);
        let Some(height) = height.filter(|height| *height >= LOWEST) else { continue };
        let extensions = heights.entry(height).or_default();
        match format.container {
            Container::Mp4 => extensions.insert("mp4"),
            Container::Webm => extensions.insert("webm"),
            Container::Mkv | Container::Ts | Container::Other => false,
        };
    }
    let name = |height: &u32| format!("{height}p");
    Offer {
        resolutions: heights.keys().rev().map(name).collect(),
        extensions: heights.values().flatten().copied().collect(),
        formats: heights.iter().map(|(height, found)| (name(height), found.clone())).collect(),
    }
}

/// Resolves a saved clip in the background and writes its formats to the record.
/// When too many sources are being resolved already, the record stays without
/// formats; the worker adds them later.
pub fn resolve_in_background(app: &Arc<App>, id: Id, url: Url) {
    let Ok(permit) = Arc::clone(&app.signals.resolving).try_acquire_owned() else {
        tracing::debug!(video.id = %id, "too many sources are being resolved; the worker will find out the formats");
        return;
    };
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let _permit = permit;
        match resolve(&app, &url).await {
            Ok(info) => {
                let resolutions = offer(&info).resolutions;
                if let Err(error) = app.storage.set_available_formats(id, &resolutions).await {
                    tracing::warn!(video.id = %id, %error, "the formats of a saved clip could not be written to its record");
                }
            }
            Err(error) => {
                tracing::info!(
                    video.id = %id,
                    url.host = url.host_str(),
                    error.code = %error.code,
                    "the source could not resolve a saved clip: {}",
                    error.chain()
                );
            }
        }
    });
}

/// The answer when a source refuses: 400 where the address is wrong, otherwise 500
/// as in the reference, always with the source's own code.
pub fn refused(error: &'static str, refusal: Error) -> ApiError {
    let status = match refusal.code {
        Code::UnsupportedUrl | Code::AddressRefused => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let answer = ApiError::new(status, refusal.code, error).with("message", refusal.message);
    match refusal.retry {
        Retry::After(pause) => answer.retry_after(pause.as_secs().max(1)),
        Retry::Never | Retry::Later => answer,
    }
}

#[cfg(test)]
mod tests {
    use clipmill_core::probe::{AudioTrack, Format, Live, Transport, VideoTrack};

    use super::*;

    fn format(container: Container, height: Option<u32>) -> Format {
        Format {
            id: "f".to_owned(),
            container,
            video: height
                .map(|height| VideoTrack { height: Some(height), ..VideoTrack::default() }),
            audio: height.is_none().then(AudioTrack::default),
            bitrate: None,
            size: None,
            transport: Transport::Opaque,
        }
    }

    #[test]
    fn resolutions_are_named_from_720_on_highest_first() {
        let info = MediaInfo {
            id: "x".to_owned(),
            title: None,
            duration: None,
            live: Live::No,
            formats: vec![
                format(Container::Mp4, None),
                format(Container::Mp4, Some(360)),
                format(Container::Mp4, Some(720)),
                format(Container::Webm, Some(1080)),
                format(Container::Mp4, Some(1080)),
                format(Container::Webm, Some(2160)),
            ],
            expires_at: None,
        };
        let offer = offer(&info);
        assert_eq!(offer.resolutions, ["2160p", "1080p", "720p"]);
        assert_eq!(offer.extensions, BTreeSet::from(["mp4", "webm"]));
        assert_eq!(offer.formats["2160p"], BTreeSet::from(["webm"]));
        assert_eq!(offer.formats["1080p"], BTreeSet::from(["mp4", "webm"]));
        assert_eq!(offer.formats.len(), 3);
    }
}
