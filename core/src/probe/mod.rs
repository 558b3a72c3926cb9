//! The words for media that handlers and host share.

mod info;
mod local_file;

pub use info::{AudioTrack, Container, Format, Live, MediaInfo, Transport, VideoTrack};
pub use local_file::{AudioStream, Probe, Rational, VideoStream};
