//! The clip file: a small file that holds what a span needs of a large one.

use std::ops::Range;

use crate::Media;

/// Most bytes that lie between two needed ones and are taken along, because a
/// request of its own costs more.
pub(crate) const GAP: u64 = 128 * 1024;

/// The span and the tracks that a clip file is to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanSelection {
    /// First time, seconds after the file's own start: the least time at which
    /// one of its tracks is presented, video or audio.
    pub start: f64,
    /// First time after the span, seconds.
    pub end: f64,
    /// Whether the video is wanted.
    pub video: bool,
    /// Whether audio is wanted.
    pub audio: bool,
}

/// Where everything is that a span needs: from the keyframe at or before it,
/// in decoding order, to the last sample that is presented in it.
///
/// `parts` one after the other are a valid file of the same format with the
/// same time stamps.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipFile {
    /// The clip file's content.
    pub parts: Vec<ClipPart>,
    /// The file's own start in its own clock, which is the clip file's clock
    /// too, microseconds.
    pub origin_micros: i64,
    /// When an edit presents the video, in the same clock, microseconds: the clip
    /// file may hold other frames, which those within refer to.
    pub presented_micros: Range<i64>,
    /// Seconds from the start to the end of the whole file, if its index says
    /// so.
    pub duration: Option<f64>,
    /// Extension of the clip file.
    pub extension: &'static str,
    /// The tracks, without samples.
    pub media: Media,
}

/// A part of a clip file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClipPart {
    /// These bytes, which are in no file.
    Generated(Vec<u8>),
    /// These bytes of the original file.
    Copied(Range<u64>),
}

impl ClipPart {
    /// Bytes.
    pub fn length(&self) -> u64 {
        match self {
            ClipPart::Generated(bytes) => bytes.len() as u64,
            ClipPart::Copied(range) => range.end.saturating_sub(range.start),
        }
    }
}
