//! How much room folders have.

use std::io;
use std::path::Path;

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
