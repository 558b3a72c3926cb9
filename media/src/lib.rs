//! Where the samples of a media file are, and how some of them become a file
//! of their own.
//!
//! What is read here comes from strangers: every size is checked before it is
//! believed, every table has a bound, and nothing panics. Nothing here starts
//! a process or opens a connection: bytes come through [`ReadAt`], and files
//! are written by whoever called.

pub mod clip_file;
pub mod codec;
pub mod dash;
pub mod error;
pub mod fragments;
pub mod hls;
mod iso8601;
pub mod matroska;
pub mod mp4;
pub mod mux;
pub mod read;
pub mod smart_cut;
pub mod track;
pub mod ts;

pub use clip_file::{ClipFile, ClipPart, SpanSelection};
pub use error::{Error, ErrorKind};
pub use read::{LocalFile, ReadAt};
pub use smart_cut as cut;
pub use track::{Codec, Media, Sample, Track, TrackKind};
