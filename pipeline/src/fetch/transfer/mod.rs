//! The download engine: gets byte ranges of remote files over several
//! connections. It knows nothing of what is in the files.
//!
//! From the bottom to the top:
//!
//! ```text
//! context                what all transfers of one fetch share: client, budget, connection limit
//! range_request          one request for a byte range, and what its response means
//! origin                 where a file is now: redirects, expired addresses, its version
//! range_stream           a range as it arrives; a silent connection is raced
//! scheduler              which connection downloads which chunk (throughput, completion_time)
//! download               runs the connections; open_unsized for files of unknown size
//! remote_file            a file of which any range can be read
//! ```

mod budget;
mod completion_time;
mod connection_limit;
mod context;
mod download;
mod open_unsized;
mod origin;
mod progress;
mod range_download;
mod range_request;
mod range_stream;
mod remote_file;
mod retry;
mod scheduler;
#[cfg(test)]
mod tests;
mod throughput;

pub use context::TransferContext;
pub use download::{download, download_with_unsized};
pub use open_unsized::check_fits_memory;
pub use origin::{FileOrigin, RenewAddress};
pub use progress::{TransferProgress, report_progress};
pub use range_download::{DownloadSink, RangeDownload};
pub use range_request::{Refusal, RemoteAddress, next_bytes, request_range};
pub use range_stream::{LONGEST_REQUEST, RangeStream};
pub use remote_file::{OpenedFile, RemoteFile};
pub use retry::{FailureStreak, retry};
pub use scheduler::FirstMissing;
