//! Reading MP4 and QuickTime files, judged by `ffprobe` and `ffmpeg`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod edit_lists;
mod film;
pub mod fixtures;
mod hostile;
mod long;
mod slow_server;
mod spans;
