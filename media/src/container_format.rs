//! What each container format can do. A new one is a folder with an
//! implementation of [`ContainerFormat`], and a row of
//! [`CONTAINER_FORMATS`](crate::CONTAINER_FORMATS).
//!
//! How a file is recognised is not here but in [`clipmill_core::sniff()`], since
//! sources that know nothing of samples need it too.

use std::fs::File;
use std::io::Write;

use async_trait::async_trait;
use clipmill_core::probe::Container;

use crate::mux::{OutTrack, WriteError};
use crate::{ClipFile, Media, MediaError, ReadAt, SpanSelection};

/// A container format: what reads and writes files of it.
#[async_trait]
pub trait ContainerFormat: Send + Sync {
    /// The containers, in the words of probes, that this format is or has as its
    /// parts.
    fn containers(&self) -> &'static [Container];

    /// Whether a file can be read before all of it is there, because where its
    /// samples are is stored apart from them. Other files are read up to the
    /// byte until which they are there.
    fn is_indexed_apart(&self) -> bool;

    /// Which bytes of a file a span needs.
    ///
    /// Few bytes are read, since each read may be a request: the index, and
    /// where it does not say enough, parts of the samples.
    ///
    /// # Errors
    /// Those of the file; [`MediaErrorKind::Nothing`](crate::MediaErrorKind::Nothing) when
    /// it has nothing within the span or of the wanted tracks.
    async fn locate(
        &self,
        file: &dyn ReadAt,
        selection: &SpanSelection,
    ) -> Result<ClipFile, MediaError>;

    /// Where every sample of a file is.
    ///
    /// # Errors
    /// Those of the file.
    async fn read(&self, file: &dyn ReadAt) -> Result<Media, MediaError>;

    /// Writes a file of these tracks. Samples are copied from `files`, which
    /// their [`SampleData`](crate::mux::SampleData) counts.
    ///
    /// # Errors
    /// When the tracks can't be in such a file; those of the files.
    fn write(
        &self,
        out: &mut dyn Write,
        tracks: &[OutTrack],
        files: &[&File],
    ) -> Result<(), WriteError>;
}
