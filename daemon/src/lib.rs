//! What happens: the clipmill daemon and its command line.
//!
//! ```text
//! HTTP/CLI -> enqueue --(wake)--> worker.claim
//!   fetch -> trim -> transcode -> retain -> worker.finish
//! ```
//! `http` and `cli` take requests, `worker` claims jobs, runs them through
//! [`clipmill_pipeline`] and writes their records.

pub mod app;
pub mod artifacts;
pub mod auth;
pub mod chat;
pub mod cli;
pub mod config;
pub mod http;
pub mod node;
pub mod telemetry;
pub mod worker;
