//! What a file is, from its first bytes. Names and content types are hearsay.

use std::path::Path;

use clipmill_core::probe::Container;
use url::Url;

/// How many bytes are wanted; fewer may be enough.
pub(super) const WANTED: usize = 4096;

/// Extensions of playlists and manifests.
const LISTS: [&str; 3] = ["m3u8", "m3u", "mpd"];

/// Brands of still pictures in MP4 clothes.
const PICTURES: [&[u8]; 5] = [b"avif", b"heic", b"heix", b"mif1", b"msf1"];

/// The file format, if it is one of video or sound.
pub(super) fn sniff(head: &[u8]) -> Option<Container> {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    if at(4, b"ftyp") {
        return (!PICTURES.iter().any(|brand| at(8, brand))).then_some(Container::Mp4);
    }
    if [b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"].iter().any(|kind| at(4, *kind)) {
        return Some(Container::Mp4);
    }
    if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
        // The name of the document type stands within the first elements.
        let webm = head.windows(4).take(64).any(|window| window == b"webm");
        return Some(if webm { Container::Webm } else { Container::Mkv });
    }
    // Packets of 188 bytes, or of 192 with a time in front.
    if [(0, 188), (4, 192)].iter().any(|(first, size)| {
        (0..3).all(|n| head.get(first + n * size) == Some(&0x47)) && head.len() > 2 * size
    }) {
        return Some(Container::Ts);
    }
    let riff = at(0, b"RIFF") && (at(8, b"AVI ") || at(8, b"WAVE"));
    let others: [&[u8]; 7] = [
        b"FLV\x01",
        b"OggS",
        b"fLaC",
        b"ID3",
        &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11],
        &[0, 0, 1, 0xba],
        &[0, 0, 1, 0xb3],
    ];
    (riff || others.iter().any(|magic| at(0, magic))).then_some(Container::Other)
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
    let text = String::from_utf8_lossy(head.get(..WANTED.min(head.len())).unwrap_or_default());
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
    fn formats_are_told_by_their_bytes() {
        let mut ts = vec![0; 600];
        ts[0] = 0x47;
        ts[188] = 0x47;
        ts[376] = 0x47;
        let mut m2ts = vec![0; 600];
        m2ts[4] = 0x47;
        m2ts[196] = 0x47;
        m2ts[388] = 0x47;
        let cases: [(&[u8], Option<Container>); 16] = [
            (b"\0\0\0\x20ftypisom", Some(Container::Mp4)),
            (b"\0\0\0\x14ftypqt  ", Some(Container::Mp4)),
            (b"\0\0\0\x20ftypavif", None),
            (b"\0\0\x01\0moov", Some(Container::Mp4)),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", Some(Container::Webm)),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", Some(Container::Mkv)),
            (&ts, Some(Container::Ts)),
            (&m2ts, Some(Container::Ts)),
            (b"RIFF\0\0\0\0AVI LIST", Some(Container::Other)),
            (b"RIFF\0\0\0\0WEBPVP8 ", None),
            (b"FLV\x01\x05", Some(Container::Other)),
            (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Some(Container::Other)),
            (b"\0\0\x01\xba", Some(Container::Other)),
            (b"Good morning", None),
            (b"\x89PNG\r\n\x1a\n", None),
            (b"", None),
        ];
        for (head, wanted) in cases {
            assert_eq!(sniff(head), wanted, "{head:?}");
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
