//! WebM and Matroska (RFC 9559): what of a remote file a span needs, and where
//! every frame of a local one is.

mod block;
mod config;
mod cues;
mod ebml;
mod even;
mod head;
pub(crate) mod ids;
mod indexed;
mod locate;
mod opening;
mod piece;
mod read;
mod search;
mod tracks;
mod unindexed;
mod walk;
mod window;
pub(crate) mod write;

pub use even::even;
pub(crate) use even::grid;
pub use locate::locate;
pub use read::read;
pub use write::write;
