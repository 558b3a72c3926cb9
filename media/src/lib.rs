//! Containers and coded streams: where the samples of a media file are, which
//! bytes of it a span needs, and how samples become a file of their own.
//!
//! Files of strangers are read here: every size is checked before it is
//! believed, every table has a bound, and nothing panics. Nothing here starts a
//! process or opens a connection: bytes come through [`ReadAt`], and the caller
//! opens the files that are written.

mod clip_file;
pub mod codec;
mod container_format;
pub mod dash;
mod error;
mod formats;
pub mod hls;
mod iso8601;
pub mod matroska;
pub mod mp4;
pub mod mux;
mod read;
pub mod smart_cut;
mod track;
pub mod ts;

pub use clip_file::{ClipFile, ClipPart, SpanSelection};
pub use container_format::ContainerFormat;
pub use error::{MediaError, MediaErrorKind};
pub use formats::{CONTAINER_FORMATS, container_format};
pub use read::{LocalFile, ReadAt};
pub use track::{CodecId, Media, PresentedTicks, Sample, Track, TrackKind, UPRIGHT};
