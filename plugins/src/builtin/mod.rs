//! The handlers that come with clipmill.

pub mod codecs;
pub mod ytdlp;
