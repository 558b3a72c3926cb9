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
mod registry;
mod source;

pub mod builtin;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod media;
pub mod net;
pub mod process;

pub use codec::{
    AudioEncoder, AudioPlan, Codec, CodecDescription, EncodePlan, Encoders, PlanError, Rate,
    VideoEncoder, VideoPlan,
};
pub use registry::Registry;
pub use source::{FetchProgress, OpaqueFetch, Retry, Source, SourceDescription, SourceError};
