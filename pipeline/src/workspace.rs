//! Work folders and their files, and the free space on the disk.

use std::io;
use std::path::Path;

use clipmill_core::disk::{self, file_error};
use clipmill_core::{Code, Error};

/// Creates the folder of one job.
///
/// # Errors
/// `disk_full` or `internal`.
pub(crate) async fn prepare(folder: &Path) -> Result<(), Error> {
    tokio::fs::create_dir_all(folder).await.map_err(file_error)
}

/// Empties the folder of one job. Files that an interrupted attempt left are
/// removed and not written over, because a process of that attempt may still write
/// to them.
///
/// # Errors
/// `disk_full` or `internal`.
pub(crate) async fn renew(folder: &Path) -> Result<(), Error> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(error)),
        _ => prepare(folder).await,
    }
}

/// Checks that a file of so many bytes fits beside what is there.
///
/// # Errors
/// `disk_full`, to be tried again later.
pub(crate) fn room_for(folder: &Path, bytes: u64) -> Result<(), Error> {
    match disk::has_room(folder, bytes) {
        Ok(false) => {
            tracing::warn!(needed_bytes = bytes, "the disk of the work folder is full");
            Err(Error::later(Code::DiskFull, "the server's disk is full"))
        }
        Ok(true) => Ok(()),
        Err(error) => {
            // Some file systems don't report it; writing will show.
            tracing::debug!(%error, "the free space of the work folder is unknown");
            Ok(())
        }
    }
}

/// Makes a file's content, and then its entry in its folder, survive a loss of
/// power.
///
/// # Errors
/// Those of the operating system.
pub(crate) async fn make_durable(file: &Path) -> io::Result<()> {
    let file = file.to_path_buf();
    tokio::task::spawn_blocking(move || {
        std::fs::File::open(&file)?.sync_all()?;
        file.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    })
    .await
    .map_err(io::Error::other)?
}
