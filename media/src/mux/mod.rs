//! What a new file is made of, and the writers that make it.

mod copy;
pub mod mp4;
pub mod webm;

use crate::{Error, Track};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The tracks can't be put in such a file.
    #[error(transparent)]
    Media(#[from] Error),
}

/// One track of a new file.
#[derive(Debug, Clone, PartialEq)]
pub struct OutTrack {
    /// What it is. Its own `samples` are not looked at.
    pub track: Track,
    /// When its first sample is presented, ticks after the file's beginning.
    /// Negative: so much of its beginning is decoded, but not presented.
    pub begins: i64,
    /// Its samples in decoding order.
    pub samples: Vec<OutSample>,
}

/// One sample of a new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutSample {
    /// Its bytes.
    pub data: Data,
    /// When it is presented, ticks after the track's first one.
    pub pts: i64,
    /// How long, ticks; not 0.
    pub duration: u32,
    /// Whether decoding can begin here.
    pub sync: bool,
}

/// The bytes of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A part of one of the files that the writer is given.
    Of {
        /// Which file.
        file: usize,
        /// First byte.
        offset: u64,
        /// Bytes.
        size: u32,
    },
    /// These bytes.
    Made(Vec<u8>),
    /// One after the other.
    Chain(Vec<Data>),
}

impl Data {
    /// Bytes.
    pub fn size(&self) -> u64 {
        match self {
            Data::Of { size, .. } => u64::from(*size),
            Data::Made(bytes) => bytes.len() as u64,
            Data::Chain(parts) => parts.iter().map(Data::size).sum(),
        }
    }
}
