//! What each stage hands to the next one.

use std::path::PathBuf;
use std::sync::Arc;

use clipmill_core::Span;
use clipmill_core::probe::Probe;

use crate::abort_on_drop::AbortOnDrop;
use crate::index::Index;
use crate::media::Media;
use crate::trim::Exact;
use crate::{Rendition, smart_cut};

/// After fetch: local files that hold the span, from the keyframe before it.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Bytes that came from the source in this attempt.
    pub received_bytes: u64,
    /// The file that the job is to produce.
    pub rendition: Rendition,
    /// The span in the source's time; none when all of it is wanted.
    pub span: Option<Span>,
    /// Heights that the source offers, highest first (`1080p`).
    pub available_formats: Option<Vec<String>>,
    /// What a person should know of how it was fetched.
    pub note: Option<String>,
    pub(crate) media: Media,
    pub(crate) folder: PathBuf,
    /// Background write of the checkpoint (`fetched.json`); aborted when the last
    /// copy of this value is dropped.
    #[expect(dead_code, reason = "its drop is what it is for")]
    pub(crate) saving: Option<Arc<AbortOnDrop<()>>>,
    /// Early start: the head of the smart cut, encoded while bytes still arrive.
    pub(crate) early_head: Option<Arc<AbortOnDrop<Option<smart_cut::Order>>>>,
}

/// After trim: which frames exactly, and the files that hold them.
#[derive(Debug, Clone)]
pub struct Trimmed {
    /// What a person should know of how it was or will be cut.
    pub note: Option<String>,
    pub(crate) fetched: Fetched,
    pub(crate) exact: Option<Exact>,
    /// Every sample of the video file, where our own reader knows them.
    pub(crate) index: Option<Index>,
}

/// After transcode: one finished file.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The file.
    pub path: PathBuf,
    /// Its extension (`mp4`, `webm`, or a codec's own): 1 to 10 of a-z and 0-9.
    pub extension: String,
    /// What it holds.
    pub probe: Probe,
    /// What a person should know of how it was fetched and made.
    pub note: Option<String>,
    /// How many frames are bit for bit the source's own; none when all were
    /// re-encoded, or when the whole file was copied.
    pub copied_frames: Option<u64>,
}

/// After retain: the file is in the artifact store, durably.
#[derive(Debug, Clone)]
pub struct Retained {
    /// Its key there.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
}
