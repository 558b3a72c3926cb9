//! Generated media whose every frame says its number, and the tools that read it back.
//!
//! A [`Clip`] describes a video; [`Clip::file`] makes it once and keeps it in the build's target
//! folder. Its picture carries a frame counter that survives lossy encoding and scaling
//! ([`read_frames`]), and a white flash in the first frame of each second; its sound clicks at each
//! full second ([`audio_clicks`]), so that picture and sound can be compared ([`av_offsets`]).

mod cache;
mod catalogue;
mod clicks;
mod clip;
mod counter;
mod encode;
mod frames;
mod manifest;
mod packets;
mod picture;
mod probe;
mod sound;
mod tree;

pub use catalogue::*;
pub use clicks::{Click, audio_clicks, audio_clicks_without_edits, av_offsets, offsets};
pub use clip::{AudioCodec, Clip, Packaging, Rate, Structure, VideoCodec};
pub use frames::{Frame, FrameReader, read_frames};
pub use manifest::name_indexes;
pub use packets::{Place, copied_share, packet_hashes, packet_places};
pub use probe::{duration, frame_hashes, probe, stream, streams};

/// Why media could not be made or read: a sentence for the failing test.
#[derive(Debug)]
pub struct MediaError(pub String);

impl std::fmt::Display for MediaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MediaError {}

impl From<crate::tool::ToolError> for MediaError {
    fn from(error: crate::tool::ToolError) -> MediaError {
        MediaError(error.to_string())
    }
}

impl From<std::io::Error> for MediaError {
    fn from(error: std::io::Error) -> MediaError {
        MediaError(error.to_string())
    }
}
