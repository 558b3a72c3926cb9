//! Who can do it: sources and codecs behind one interface, the built-in ones,
//! and the words that they share with the host (formats, probes, plans).
//!
//! A [`Source`] knows how to turn an address into [`media::MediaInfo`]; a
//! [`Codec`] turns a probe and a quality into an [`EncodePlan`]. Neither talks
//! to storage, and neither writes a command line: the host fetches and runs
//! ffmpeg. What all of them need from the machine is here too: the guarded
//! HTTP client ([`net`]) and child processes ([`process`]).

mod codec;
mod encoder;
mod frames;
mod name;
mod registry;
mod source;

pub mod builtin;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod media;
pub mod net;
pub mod process;
pub mod wasm;

pub use codec::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, CodecError, EncodePlan, Encoders, Plan, Rate,
    VideoEncoder, VideoPlan,
};
pub use frames::{FrameEncoder, FrameFormat, FramePlan, PcmBlock, PcmFormat, RawFrame};
pub use name::is_name;
pub use registry::{Handler, Order, Registry};
pub use source::{
    FetchProgress, OpaqueFetch, ResolveOptions, Retry, Source, SourceDescription, SourceError,
};
