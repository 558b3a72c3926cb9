//! What of a file a span needs, and the small file that it becomes.

use std::ops::Range;

use crate::Movie;

/// Most bytes that lie between two needed ones and are taken along, because a
/// request of its own costs more.
pub const GAP: u64 = 128 * 1024;

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Want {
    /// First time, seconds after the file's own beginning: the least time at
    /// which one of its tracks is presented, picture or sound.
    pub start: f64,
    /// First time that is not wanted any more, seconds.
    pub end: f64,
    /// Whether the picture is wanted.
    pub picture: bool,
    /// Whether sound is wanted.
    pub sound: bool,
}

/// Where everything is that a span needs: from the keyframe at or before it,
/// in decoding order, to the last sample that is presented in it.
///
/// `parts` one after the other are a small valid file of the same kind with
/// the same time stamps.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The small file.
    pub parts: Vec<Part>,
    /// The file's own beginning in its own clock (and that of the small file),
    /// microseconds.
    pub zero_micros: i64,
    /// Seconds from the beginning to the end of the whole file, when its index
    /// tells.
    pub duration: Option<f64>,
    /// Extension of the small file: `mp4` or `webm` (also for Matroska: `mkv`).
    pub extension: &'static str,
    /// The tracks, without samples.
    pub movie: Movie,
}

/// A piece of a small file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These very bytes.
    Made(Vec<u8>),
    /// These bytes of the original file.
    Copied(Range<u64>),
}

impl Part {
    /// Bytes.
    pub fn length(&self) -> u64 {
        match self {
            Part::Made(bytes) => bytes.len() as u64,
            Part::Copied(range) => range.end.saturating_sub(range.start),
        }
    }
}
