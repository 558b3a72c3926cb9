//! What is at an address, from its first bytes: a media file, or a list of segments.

use std::path::Path;

use clipmill_core::probe::Container;
use clipmill_core::{FileFormat, SNIFFED_BYTES, sniff};
use url::Url;

/// Extensions of playlists and manifests.
const LISTS: [&str; 3] = ["m3u8", "m3u", "mpd"];

/// The container of a file with these first bytes, if it is one of video or
/// audio. Images, and formats that only tools exchange, are none.
pub(super) fn media_container(head: &[u8]) -> Option<Container> {
    match sniff(head)? {
        FileFormat::IsoImage
        | FileFormat::Nut
        | FileFormat::Gif
        | FileFormat::Png
        | FileFormat::Ivf
        | FileFormat::Y4m => None,
        format => Some(format.container()),
    }
}

/// A list of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// An HLS playlist.
    Hls,
    /// A DASH manifest.
    Dash,
}

/// Whether an address is named like that of a playlist or a manifest (`.m3u8`,
/// `.m3u`, `.mpd`, in any case).
pub fn names_list(url: &Url) -> bool {
    let extension = Path::new(url.path()).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|own| LISTS.iter().any(|list| list.eq_ignore_ascii_case(own)))
}

/// What kind of list a text is, if it is one.
pub(super) fn list(head: &[u8]) -> Option<List> {
    let text =
        String::from_utf8_lossy(head.get(..SNIFFED_BYTES.min(head.len())).unwrap_or_default());
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with("#EXTM3U") {
        return Some(List::Hls);
    }
    (text.starts_with('<') && text.contains("<MPD")).then_some(List::Dash)
}

/// Whether a list says that it still grows, as far as its beginning tells.
pub(super) fn grows(list: List, head: &[u8], whole: bool) -> bool {
    let text = String::from_utf8_lossy(head);
    match list {
        List::Hls => whole && text.contains("#EXTINF") && !text.contains("#EXT-X-ENDLIST"),
        List::Dash => text.contains("type=\"dynamic\"") || text.contains("type='dynamic'"),
    }
}

/// What to tell a person about a file that is no media.
pub(super) fn advice(head: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(head.get(..512.min(head.len())).unwrap_or_default());
    let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if text.starts_with('<') {
        "this address is that of a web page, not of a media file; give the address of the \
         file itself, or ask the operator to add the site to those of yt-dlp"
    } else if head.is_empty() {
        "the file at this address is empty"
    } else {
        "the file at this address is neither video nor sound in a known format"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_video_and_audio_are_media() {
        let cases: [(&[u8], Option<Container>); 9] = [
            (b"\0\0\0\x20ftypisom", Some(Container::Mp4)),
            (b"\0\0\0\x20ftypavif", None),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", Some(Container::Webm)),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", Some(Container::Mkv)),
            (b"RIFF\0\0\0\0AVI LIST", Some(Container::Other)),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(Container::Other)),
            (b"\x89PNG\r\n\x1a\n", None),
            (b"Good morning", None),
            (b"", None),
        ];
        for (head, container) in cases {
            assert_eq!(media_container(head), container, "{head:?}");
        }
    }

    #[test]
    fn lists_are_told_from_pages() {
        assert_eq!(list(b"\xef\xbb\xbf#EXTM3U\n"), Some(List::Hls));
        assert_eq!(list(b"<?xml version='1.0'?>\n<MPD type='static'>"), Some(List::Dash));
        assert_eq!(list(b"<!doctype html>"), None);
        assert!(grows(List::Hls, b"#EXTM3U\n#EXTINF:4,\na\n", true));
        assert!(!grows(List::Hls, b"#EXTM3U\n#EXTINF:4,\na\n", false));
        assert!(!grows(List::Hls, b"#EXTM3U\n#EXTINF:4,\na\n#EXT-X-ENDLIST\n", true));
        assert!(grows(List::Dash, b"<MPD type=\"dynamic\">", false));
        assert_eq!(list(b"text <MPD"), None);
    }

    #[test]
    fn advice_fits_what_is_there() {
        assert!(advice(b"\xef\xbb\xbf <!doctype html>").contains("web page"));
        assert!(advice(b"").contains("empty"));
        assert!(advice(b"text").contains("neither"));
    }
}
