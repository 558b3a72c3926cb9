//! WebM and Matroska (RFC 9559): what of a remote file a span needs, and where
//! every frame of a local one is.

mod block;
mod config;
mod ebml;
mod even;
mod head;
pub(crate) mod ids;
mod read;
mod tracks;
mod window;

pub use even::even;
pub(crate) use even::grid;
pub use read::read;
