//! How much room folders have, and what a failed file operation means.

use std::io;
use std::path::Path;

use crate::{Code, Error};

/// What stays free whatever is made, bytes.
const RESERVE: u64 = 64 << 20;

/// Whether so many bytes fit into the folder, with a reserve beside them.
///
/// # Errors
/// When the file system does not tell.
pub fn has_room(folder: &Path, bytes: u64) -> io::Result<bool> {
    Ok(free(folder)? >= bytes.saturating_add(RESERVE))
}

/// Bytes that can be written into the folder.
///
/// # Errors
/// When the file system does not tell.
pub fn free(folder: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(folder)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// The error for clients of a failed operation on a work file, which is logged.
pub fn file_error(error: io::Error) -> Error {
    tracing::error!(%error, "a work file could not be written or read");
    let explained = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::later(Code::DiskFull, "the server's disk is full")
        }
        _ => Error::later(Code::Internal, "a file on this server could not be written or read"),
    };
    explained.caused_by(error)
}
