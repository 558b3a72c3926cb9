//! Addresses of videos as clients write them, rebuilt from their parsed parts.

use clipmill_core::Code;
use clipmill_plugins::Registry;
use clipmill_plugins::builtin::ytdlp::youtube;
use url::Url;

use super::error::ApiError;

/// Longer texts are refused.
const MAX_BYTES: usize = 2048;

/// An address that a source can resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoAddress {
    /// Scheme, host, path and query; nothing else survives.
    pub url: Url,
    /// The 11-character id when it is a video on YouTube.
    pub youtube_video_id: Option<String>,
}

/// Reads an address, with or without its scheme. A video on YouTube in any of
/// its forms becomes the one form; a source must claim any other.
///
/// # Errors
/// 400 `invalid_url`
pub async fn parse(text: &str, registry: &Registry) -> Result<VideoAddress, ApiError> {
    let url = rebuilt(text).ok_or_else(invalid)?;
    if let Some(id) = youtube::video_id(&url) {
        return youtube_address(&id).ok_or_else(invalid);
    }
    if registry.source_for(&url).await.is_none() {
        return Err(invalid());
    }
    Ok(VideoAddress { url, youtube_video_id: None })
}

/// The address of a video on YouTube; none when the text is no id of a video.
pub fn youtube_address(id: &str) -> Option<VideoAddress> {
    let url = youtube::watch_url(id)?;
    Some(VideoAddress { url, youtube_video_id: Some(id.to_owned()) })
}

fn rebuilt(text: &str) -> Option<Url> {
    let text = text.trim();
    let has_scheme = text.contains("://");
    if text.is_empty() || text.len() > MAX_BYTES || text.contains(|c: char| c.is_control()) {
        return None;
    }
    let parsed = if has_scheme { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
    let mut url = parsed.ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none();
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    url.set_fragment(None);
    (is_plain && has_host).then_some(url)
}

fn invalid() -> ApiError {
    ApiError::bad_request(Code::InvalidUrl, "Invalid video URL")
}
