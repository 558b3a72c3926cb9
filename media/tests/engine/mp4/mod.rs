//! Reading MP4 and QuickTime files, judged by `ffprobe` and `ffmpeg`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod far;
mod film;
mod hostile;
mod long;
pub mod made;
mod spans;
