//! The one-way street from an ask to a file: fetch, trim, transcode, retain.
//!
//! Each stage takes its input by value and returns the next one. No stage
//! talks to the records; progress leaves sideways through a [`Gauge`].

mod ask;
mod cut;
mod encode;
mod error;
mod fetch;
mod frames;
mod gauge;
mod index;
mod larger;
mod meanwhile;
mod media;
mod patience;
mod render;
mod retain;
mod street;
mod transcode;
mod trim;
mod vet;
mod workspace;

pub use ask::{Ask, Rendition, SourceAsk, SpanAsk};
pub use error::StageError;
pub use gauge::Gauge;
pub use street::{Cut, Encoded, Fetched, Retained, Street};
