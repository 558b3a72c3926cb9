//! A relay on the loopback address, through which ffmpeg reads a remote file.

mod reader;
mod remux;
mod server;

pub use remux::{RemuxRequest, remux};
