//! Writes the files of a smart cut.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use clipmill_core::probe::Container;
use clipmill_core::{Code, Error};
use clipmill_media::mp4::Mp4;
use clipmill_media::mux::OutTrack;
use clipmill_media::{LocalFile, container_format};
use tokio::runtime::Handle;

use super::job::SmartCutError;

/// Bytes that are collected before they are written.
const BUFFER: usize = 1 << 20;

/// Writes a file of these tracks, whose samples are in `files`. What an interrupted
/// attempt left under its name is removed and not written over, because a process
/// of that attempt may still write to it.
pub(super) fn write_file(
    container: Container,
    path: &Path,
    tracks: &[OutTrack],
    files: &[&LocalFile],
) -> Result<(), SmartCutError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let files: Vec<&File> = files.iter().map(|file| file.file()).collect();
    let mut out = BufWriter::with_capacity(BUFFER, File::create_new(path)?);
    container_format(container).unwrap_or(&Mp4).write(&mut out, tracks, &files)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

/// Runs what reads and writes files on a thread that may block.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce(&Handle) -> Result<T, SmartCutError> + Send + 'static,
) -> Result<T, SmartCutError> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || work(&runtime)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the thread of a smart cut ended early");
        let failed = Error::later(Code::Internal, "the cut could not be made").caused_by(error);
        Err(SmartCutError::Failed(failed))
    })
}
