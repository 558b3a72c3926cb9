//! The four stages over real ffmpeg: exact frames, lossless pictures, every kind of upload, and a
//! fetch that reads only what it needs from a server that misbehaves.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "pipeline/ahead.rs"]
mod ahead;
#[path = "pipeline/bench.rs"]
mod bench;
#[cfg(target_os = "linux")]
#[path = "pipeline/browser.rs"]
mod browser;
#[path = "pipeline/corpus/mod.rs"]
mod corpus;
#[path = "pipeline/cuts.rs"]
mod cuts;
#[path = "pipeline/dash.rs"]
mod dash;
#[path = "pipeline/fetches.rs"]
mod fetches;
#[path = "pipeline/frames.rs"]
mod frames;
#[path = "pipeline/gif.rs"]
mod gif;
#[path = "pipeline/hardware.rs"]
mod hardware;
#[path = "pipeline/hls.rs"]
mod hls;
#[path = "pipeline/interruptions.rs"]
mod interruptions;
#[path = "pipeline/larger.rs"]
mod larger;
#[path = "pipeline/matrix/mod.rs"]
mod matrix;
#[path = "pipeline/raw.rs"]
mod raw;
#[path = "pipeline/running.rs"]
mod running;
#[path = "pipeline/spans.rs"]
mod spans;
#[path = "pipeline/uploads.rs"]
mod uploads;
