//! A relay on the loopback address, through which ffmpeg reads a remote file whose
//! index our own readers can't read.
//!
//! ffmpeg requests ranges of [`server`], which lives for one fetch; [`reader`]
//! downloads them; [`remux`] lets ffmpeg copy what a span needs.

mod reader;
mod remux;
mod server;

pub use remux::{RemuxRequest, remux};
