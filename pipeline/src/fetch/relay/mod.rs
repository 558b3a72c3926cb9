//! A relay on the loopback address, through which ffmpeg reads a remote file.

mod reader;
pub(crate) mod remux;
mod server;
