//! What a sample entry says, in one form for video and audio.

use super::boxes::{ChildBox, child};
use crate::{CodecId, MediaError};

/// A sample entry (ISO/IEC 14496-12, 8.5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampleEntry {
    /// How samples are coded.
    pub codec: CodecId,
    /// As [`Track::config`](crate::Track::config).
    pub config: Vec<u8>,
    /// All of the entry.
    pub whole: Vec<u8>,
    /// Which of the data references (`dref`) has the samples, from 1 on.
    pub data_reference: u16,
    /// Coded size in pixels; 0 for audio.
    pub width: u32,
    /// Coded size in pixels; 0 for audio.
    pub height: u32,
    /// Width and height of a pixel; (1, 1) when square or unknown.
    pub pixel_aspect: (u32, u32),
    /// Samples per second; 0 for video.
    pub sample_rate: u32,
    /// Channels; 0 for video.
    pub channels: u16,
}

impl SampleEntry {
    /// Whether its codec is one of still pictures, which covers and the pictures
    /// of chapters have.
    pub fn is_still(&self) -> bool {
        matches!(&self.codec, CodecId::Other(name) if matches!(name.as_str(), "jpeg" | "png." | "mjpg"))
    }
}

/// Refuses an entry whose name says that its samples are encrypted.
pub(crate) fn refuse_encrypted_name(entry: &ChildBox<'_>) -> Result<(), MediaError> {
    if matches!(&entry.name, b"encv" | b"enca" | b"drms" | b"drmi") {
        return Err(encrypted());
    }
    Ok(())
}

/// Refuses an entry whose boxes say how its samples are encrypted.
pub(crate) fn refuse_encrypted_boxes(boxes: &[u8]) -> Result<(), MediaError> {
    match child(boxes, b"sinf")? {
        Some(_) => Err(encrypted()),
        None => Ok(()),
    }
}

fn encrypted() -> MediaError {
    MediaError::unsupported("the file is encrypted")
}
