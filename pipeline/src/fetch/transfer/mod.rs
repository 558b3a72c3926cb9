//! The download engine: it gets byte ranges of remote files over several
//! connections, and knows nothing of media.

pub(crate) mod budget;
mod completion_time;
pub(crate) mod connection_limit;
pub(crate) mod download;
pub(crate) mod open_unsized;
pub(crate) mod origin;
pub(crate) mod range_request;
pub(crate) mod range_stream;
pub(crate) mod remote_file;
pub(crate) mod retry;
pub(crate) mod scheduler;
mod throughput;
pub(crate) mod transfer_progress;
