//! How we know that clipmill works: what the test binaries share.
//!
//! Owns the local media server, the generated media with a frame counter that can be read back
//! from decoded pixels, the stand-in for YouTube behind the real yt-dlp, and the helper that runs
//! external programs. It holds no assertions about clipmill: those are in the test binaries.
//!
//! Everything here is blocking and runs on its own threads, so it serves plain and async tests
//! alike. Helpers panic with a readable message where a test could only panic itself.

// Panicking is how a test fails, and this crate exists for tests alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod api;
pub mod cluster;
pub mod daemon;
pub mod guests;
pub mod media;
pub mod media_server;
pub mod s3;
pub mod tool;
pub mod youtube;

pub use media_server::{Behaviour, MediaServer};
pub use youtube::YouTube;
