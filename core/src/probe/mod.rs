//! The words for media that handlers and host share.

mod info;
mod probe;

pub use info::{AudioTrack, Container, Format, Live, MediaInfo, Transport, VideoTrack};
pub use probe::{AudioStream, Probe, Rational, VideoStream};
