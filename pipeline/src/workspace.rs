//! Room on the disk, and folders for half-made files.

use std::io;
use std::path::Path;

use clipmill_core::disk;
use clipmill_core::{Code, Error};

/// Makes the folder of one piece of work.
///
/// # Errors
/// `disk_full` or `internal`.
pub(super) async fn prepare(folder: &Path) -> Result<(), Error> {
    tokio::fs::create_dir_all(folder).await.map_err(|error| explain(&error))
}

/// Empties the folder of one piece of work. Files that an interrupted attempt
/// left are removed and not written over: a process of its may be at them still.
///
/// # Errors
/// `disk_full` or `internal`.
pub(super) async fn renew(folder: &Path) -> Result<(), Error> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(explain(&error)),
        _ => prepare(folder).await,
    }
}

/// Checks that a file of so many bytes fits beside what is there.
///
/// # Errors
/// `disk_full`, to be tried again later.
pub(super) fn room_for(folder: &Path, bytes: u64) -> Result<(), Error> {
    match disk::has_room(folder, bytes) {
        Ok(false) => {
            tracing::warn!(needed_bytes = bytes, "too little room on the disk");
            Err(Error::later(Code::DiskFull, "the server's disk is full"))
        }
        Ok(true) => Ok(()),
        Err(error) => {
            // Not every file system tells; writing will show.
            tracing::debug!(%error, "the free space is unknown");
            Ok(())
        }
    }
}

/// What a client is told of a failed file operation.
pub(super) fn explain(error: &io::Error) -> Error {
    tracing::error!(%error, "a work file could not be written or read");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::later(Code::DiskFull, "the server's disk is full")
        }
        _ => Error::later(Code::Internal, "a file on this server could not be written or read"),
    }
}

/// Makes a file's content, and then its place in its folder, survive a loss of power.
///
/// # Errors
/// What the system says.
pub(super) async fn make_durable(file: &Path) -> io::Result<()> {
    let file = file.to_path_buf();
    tokio::task::spawn_blocking(move || {
        std::fs::File::open(&file)?.sync_all()?;
        file.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    })
    .await
    .map_err(io::Error::other)?
}
