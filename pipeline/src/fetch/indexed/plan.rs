//! Which bytes of a remote file a span needs, by the file's own index.
//!
//! What the index says is in `clipmill_media`; [`transfer`](crate::fetch::transfer)
//! downloads the bytes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_core::disk::file_error;
use clipmill_core::{ByteRange, Code, Error, Span, sniff};
use clipmill_media::{ClipPart, MediaErrorKind, ReadAt, SpanSelection, container_format};
use tokio::sync::watch;

use super::early_start::PartialFile;
use crate::context::PipelineContext;
use crate::fetch::tracks::WantedTracks;
use crate::fetch::transfer::{DownloadSink, FirstMissing, RangeDownload, RemoteFile};
use crate::ffmpeg::{Input, no_video};
use crate::local_media::{ClipClock, MediaFile};

/// The longest read of an index, bytes.
const LONGEST_READ: usize = 256 * 1024 * 1024;

/// A local file with parts that are copied from a remote one; those are still to
/// be downloaded.
pub struct PlannedFile {
    remote: Arc<RemoteFile>,
    path: PathBuf,
    file: Arc<File>,
    /// None when the local file is the whole remote one.
    clock: Option<ClipClock>,
    copies: Vec<CopiedRange>,
}

/// Bytes of the remote file that the local one needs.
struct CopiedRange {
    source: ByteRange,
    /// Where the first one belongs in the local file.
    target_offset: u64,
}

/// Why there is no plan.
#[derive(Debug)]
pub enum PlanError {
    /// The file has no index that is read here, or is damaged: ffmpeg may read it.
    Unreadable(String),
    /// Nothing else would do it either.
    Failed(Error),
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Error {
        match error {
            PlanError::Unreadable(reason) => Error::never(Code::NotMedia, reason),
            PlanError::Failed(error) => error,
        }
    }
}

impl From<Error> for PlanError {
    fn from(error: Error) -> PlanError {
        PlanError::Failed(error)
    }
}

/// Reads the index of a remote file and writes the generated parts of the clip
/// file, at `stem` with an extension.
///
/// # Errors
/// [`PlanError`].
pub async fn plan_clip(
    remote: Arc<RemoteFile>,
    span: Span,
    tracks: WantedTracks,
    stem: &Path,
) -> Result<PlannedFile, PlanError> {
    let selection = SpanSelection {
        start: span.start,
        end: span.end,
        video: tracks.video,
        audio: tracks.audio,
    };
    let format = sniff(&remote.head).and_then(|format| container_format(format.container()));
    let located = match format {
        Some(format) => format.locate(&*remote, &selection).await,
        None => Err(clipmill_media::MediaError::unsupported(
            "this format has no index that is read here",
        )),
    };
    let located = located.map_err(|error| plan_error(error, &remote))?;
    if tracks.video && located.media.video_track().is_none() {
        return Err(no_video("source").into());
    }
    let clock =
        ClipClock { origin: located.origin_micros, presented: located.presented_micros.clone() };
    let mut planned = PlannedFile::create(remote, stem, located.extension, Some(clock))?;
    let mut offset = 0_u64;
    for part in &located.parts {
        match part {
            ClipPart::Generated(bytes) => {
                planned.sink().write_at(Bytes::copy_from_slice(bytes), offset).await?;
            }
            ClipPart::Copied(range) => planned.copy(range.clone().into(), offset).await?,
        }
        offset = offset.saturating_add(part.length());
    }
    Ok(planned)
}

/// All of a remote file.
///
/// # Errors
/// [`PlanError::Failed`] with `disk_full` or `internal`.
pub async fn plan_whole(remote: Arc<RemoteFile>, stem: &Path) -> Result<PlannedFile, PlanError> {
    let all = ByteRange { offset: 0, len: remote.size };
    let mut planned = PlannedFile::create(remote, stem, "source", None)?;
    planned.copy(all, 0).await?;
    Ok(planned)
}

impl PlannedFile {
    fn create(
        remote: Arc<RemoteFile>,
        stem: &Path,
        extension: &str,
        clock: Option<ClipClock>,
    ) -> Result<PlannedFile, Error> {
        let path = stem.with_extension(extension);
        let file = Arc::new(File::create(&path).map_err(file_error)?);
        Ok(PlannedFile { remote, path, file, clock, copies: Vec::new() })
    }

