//! Who can do it: sources and codecs behind one interface, the built-in ones,
//! and the host of plugins.
//!
//! A [`Source`] turns an address into [`MediaInfo`](clipmill_core::probe::MediaInfo);
//! a [`Codec`] turns a probe and a quality into an [`EncodePlan`]. Neither uses
//! storage, and neither writes a command line: the host fetches and runs ffmpeg.

mod codec;
mod encoder;
mod frames;
mod name;
mod registry;
mod source;

pub mod builtin;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod wasm;

pub use codec::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, EncodePlan, Encoders, Plan, Rate,
    VideoEncoder, VideoPlan,
};
pub use frames::{FrameEncoder, FrameFormat, FramePlan, PcmBlock, PcmFormat, RawFrame};
pub use name::is_name;
pub use registry::{Handler, Order, Registry};
pub use source::{FetchProgress, OpaqueFetch, ResolveOptions, Source, SourceDescription};
