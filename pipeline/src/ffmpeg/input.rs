//! What ffmpeg and ffprobe are given to read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clipmill_core::{Code, Error, SNIFFED_BYTES};
use tokio::io::AsyncReadExt;

use super::demuxer::Demuxer;

/// Something to read: where, and as what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Input {
    place: InputPlace,
    /// How it is read, whatever its name says.
    pub demuxer: Demuxer,
    /// Its first bytes, by which the demuxer was chosen.
    pub head: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq)]
enum InputPlace {
    File(PathBuf),
    /// An address of this machine that only we serve.
    Loopback(String),
}

impl Input {
    /// A local file.
    ///
    /// # Errors
    /// `not_media` when its content is none of the known formats, `internal`
    /// when it can't be read.
    pub async fn file(path: &Path) -> Result<Input, Error> {
        Input::new(InputPlace::File(path.to_path_buf()), head(path).await?)
    }

    /// An MP4 that clipmill writes, maybe later.
    pub fn own_mp4(path: &Path) -> Input {
        let place = InputPlace::File(path.to_path_buf());
        Input { place, demuxer: Demuxer::Mov, head: Vec::new() }
    }

    /// A local file that a codec wrote; none when its content is of no
    /// format that ffmpeg reads.
    ///
    /// # Errors
    /// `internal` when it can't be read.
    pub async fn from_codec(path: &Path) -> Result<Option<Input>, Error> {
        let head = head(path).await?;
        let place = InputPlace::File(path.to_path_buf());
        Ok(Demuxer::sniff_made(&head).map(|demuxer| Input { place, demuxer, head }))
    }

    /// The address of our own relay, with the first bytes of what it serves.
    ///
    /// # Errors
    /// `not_media` when the content is none of the known formats.
    pub fn loopback(address: String, head: &[u8]) -> Result<Input, Error> {
        let head = head.get(..head.len().min(SNIFFED_BYTES)).unwrap_or_default();
        Input::new(InputPlace::Loopback(address), head.to_vec())
    }

    /// A file that is not read.
    #[cfg(test)]
    pub fn sniffed(path: &Path, head: &[u8]) -> Result<Input, Error> {
        Input::new(InputPlace::File(path.to_path_buf()), head.to_vec())
    }

    fn new(place: InputPlace, head: Vec<u8>) -> Result<Input, Error> {
        let demuxer = Demuxer::sniff(&head).ok_or_else(|| {
            Error::never(Code::NotMedia, "this is not a video file of a known format")
        })?;
        Ok(Input { place, demuxer, head })
    }

    /// The options that come before `-i`: no other protocol, no other format.
    pub fn guards(&self) -> Vec<OsString> {
        let protocols = match self.place {
            InputPlace::File(_) => "file",
            InputPlace::Loopback(_) => "http,tcp",
        };
        let mut guards = vec!["-protocol_whitelist", protocols, "-f", self.demuxer.name()];
        if matches!(self.place, InputPlace::Loopback(_)) && self.demuxer.has_index() {
            // What the index does not hold is in the first frames; more would be
            // downloaded for nothing.
            guards.extend(["-analyzeduration", "500000"]);
        }
        guards.into_iter().map(OsString::from).collect()
    }

    /// What comes after `-i`. A file is named so that nothing in its name is
    /// taken for a protocol or an option.
    pub fn address(&self) -> OsString {
        match &self.place {
            InputPlace::File(path) => local(path),
            InputPlace::Loopback(address) => address.into(),
        }
    }
}

/// The first bytes of a file.
async fn head(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error: std::io::Error| {
        tracing::error!(%error, "a work file can't be read");
        Error::later(Code::Internal, "a file on this server could not be read").caused_by(error)
    };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut head = Vec::with_capacity(SNIFFED_BYTES);
    file.take(SNIFFED_BYTES as u64).read_to_end(&mut head).await.map_err(unreadable)?;
    Ok(head)
}

/// A path as ffmpeg takes it literally.
pub(super) fn local(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}
