//! From the name of a file in a record to its key in a store.
//!
//! A key names a file below the store and nothing else: there is no way out.

use std::path::{Path, PathBuf};

use object_store::path::Path as Key;

/// The folder that absolute names in older records start with. The reference
/// service wrote whole paths (`/srv/downloads/abc.mp4`); this one writes keys
/// (`abc.mp4`).
#[derive(Debug, Clone)]
pub(super) struct RecordNames {
    folders: Vec<PathBuf>,
}

impl RecordNames {
    /// Names below this folder are keys; it need not exist.
    pub fn below(folder: &Path) -> RecordNames {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        // Records may name it by where a link leads to, or by the link.
        let real = std::fs::canonicalize(&absolute).ok().filter(|real| *real != absolute);
        RecordNames { folders: std::iter::once(absolute).chain(real).collect() }
    }

    /// The key of a name; none when it leads anywhere but into the store.
    pub fn key(&self, name: &str) -> Option<Key> {
        let inside = if name.starts_with('/') {
            let path = Path::new(name);
            self.folders.iter().find_map(|folder| path.strip_prefix(folder).ok())?.to_str()?
        } else {
            name
        };
        // Refuses empty segments, `.`, `..` and control characters.
        let key = Key::parse(inside).ok()?;
        (!key.as_ref().is_empty() && key.as_ref() == inside).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_store() {
        let names = RecordNames::below(Path::new("/srv/downloads"));
        let key = |name: &str| names.key(name).map(|key| key.to_string());
        for (name, inside) in [
            ("65a1.mp4", "65a1.mp4"),
            ("Mein Film#1.mp4", "Mein Film#1.mp4"),
            ("old/65a1.mp4", "old/65a1.mp4"),
            ("/srv/downloads/65a1.mp4", "65a1.mp4"),
            ("/srv//downloads/./old/65a1.mp4", "old/65a1.mp4"),
        ] {
            assert_eq!(key(name).as_deref(), Some(inside), "{name}");
        }
        for name in [
            "",
            "/",
            ".",
            "..",
            "../x.mp4",
            "a/../../x.mp4",
            "a//x.mp4",
            "x.mp4/",
            "a\0b",
            "/etc/passwd",
            "/srv/downloads",
            "/srv/downloads/../secret",
            "/srv/downloads-of-another/x.mp4",
        ] {
            assert_eq!(key(name), None, "{name}");
        }
    }
}
