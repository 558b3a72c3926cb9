//! Which addresses are ours, and how they are written.

use clipmill_core::{Code, Error};
use url::Url;

use super::youtube::{self, is_under};

/// The configured hosts.
#[derive(Debug, Clone)]
pub(super) struct ClaimedHosts {
    names: Vec<String>,
}

impl ClaimedHosts {
    pub(super) fn new(names: &[String]) -> ClaimedHosts {
        let clean = |name: &String| name.trim().trim_matches('.').to_ascii_lowercase();
        ClaimedHosts { names: names.iter().map(clean).filter(|name| !name.is_empty()).collect() }
    }

    /// Whether the address is one of a configured host, or a YouTube video
    /// under another of its hosts.
    pub(super) fn claim(&self, url: &Url) -> bool {
        let web = matches!(url.scheme(), "http" | "https");
        web && (self.names.iter().any(|name| name == "*") || self.name(url))
    }

    /// Whether the operator named the host, other than by `*`.
    pub(super) fn name(&self, url: &Url) -> bool {
        let named = |url: &Url| {
            url.host_str().is_some_and(|host| self.names.iter().any(|name| is_under(host, name)))
        };
        named(url)
            || youtube::video_id(url)
                .and_then(|id| youtube::watch_url(&id))
                .is_some_and(|url| named(&url))
    }
}

/// The one spelling of an address that the tool gets to see and that the cache
/// goes by, put together from its parts. A fragment is dropped: the tool reads
/// instructions in it.
///
/// # Errors
/// `unsupported_url` for an address of YouTube that stands for no video.
pub(super) fn canonical(url: &Url) -> Result<Url, Error> {
    if let Some(video) = youtube::video_id(url).and_then(|id| youtube::watch_url(&id)) {
        return Ok(video);
    }
    let host = url.host_str().unwrap_or_default();
    if youtube::is_youtube(host) && !youtube::stands_for_a_video(url) {
        return Err(Error::never(
            Code::UnsupportedUrl,
            "this YouTube address is not that of a video",
        ));
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let text = format!("{}://{host}{port}{}{query}", url.scheme(), url.path());
    Url::parse(&text).map_err(|_| Error::never(Code::UnsupportedUrl, "this address can't be read"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn hosts(names: &[&str]) -> ClaimedHosts {
        ClaimedHosts::new(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_host_and_what_is_under_it_is_claimed() {
        let some = hosts(&["youtube.com", ".Twitch.tv"]);
        for text in [
            "https://youtube.com/x",
            "https://m.youtube.com./watch",
            "https://clips.twitch.tv/x",
            "https://youtu.be/dQw4w9WgXcQ",
        ] {
            assert!(some.claim(&url(text)), "{text}");
        }
        for text in [
            "https://notyoutube.com/x",
            "https://youtube.com.example/",
            "https://youtu.be/list",
            "ftp://youtube.com/x",
            "data:text/plain,youtube.com",
        ] {
            assert!(!some.claim(&url(text)), "{text}");
        }
        assert!(hosts(&["*"]).claim(&url("http://anything.example/")));
        assert!(!hosts(&["*"]).name(&url("http://anything.example/")));
        assert!(!hosts(&["*"]).claim(&url("file:///etc/passwd")));
        assert!(!hosts(&["", "."]).claim(&url("http://anything.example/")));
    }

    #[test]
    fn addresses_are_rebuilt_from_their_parts() {
        for (given, wanted) in [
            (
                "https://a.example:444/x%20y?b=1&c#__youtubedl_smuggle=1",
                "https://a.example:444/x%20y?b=1&c",
            ),
            ("https://me:pw@a.example/x", "https://a.example/x"),
            (
                "http://youtube.com/live/dQw4w9WgXcQ?t=1",
                "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
            ),
            ("https://www.youtube.com/@some/live#x", "https://www.youtube.com/@some/live"),
        ] {
            assert_eq!(canonical(&url(given)).unwrap().as_str(), wanted);
        }
        for text in [
            "https://www.youtube.com/redirect?q=http://10.0.0.1/",
            "https://www.youtube.com/playlist?list=PL1",
            "https://www.youtube.com/",
            "https://youtu.be/",
        ] {
            assert_eq!(canonical(&url(text)).unwrap_err().code, Code::UnsupportedUrl, "{text}");
        }
    }
}
