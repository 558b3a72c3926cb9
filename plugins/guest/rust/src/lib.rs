//! Plugins for clipmill, in Rust.
//!
//! Choose what the plugin is with a feature, implement the trait of the same
//! name, and hand the type to [`export!`]:
//!
//! | feature | trait | a plugin that |
//! |---|---|---|
//! | `source` | `Source` | finds media at an address |
//! | `codec` | `Codec` | plans how ffmpeg encodes |
//! | `frame-codec` | `FrameCodec` | encodes frames by itself |
//!
#![cfg_attr(feature = "source", doc = "```no_run")]
#![cfg_attr(not(feature = "source"), doc = "```text")]
//! use clipmill_plugin::{http, Format, Container, MediaInfo, ResolveOptions, Source, SourceError};
//!
//! struct Example;
//!
//! impl Source for Example {
//!     fn claims(url: &str) -> bool {
//!         url.starts_with("https://example.org/videos/")
//!     }
//!
//!     fn resolve(url: &str, _: ResolveOptions) -> Result<MediaInfo, SourceError> {
//!         let page = http::get(url)?.ok()?.text();
//!         let file = page.trim();
//!         Ok(MediaInfo::new("1").with_format(Format::progressive("file", Container::Mp4, file)))
//!     }
//! }
//!
//! clipmill_plugin::export!(Example);
//! ```
//!
//! A plugin is built for `wasm32-unknown-unknown` as a `cdylib`, and made a
//! component by `clipmill plugin pack`. There are no files, no environment and
//! no sockets; what there is, is in the modules of this crate. Every call meets
//! a fresh instance: what is to outlive a call belongs into `cache`.

#[cfg(not(any(feature = "source", feature = "codec", feature = "frame-codec")))]
compile_error!("choose one of the features `source`, `codec` and `frame-codec`");

#[cfg(any(
    all(feature = "source", feature = "codec"),
    all(feature = "source", feature = "frame-codec"),
    all(feature = "codec", feature = "frame-codec"),
))]
compile_error!("a plugin is one thing: choose one of `source`, `codec` and `frame-codec`");

#[doc(hidden)]
pub mod bindings;

pub mod clock;
pub mod log;
pub mod settings;

#[cfg(feature = "source")]
pub mod address;
#[cfg(feature = "source")]
pub mod cache;
#[cfg(feature = "source")]
mod failure;
#[cfg(feature = "source")]
pub mod http;
#[cfg(feature = "source")]
mod media;
#[cfg(feature = "source")]
mod source;
#[cfg(feature = "source")]
pub use {
    bindings::clipmill::plugin::types::{
        AudioTrack, Container, Format, Header, Live, Location, MediaInfo, Transport, VideoTrack,
    },
    bindings::{Failure, FailureCode, ResolveOptions, SourceDescription, SourceError},
    source::Source,
};

#[cfg(any(feature = "codec", feature = "frame-codec"))]
pub use bindings::clipmill::plugin::types::{
    AudioStream, CodecDescription, CodecError, Container, Probe, Rational, VideoStream,
};

#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "codec")]
pub use {
    bindings::{AudioEncoder, AudioPlan, EncodePlan, Rate, VideoEncoder, VideoPlan},
    codec::Codec,
};

#[cfg(feature = "frame-codec")]
mod frame_codec;
#[cfg(feature = "frame-codec")]
pub use {
    bindings::{AudioBlock, FrameFormat, FramePlan, PcmFormat, VideoFrame},
    frame_codec::FrameCodec,
};
