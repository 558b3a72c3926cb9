//! Names that clients give to files.

use crate::chat;

/// Longer names are cut.
const MOST_CHARACTERS: usize = 120;

/// What an upload may be.
pub const EXTENSIONS: &[&str] =
    &["mp4", "avi", "mkv", "mov", "flv", "wmv", "webm", "m4v", "mpg", "mpeg", "3gp"];

/// A client's name for a file, cleaned for showing and for offering it back;
/// it never names a file on our disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    stem: String,
    /// In lower case, one of [`EXTENSIONS`].
    pub extension: &'static str,
}

impl FileName {
    /// Cleans a name: without folders, control characters and characters that
    /// mean something to shells or file systems. None when its extension is
    /// not among those that are allowed.
    pub fn clean(name: &str) -> Option<FileName> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let (stem, extension) = name.rsplit_once('.')?;
        let extension = extension.trim().to_ascii_lowercase();
        let extension = EXTENSIONS.iter().find(|allowed| **allowed == extension)?;
        let is_harmless = |c: char| c.is_alphanumeric() || " ._-()[]+,'".contains(c);
        let stem = chat::clean(stem, MOST_CHARACTERS);
        let stem: String = stem.chars().map(|c| if is_harmless(c) { c } else { '_' }).collect();
        let stem = stem.trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
        let stem = if stem.is_empty() { "video" } else { stem };
        Some(FileName { stem: stem.to_owned(), extension })
    }

    /// With the extension.
    pub fn full(&self) -> String {
        format!("{}.{}", self.stem, self.extension)
    }
}

/// A name without its extension.
pub fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(name: &str) -> Option<String> {
        FileName::clean(name).map(|name| name.full())
    }

    #[test]
    fn names_lose_what_is_dangerous() {
        for (given, kept) in [
            ("myvideo.avi", "myvideo.avi"),
            ("My Holiday (1).MP4", "My Holiday (1).mp4"),
            ("../../etc/passwd.mkv", "passwd.mkv"),
            ("C:\\videos\\a.b.mov", "a.b.mov"),
            ("x\r\nSet-Cookie: a.webm", "x Set-Cookie_ a.webm"),
            ("a\"b;$(c).3gp", "a_b__(c).3gp"),
            (".mp4", "video.mp4"),
            ("-rf.mpeg", "rf.mpeg"),
            ("Über Öl.m4v", "Über Öl.m4v"),
        ] {
            assert_eq!(clean(given).as_deref(), Some(kept), "{given}");
        }
        assert!(clean(&format!("{}.mp4", "x".repeat(5000))).is_some_and(|name| name.len() < 200));
    }

    #[test]
    fn other_extensions_are_refused() {
        for name in ["a.exe", "a", "mp4", "a.mp4.sh", "a.m3u8", "a.", ""] {
            assert_eq!(clean(name), None, "{name}");
        }
    }
}
