//! What each stage hands to the next one. Data only: the stages are in files
//! that import this one, and this one imports none of them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clipmill_core::Span;
use clipmill_core::probe::Probe;
use clipmill_media::mux::OutTrack;

use crate::abort_on_drop::AbortOnDrop;
use crate::ffmpeg::CutWindow;
use crate::index::SampleIndex;
use crate::local_media::LocalMedia;
use crate::request::Rendition;

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
    pub(crate) media: LocalMedia,
    pub(crate) folder: PathBuf,
    /// Background write of the checkpoint (`fetched.json`); aborted when the last
    /// copy of this value is dropped.
    #[expect(dead_code, reason = "its drop is what it is for")]
    pub(crate) saving: Option<Arc<AbortOnDrop<()>>>,
    /// Early start: the head of the smart cut, encoded while bytes still arrive.
    pub(crate) early_head: Option<Arc<AbortOnDrop<Option<PartEncode>>>>,
}

/// After trim: which frames exactly, and the files that hold them.
#[derive(Debug, Clone)]
pub struct Trimmed {
    /// What a person should know of how it was or will be cut.
    pub note: Option<String>,
    pub(crate) fetched: Fetched,
    pub(crate) exact: Option<ExactFrames>,
    /// Every sample of the video's file, where our own reader knows them.
    pub(crate) index: Option<SampleIndex>,
}

/// A window and the frames in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ExactFrames {
    /// Where the frames are, for ffmpeg.
    pub window: CutWindow,
    /// How many there are, at least 1.
    pub count: u64,
    /// How they follow each other.
    pub timing: FrameTiming,
    /// How long all frames of the file are shown, those of the window and those
    /// around it, microseconds. ffprobe's duration may count from 0, wherever the
    /// first frame is.
    pub file_micros: i64,
}

/// How the frames of a window follow each other, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameTiming {
    /// From the first frame to the second; none for a single one.
    pub first_gap: Option<i64>,
    /// From one to the next, on average; at least 1.
    pub average_gap: i64,
    /// How long the last frame is shown, whatever the window says.
    pub last_gap: i64,
    /// From the first frame until the last one is not shown any more.
    pub duration: i64,
}

/// The encode of a smart cut's head or tail, and all that its result depends on:
/// two equal values have equal results.
#[derive(Debug, PartialEq)]
pub(crate) struct PartEncode {
    /// What it is encoded from: the part with its pre-roll.
    pub preroll: OutTrack,
    /// Where that is written to.
    pub input: PathBuf,
    /// ffmpeg's arguments.
    pub args: Vec<OsString>,
    /// The encoded part.
    pub output: PathBuf,
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
    /// re-encoded, or when the whole file was stream-copied.
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
