//! What is done: from a job's request to a file, in four stages: fetch, trim,
//! transcode, retain.
//!
//! Each stage takes its input by value and returns the next one; `stages` holds
//! these values. No stage sees a record; progress leaves sideways through a
//! [`ProgressReporter`]. [`ffmpeg`] is the only room that starts ffmpeg.

mod abort_on_drop;
mod artifact_store;
mod context;
mod early_head;
mod encode;
mod fetch;
pub mod ffmpeg;
mod frames;
mod index;
mod local_media;
mod pipeline;
mod progress;
mod recipe;
mod request;
mod retain;
pub mod settings;
mod size_limit;
mod smart_cut;
mod stages;
mod stream_copy;
mod transcode;
mod transcode_job;
mod trim;
mod validate;
mod workspace;

pub use artifact_store::ArtifactStore;
pub use pipeline::Pipeline;
pub use progress::ProgressReporter;
pub use request::{JobRequest, Rendition, SourceRequest, SpanRequest};
pub use settings::PipelineSettings;
pub use stages::{Encoded, Fetched, Retained, Trimmed};
