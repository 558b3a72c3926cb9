//! Addresses of videos as clients write them, rebuilt from their parsed parts.

use clipmill_plugins::Registry;
use clipmill_plugins::builtin::ytdlp::youtube;
use url::Url;

use super::error::ApiError;

/// Longer texts are not looked at.
const MAX_BYTES: usize = 2048;

/// An address that a source may be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host, path and query; nothing else survives.
    pub url: Url,
    /// The 11-character id when it is a video on YouTube.
    pub youtube_video_id: Option<String>,
}

/// Reads an address, with or without its scheme. A video on YouTube in any of
/// its forms becomes the one form; others must be claimed by a source.
///
/// # Errors
/// 400 `invalid_url`
pub async fn parse(text: &str, registry: &Registry) -> Result<Address, ApiError> {
    let url = rebuilt(text).ok_or_else(invalid)?;
    if let Some(id) = youtube::video_id(&url) {
        return of_youtube(&id).ok_or_else(invalid);
    }
    if registry.source_for(&url).await.is_none() {
        return Err(invalid());
    }
    Ok(Address { url, youtube_video_id: None })
}

/// The address of a video on YouTube; none when the text is no id of one.
pub fn of_youtube(id: &str) -> Option<Address> {
    let url = youtube::watch_url(id)?;
    Some(Address { url, youtube_video_id: Some(id.to_owned()) })
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
    ApiError::bad_request("invalid_url", "Invalid video URL")
}
