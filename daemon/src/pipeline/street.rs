//! The four stages in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clipmill_plugins::Registry;
use clipmill_plugins::media::Probe;
use clipmill_storage::Span;

use super::{Artifacts, Ask, Gauge, Rendition, StageError};
use crate::config::Config;
use crate::ffmpeg::Tools;

/// The stages and what they work with.
#[derive(Clone)]
pub struct Street {}

/// After fetch: local files that hold the span, from the keyframe before it.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What comes out in the end.
    pub rendition: Rendition,
    /// The span in the source's time; none when all of it is wanted.
    pub span: Option<Span>,
    /// Heights that the source offers, highest first (`1080p`).
    pub available_formats: Option<Vec<String>>,
    /// What a person should know of how it was fetched.
    pub note: Option<String>,
}

/// After trim: which frames exactly, and the files that hold them.
#[derive(Debug, Clone)]
pub struct Cut {
    /// What a person should know of how it was or will be cut.
    pub note: Option<String>,
}

/// After transcode: one finished file.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The file.
    pub path: PathBuf,
    /// Its extension (`mp4`, `webm`).
    pub extension: String,
    /// What it holds.
    pub probe: Probe,
    /// What a person should know of how it was made.
    pub note: Option<String>,
}

/// After retain: the file is in the artifact store, durably.
#[derive(Debug, Clone)]
pub struct Retained {
    /// Its key there.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

impl Street {
    /// A street of these handlers and tools.
    pub fn new(_config: &Config, _tools: Tools, _registry: Arc<Registry>) -> Street {
        unimplemented!()
    }

    /// Gets the bytes that the ask needs.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn fetch(&self, _ask: Ask, _gauge: &Gauge) -> Result<Fetched, StageError> {
        unimplemented!()
    }

    /// Finds the exact frames.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn trim(&self, _fetched: Fetched, _gauge: &Gauge) -> Result<Cut, StageError> {
        unimplemented!()
    }

    /// Makes the file that was asked for.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn transcode(&self, _cut: Cut, _gauge: &Gauge) -> Result<Encoded, StageError> {
        unimplemented!()
    }

    /// Puts the file into the artifact store.
    ///
    /// # Errors
    /// [`StageError`]
    pub async fn retain(
        &self,
        _encoded: Encoded,
        _key: &str,
        _artifacts: &Artifacts,
    ) -> Result<Retained, StageError> {
        unimplemented!()
    }

    /// How long one stage may take.
    pub fn stage_deadline(&self) -> Duration {
        unimplemented!()
    }
}
