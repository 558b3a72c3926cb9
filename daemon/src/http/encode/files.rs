//! Uploaded files on disk: half-made ones go away by themselves.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// Room that must stay free beside an upload.
const RESERVE: u64 = 64 << 20;

/// Where the file of an upload is; none when the record does not name a plain
/// file of ours.
pub fn input_path(config: &Config, name: &str) -> Option<PathBuf> {
    let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    is_plain.then(|| config.folders.uploads().join(name))
}

/// A file that is removed unless it is kept.
#[derive(Debug)]
pub struct HalfMade {
    path: Option<PathBuf>,
}

impl HalfMade {
    /// Guards this path from now on.
    pub fn at(path: PathBuf) -> HalfMade {
        HalfMade { path: Some(path) }
    }

    /// Follows a rename.
    pub fn moved_to(&mut self, path: PathBuf) {
        self.path = Some(path);
    }

    /// Lets the file stay.
    pub fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for HalfMade {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a half-made upload could not be removed");
        }
    }
}

/// Whether there is room for so many bytes in the folder.
///
/// # Errors
/// When the file system does not tell.
pub fn has_room(folder: &Path, bytes: u64) -> io::Result<bool> {
    Ok(free(folder)? >= bytes.saturating_add(RESERVE))
}

/// Bytes that can be written into the folder.
///
/// # Errors
/// When the file system does not tell.
pub fn free(folder: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Gives a finished file its name, durably.
///
/// # Errors
/// When the file system refuses.
pub async fn rename_durably(from: PathBuf, to: PathBuf) -> io::Result<()> {
    let work = move || {
        std::fs::rename(&from, &to)?;
        match to.parent() {
            Some(folder) => std::fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_leads_to_no_other_folder() {
        let config = Config::default();
        assert!(input_path(&config, "65a1.mp4").is_some());
        for name in ["", "../x.mp4", "/etc/passwd", ".hidden", "a/b.mp4"] {
            assert_eq!(input_path(&config, name), None, "{name}");
        }
    }

    #[test]
    fn only_what_is_kept_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, "").unwrap();
        std::fs::write(&b, "").unwrap();
        drop(HalfMade::at(a.clone()));
        HalfMade::at(b.clone()).keep();
        assert!(!a.exists() && b.exists());
    }
}
