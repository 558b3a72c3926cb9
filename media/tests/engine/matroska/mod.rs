//! WebM and Matroska that ffmpeg made: read, located and written anew.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hostile;
mod inputs;
mod judge;
mod locate;
mod read;
mod write;
