//! Addresses of YouTube videos.

use url::Url;

/// Whether this is the id of a YouTube video: 11 characters of the URL-safe
/// base64 alphabet.
pub fn is_video_id(text: &str) -> bool {
    text.len() == 11 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The address that every spelling of a video's address is brought to.
/// None if `id` is not a video id.
pub fn watch_url(id: &str) -> Option<Url> {
    is_video_id(id).then(|| format!("https://www.youtube.com/watch?v={id}"))?.parse().ok()
}

/// The video id in an address that a person wrote, with or without a scheme.
pub fn video_id_of_text(text: &str) -> Option<String> {
    let text = text.trim();
    let url = match text.split_once("://") {
        Some(_) => Url::parse(text).ok()?,
        None => Url::parse(&format!("https://{text}")).ok()?,
    };
    video_id(&url)
}

/// The video id in an address: `watch?v=` with `v` at any place, `youtu.be/`,
/// `embed/`, `v/`, `live/`, `shorts/`, on any of YouTube's hosts.
pub fn video_id(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let mut path = url.path_segments()?.filter(|segment| !segment.is_empty());
    let found = match url.host_str()?.trim_end_matches('.') {
        "youtu.be" | "www.youtu.be" => path.next()?.to_owned(),
        host if is_youtube(host) => match path.next()? {
            "watch" => url.query_pairs().find(|(name, _)| name == "v")?.1.into_owned(),
            "embed" | "v" | "live" | "shorts" => path.next()?.to_owned(),
            _ => return None,
        },
        _ => return None,
    };
    is_video_id(&found).then_some(found)
}

/// Whether this is one of YouTube's own hosts.
pub(super) fn is_youtube(host: &str) -> bool {
    ["youtube.com", "youtube-nocookie.com", "youtu.be"].iter().any(|site| is_under(host, site))
}

/// Whether the address is that of a clip or of a channel's live stream, which
/// stand for one video although they don't name it.
pub(super) fn stands_for_a_video(url: &Url) -> bool {
    let path: Vec<_> =
        url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect();
    match path.as_slice() {
        ["clip", _] => true,
        [handle, "live"] => handle.starts_with('@'),
        ["channel" | "c" | "user", _, "live"] => true,
        _ => false,
    }
}

/// Whether `host` is `name` or a name under it.
pub(super) fn is_under(host: &str, name: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_spelling_is_found() {
        for text in [
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "http://youtube.com/watch?list=PL1&v=dQw4w9WgXcQ&t=3",
            "https://m.youtube.com/watch?app=desktop&v=dQw4w9WgXcQ#x",
            "music.youtube.com/watch?v=dQw4w9WgXcQ",
            "youtu.be/dQw4w9WgXcQ?si=abc",
            " https://youtu.be/dQw4w9WgXcQ/ ",
            "https://www.youtube.com/embed/dQw4w9WgXcQ?start=1",
            "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
            "https://www.youtube.com/v/dQw4w9WgXcQ",
            "youtube.com/live/dQw4w9WgXcQ?feature=share",
            "https://www.youtube.com/shorts/dQw4w9WgXcQ",
            "HTTPS://WWW.YOUTUBE.COM/watch?v=dQw4w9WgXcQ",
        ] {
            assert_eq!(video_id_of_text(text).as_deref(), Some("dQw4w9WgXcQ"), "{text}");
        }
        let url = watch_url("dQw4w9WgXcQ").unwrap();
        assert_eq!(url.as_str(), "https://www.youtube.com/watch?v=dQw4w9WgXcQ");
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "dQw4w9WgXcQ",
            "https://www.youtube.com/",
            "https://www.youtube.com/watch?v=short",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ1",
            "https://www.youtube.com/watch?v=dQw4w9WgX%20Q",
            "https://www.youtube.com/playlist?list=dQw4w9WgXcQ",
            "https://notyoutube.com/watch?v=dQw4w9WgXcQ",
            "https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ",
            "ftp://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "javascript://youtube.com/watch?v=dQw4w9WgXcQ",
        ] {
            assert_eq!(video_id_of_text(text), None, "{text}");
        }
        assert_eq!(watch_url("../../etc/p"), None);
    }
}
