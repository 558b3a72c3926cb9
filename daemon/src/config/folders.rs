//! `[folders]`: where things are on the disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[folders]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Folders {
    /// The database, the secrets, and whatever of the following is not set.
    pub data: PathBuf,
    /// Finished files; `data`/files when absent.
    pub files: Option<PathBuf>,
    /// Uploaded files; `data`/uploads when absent.
    pub uploads: Option<PathBuf>,
    /// Unfinished files; `data`/work when absent.
    pub work: Option<PathBuf>,
}

impl Default for Folders {
    fn default() -> Folders {
        Folders { data: PathBuf::from("data"), files: None, uploads: None, work: None }
    }
}

impl Folders {
    /// Where finished files are.
    pub fn files(&self) -> PathBuf {
        self.files.clone().unwrap_or_else(|| self.data.join("files"))
    }

    /// Where uploaded files are.
    pub fn uploads(&self) -> PathBuf {
        self.uploads.clone().unwrap_or_else(|| self.data.join("uploads"))
    }

    /// Where unfinished files are.
    pub fn work(&self) -> PathBuf {
        self.work.clone().unwrap_or_else(|| self.data.join("work"))
    }
}
