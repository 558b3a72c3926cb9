//! What a segment is, and where the segments of one work file are kept until they
//! are joined.

use std::path::{Path, PathBuf};

use clipmill_core::{ByteRange, Code, Error};
use clipmill_media::MediaErrorKind;

/// Bytes at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentLocation {
    /// Index of the base address.
    pub base: usize,
    /// The address as the server wrote it, relative to the base.
    pub uri: String,
    /// Which bytes; none for all.
    pub range: Option<ByteRange>,
}

/// One segment of a rendition.
#[derive(Debug, Clone)]
pub struct StreamSegment {
    pub location: SegmentLocation,
    /// When it starts in the source's time, seconds, as the list states it.
    pub start: f64,
    /// Seconds, as the list states it.
    pub duration: f64,
    /// Its number, which it keeps while a list grows.
    pub number: u64,
    /// Between two discontinuities all segments have one clock.
    pub discontinuity: u64,
    /// Index of its initialization segment.
    pub init: Option<usize>,
    pub cipher: Option<SegmentCipher>,
}

/// With what a segment is encrypted.
#[derive(Debug, Clone, Copy)]
pub struct SegmentCipher {
    /// Index of its key.
    pub key: usize,
    /// Initialization vector.
    pub iv: [u8; 16],
}

/// The folder of the segments of one work file.
#[derive(Debug)]
pub struct SegmentFolder(PathBuf);

impl SegmentFolder {
    /// The folder of the work file `stem`.
    pub fn new(stem: &Path) -> SegmentFolder {
        SegmentFolder(stem.with_extension("segments"))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where a segment is kept, by its index.
    pub fn segment(&self, index: usize) -> PathBuf {
        self.0.join(format!("{index}.segment"))
    }

    /// Where an initialization segment is kept.
    pub fn init(&self, index: usize) -> PathBuf {
        self.0.join(format!("{index}.map"))
    }

    /// Where a key is kept.
    pub fn key(&self, index: usize) -> PathBuf {
        self.0.join(format!("{index}.key"))
    }
}

/// What a parser's refusal of a playlist, a manifest or a segment means for a job.
pub fn unreadable_stream(error: clipmill_media::MediaError) -> Error {
    let explained = match error.kind {
        MediaErrorKind::Nothing => Error::never(Code::NoSuchSpan, error.what.clone()),
        MediaErrorKind::Damaged
        | MediaErrorKind::Unsupported
        | MediaErrorKind::TooLarge
        | MediaErrorKind::Read => {
            Error::never(Code::NotMedia, format!("the stream can't be read: {}", error.what))
        }
    };
    explained.caused_by(error)
}
