//! What happens: the clipmill daemon and its command line.
//!
//! ```text
//! HTTP/CLI -> enqueue --(wake)--> worker.claim
//!   fetch -> trim -> transcode -> retain -> worker.finish
//! ```
//! `http` and `cli` ask, `worker` claims and writes records, `pipeline` does
//! the work and never sees a record, `ffmpeg` is the only room that starts
//! ffmpeg.

pub mod app;
pub mod artifacts;
pub mod auth;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
mod disk;
pub mod ffmpeg;
pub mod http;
pub mod node;
pub mod pipeline;
pub mod telemetry;
pub mod worker;
