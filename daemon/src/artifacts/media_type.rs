//! The media type under which a file is served.

/// Extensions of media and their types.
const KINDS: &[(&str, &str)] = &[
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("webm", "video/webm"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("3gp", "video/3gpp"),
    ("avi", "video/x-msvideo"),
    ("flv", "video/x-flv"),
    ("mpg", "video/mpeg"),
    ("mpeg", "video/mpeg"),
    ("ogv", "video/ogg"),
    ("ts", "video/mp2t"),
    ("gif", "image/gif"),
    ("apng", "image/apng"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("jxl", "image/jxl"),
    ("m4a", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("flac", "audio/flac"),
    ("wav", "audio/wav"),
];

/// The type of bytes that no client is to interpret.
const BYTES: &str = "application/octet-stream";

/// The longest extension that is taken for one.
const LONGEST: usize = 10;

/// Extension and media type by the key's extension alone, so that they outlive
/// the codec that made the file. A file is never sent as something that a
/// browser would run: what is no known kind of media is plain bytes.
pub fn extension_and_media_type(key: &str) -> (&str, &'static str) {
    let extension = key.rsplit_once('.').map_or("", |(_, extension)| extension);
    let known = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(extension));
    if let Some((name, media_type)) = known {
        return (name, media_type);
    }
    let is_plain = extension.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match extension.len() {
        1..=LONGEST if is_plain => (extension, BYTES),
        // Older records may name their files in any way; they are all of one kind.
        _ => ("mp4", "video/mp4"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_follow_extensions() {
        assert_eq!(extension_and_media_type("abc.webm"), ("webm", "video/webm"));
        assert_eq!(extension_and_media_type("abc.gif"), ("gif", "image/gif"));
        assert_eq!(extension_and_media_type("/old/place/abc.MP4"), ("mp4", "video/mp4"));
        assert_eq!(extension_and_media_type("abc"), ("mp4", "video/mp4"));
        assert_eq!(extension_and_media_type("a.b/c d"), ("mp4", "video/mp4"));
    }

    #[test]
    fn what_is_no_known_media_is_bytes() {
        assert_eq!(extension_and_media_type("abc.y4m"), ("y4m", BYTES));
        for key in ["abc.html", "abc.svg", "abc.js", "abc.xml"] {
            assert_eq!(extension_and_media_type(key).1, BYTES);
        }
    }
}
