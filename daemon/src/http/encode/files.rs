//! Uploads in the making: they go away by themselves.

use std::io;
use std::path::PathBuf;

/// A file that is removed when nobody needs it any more.
#[derive(Debug)]
pub struct HalfMade {
    path: PathBuf,
}

impl HalfMade {
    /// Guards this path from now on.
    pub fn at(path: PathBuf) -> HalfMade {
        HalfMade { path }
    }
}

impl Drop for HalfMade {
    fn drop(&mut self) {
        // It was put into the store, or never written.
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a half-made upload could not be removed");
        }
    }
}
