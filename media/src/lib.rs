//! Where the samples of a media file are, and how some of them become a file
//! of their own.
//!
//! What is read here comes from strangers: every size is checked before it is
//! believed, every table has a bound, and nothing panics. Nothing here starts
//! a process or opens a connection: bytes come through [`ReadAt`], and files
//! are written by whoever called.

pub mod av1;
pub mod bits;
pub mod colour;
pub mod cut;
pub mod dash;
pub mod error;
pub mod fields;
pub mod fragments;
pub mod h264;
pub mod hevc;
pub mod hls;
pub mod mp4;
pub mod mux;
pub mod nal;
pub mod read;
mod time;
pub mod track;
pub mod ts;
pub mod vp9;
pub mod webm;
pub mod work;

pub use error::{Error, Kind};
pub use read::{LocalFile, ReadAt};
pub use track::{Codec, Movie, Sample, Track, TrackKind};
pub use work::{Located, Part, Want};