    /// Adds bytes of the remote file. Those that were read with the index are
    /// written at once and not downloaded again.
    async fn copy(&mut self, range: ByteRange, target_offset: u64) -> Result<(), PlanError> {
        if range.end() > self.remote.size {
            return Err(PlanError::Unreadable("the index points beyond the end".to_owned()));
        }
        let (mut source, mut target_offset) = (range, target_offset);
        while let Some(bytes) = self.remote.cached(source) {
            let len = bytes.len() as u64;
            self.sink().write_at(bytes, target_offset).await?;
            source = source.skip(len);
            target_offset = target_offset.saturating_add(len);
        }
        if !source.is_empty() {
            self.copies.push(CopiedRange { source, target_offset });
        }
        Ok(())
    }

    /// The file as it is filled, and where to report how far; none when it can't
    /// be read before all bytes have arrived.
    pub fn partial(&self) -> Option<(PartialFile, watch::Sender<u64>)> {
        let clock = self.clock.clone()?;
        // A reader sees the final length.
        let last = self.copies.last()?;
        let end = last.target_offset.saturating_add(last.source.len);
        if self.file.metadata().ok()?.len() < end {
            self.file.set_len(end).ok()?;
        }
        let first_missing = FirstMissing { download: 0, offset: 0 };
        let (sender, arrived) = watch::channel(self.arrived(first_missing));
        let path = self.path.clone();
        Some((PartialFile { path, clock, arrived }, sender))
    }

    /// The offset before which no byte of the file is missing. `first_missing`
    /// counts the file's own downloads before all others.
    pub fn arrived(&self, first_missing: FirstMissing) -> u64 {
        let copy = self.copies.get(first_missing.download);
        copy.map_or(u64::MAX, |copy| copy.target_offset.saturating_add(first_missing.offset))
    }

    fn sink(&self) -> DownloadSink {
        DownloadSink::File(Arc::clone(&self.file))
    }

    /// What is still to be downloaded.
    pub fn downloads(&self) -> impl Iterator<Item = RangeDownload<'_>> {
        self.copies.iter().map(|copy| RangeDownload {
            origin: &self.remote.origin,
            source: copy.source,
            sink: self.sink(),
            target_offset: copy.target_offset,
        })
    }

    /// The remote file, to be read in another way.
    pub fn remote(&self) -> Arc<RemoteFile> {
        Arc::clone(&self.remote)
    }

    /// The finished file, after all bytes have arrived.
    ///
    /// # Errors
    /// Those of ffprobe.
    pub async fn finish(
        self,
        context: &PipelineContext,
        tracks: WantedTracks,
    ) -> Result<MediaFile, PlanError> {
        let input = Input::file(&self.path).await?;
        let probe = match context.tools.probe_input(&input).await {
            Ok(probe) => probe,
            Err(error) if self.clock.is_some() && error.code == Code::NotMedia => {
                return Err(PlanError::Unreadable("the work file is not understood".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        tracks.check(&probe)?;
        let whole = MediaFile::whole(&self.path, input.demuxer, probe);
        Ok(match self.clock {
            Some(clock) => whole.with_clock(clock),
            None => whole,
        })
    }
}

fn plan_error(error: clipmill_media::MediaError, remote: &RemoteFile) -> PlanError {
    match error.kind {
        MediaErrorKind::Damaged | MediaErrorKind::Unsupported | MediaErrorKind::TooLarge => {
            PlanError::Unreadable(error.what)
        }
        MediaErrorKind::Nothing => {
            let error = Error::never(Code::NoSuchSpan, "the video ends before this span begins")
                .caused_by(error);
            PlanError::Failed(error)
        }
        // A read beyond the end is the file's fault.
        MediaErrorKind::Read => match remote.failure() {
            Some(failure) => PlanError::Failed(failure),
            None => PlanError::Unreadable(error.what),
        },
    }
}

/// Lets the readers of containers read a remote file.
#[async_trait]
impl ReadAt for RemoteFile {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, clipmill_media::MediaError> {
        let len = length as u64;
        if from.checked_add(len).is_none_or(|end| end > self.size) {
            return Err(clipmill_media::MediaError::read("the file ends too early"));
        }
        if length > LONGEST_READ {
            return Err(clipmill_media::MediaError::too_large("too much would be read at once"));
        }
        self.read(ByteRange { offset: from, len }).await.map_err(|error| {
            let failure = clipmill_media::MediaError::read(error.code.as_str());
            self.fail(error);
            failure
        })
    }
}
