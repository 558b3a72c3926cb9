//! The real daemon and the real command line, with real ffmpeg and real yt-dlp, as their users
//! meet them. Files are judged by decoding them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken;
mod bucket;
mod cli;
mod cluster;
mod deploy;
mod encodes;
mod faults;
mod nginx;
mod plugins;
mod readme;
mod secure;
mod session;
mod support;
mod youtube;
