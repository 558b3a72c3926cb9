//! What a file is served as.

/// Extension and media type by the key's extension; a file is never sent as
/// something that a browser would run.
pub fn kind(key: &str) -> (&'static str, &'static str) {
    let extension = key.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("webm") => ("webm", "video/webm"),
        Some("mkv") => ("mkv", "video/x-matroska"),
        _ => ("mp4", "video/mp4"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_follow_extensions() {
        assert_eq!(kind("abc.webm").1, "video/webm");
        assert_eq!(kind("abc.html"), ("mp4", "video/mp4"));
        assert_eq!(kind("/old/place/abc.MP4").1, "video/mp4");
    }
}
