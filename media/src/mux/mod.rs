//! What a new file is made of, and the writers that make it.

pub(crate) mod copy;

use crate::{MediaError, Track};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The tracks can't be put in such a file.
    #[error(transparent)]
    Media(#[from] MediaError),
}

/// One track of a new file.
#[derive(Debug, Clone, PartialEq)]
pub struct OutTrack {
    /// What it is. Its own `samples` are not looked at.
    pub track: Track,
    /// When its first sample is presented, ticks after the file's start.
    /// Negative: the track's first so many ticks are decoded, but not presented.
    pub start: i64,
    /// Its samples in decoding order.
    pub samples: Vec<OutSample>,
}

/// One sample of a new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutSample {
    /// Its bytes.
    pub data: SampleData,
    /// When it is presented, ticks after the track's first one.
    pub pts: i64,
    /// How long, ticks; not 0.
    pub duration: u32,
    /// Whether decoding can begin here.
    pub sync: bool,
}

/// The bytes of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleData {
    /// A part of one of the files that the writer is given.
    Copied {
        /// Which file.
        file: usize,
        /// First byte.
        offset: u64,
        /// Bytes.
        size: u32,
    },
    /// These bytes.
    Generated(Vec<u8>),
    /// One after the other.
    Chain(Vec<SampleData>),
}

impl SampleData {
    /// Bytes.
    pub fn size(&self) -> u64 {
        match self {
            SampleData::Copied { size, .. } => u64::from(*size),
            SampleData::Generated(bytes) => bytes.len() as u64,
            SampleData::Chain(parts) => parts.iter().map(SampleData::size).sum(),
        }
    }
}
