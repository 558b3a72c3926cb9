//! The part of one remote file that a span needs, by the file's own index.
//!
//! What the index says is in `clipmill_media`, how the bytes are got in
//! [`gather`](crate::fetch::transfer::download).

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clipmill_core::{Code, Error, sniff};
use clipmill_media::{ClipPart, ErrorKind, SpanSelection, container_format};
use tokio::sync::watch;

use crate::context::PipelineContext;
use crate::fetch::indexed::early_start::Filling;
use crate::fetch::relay::remux;
use crate::fetch::transfer::download::{Need, Sink};
use crate::fetch::transfer::remote_file::Upstream;
use crate::ffmpeg::{Input, no_video};
use crate::local_media::MediaFile;
use crate::workspace;

/// A work file, of which the copied bytes are still to come.
pub(crate) struct Work {
    remote: Arc<Upstream>,
    path: PathBuf,
    file: Arc<File>,
    /// The source's time 0 in the work file; none when that is the whole file.
    zero_micros: Option<i64>,
    /// From the first byte in the remote file, how many, to the place.
    copies: Vec<(u64, u64, u64)>,
}

/// Why there is no work file.
#[derive(Debug)]
pub(crate) enum Cannot {
    /// The file is of no kind whose index is read here, or is damaged.
    ReadIt(String),
    /// Nothing else can do it either.
    Fail(Error),
}

impl From<Error> for Cannot {
    fn from(error: Error) -> Cannot {
        Cannot::Fail(error)
    }
}

/// Reads the index and makes the work file, with what is not copied.
///
/// # Errors
/// [`Cannot`]
pub(crate) async fn plan(
    remote: Arc<Upstream>,
    need: &remux::Need,
    stem: &Path,
) -> Result<Work, Cannot> {
    let want = SpanSelection {
        start: need.span.start,
        end: need.span.end,
        video: need.picture,
        audio: need.sound,
    };
    let format = sniff(&remote.head).and_then(|format| container_format(format.container()));
    let located = match format {
        Some(format) => format.locate(&*remote, &want).await,
        None => {
            Err(clipmill_media::Error::unsupported("this format has no index that is read here"))
        }
    };
    let located = located.map_err(|error| explain(error, &remote))?;
    if need.picture && located.media.video_track().is_none() {
        return Err(no_video("source").into());
    }
    let mut work = Work::new(remote, stem, located.extension, Some(located.origin_micros))?;
    let mut place = 0_u64;
    for part in &located.parts {
        match part {
            ClipPart::Generated(bytes) => {
                work.sink().put(Bytes::copy_from_slice(bytes), place).await?
            }
            ClipPart::Copied(range) => work.copy(range.clone(), place).await?,
        }
        place = place.saturating_add(part.length());
    }
    Ok(work)
}

impl Work {
    fn new(
        remote: Arc<Upstream>,
        stem: &Path,
        extension: &str,
        zero_micros: Option<i64>,
    ) -> Result<Work, Error> {
        let path = stem.with_extension(extension);
        let file = File::create(&path).map_err(|error| workspace::explain(&error))?;
        Ok(Work { remote, path, file: Arc::new(file), zero_micros, copies: Vec::new() })
    }

    /// All of a remote file.
    ///
    /// # Errors
    /// `disk_full` or `internal`.
    pub async fn entire(remote: Arc<Upstream>, stem: &Path) -> Result<Work, Error> {
        let all = 0..remote.size;
        let mut work = Work::new(remote, stem, "source", None)?;
        match work.copy(all, 0).await {
            Ok(()) => Ok(work),
            Err(Cannot::Fail(error)) => Err(error),
            Err(Cannot::ReadIt(reason)) => Err(Error::never(Code::Internal, reason)),
        }
    }

    /// Bytes of the remote file that belong to `place`. Those that are there
    /// already, because they were read with the index, are not got again.
    async fn copy(&mut self, range: Range<u64>, place: u64) -> Result<(), Cannot> {
        if range.end > self.remote.size {
            return Err(Cannot::ReadIt("the index points beyond the end".to_owned()));
        }
        let mut from = range.start;
        let at = |from: u64| place.saturating_add(from - range.start);
        while let Some(bytes) = self.remote.kept(from, range.end) {
            let length = bytes.len() as u64;
            self.sink().put(bytes, at(from)).await?;
            from += length;
        }
        if from < range.end {
            self.copies.push((from, range.end - from, at(from)));
        }
        Ok(())
    }

    /// The file as it is filled, and where to tell how far; none when it
    /// can't be looked at before all of it is there.
    pub fn filling(&self) -> Option<(Filling, watch::Sender<u64>)> {
        let (zero_micros, path) = (self.zero_micros?, self.path.clone());
        // A reader sees where all will be.
        let end = self.copies.last().map(|(_, length, place)| place.saturating_add(*length))?;
        if self.file.metadata().ok()?.len() < end {
            self.file.set_len(end).ok()?;
        }
        let (sender, here) = watch::channel(self.filled((0, 0)));
        Some((Filling { path, zero_micros, here }, sender))
    }

    /// How much of the file is there from its beginning on, when this byte of
    /// this need is the first one that is missing.
    pub fn filled(&self, (need, at): (usize, u64)) -> u64 {
        let copy = self.copies.get(need);
        copy.map_or(u64::MAX, |(_, _, place)| place.saturating_add(at))
    }

    fn sink(&self) -> Sink {
        Sink::File(Arc::clone(&self.file))
    }

    /// What is still to come.
    pub fn needs(&self) -> impl Iterator<Item = Need<'_>> {
        self.copies.iter().map(|(from, length, place)| Need {
            address: &self.remote.address,
            from: *from,
            length: *length,
            sink: self.sink(),
            place: *place,
        })
    }

    /// The remote file, to be read in another way.
    pub fn remote(&self) -> Arc<Upstream> {
        Arc::clone(&self.remote)
    }

    /// The finished work file, after all has come.
    ///
    /// # Errors
    /// What ffprobe says of it.
    pub async fn finish(
        self,
        context: &PipelineContext,
        picture: bool,
    ) -> Result<MediaFile, Cannot> {
        let input = Input::file(&self.path).await?;
        let probe = match context.tools.inspect(&input).await {
            Ok(probe) => probe,
            Err(error) if self.zero_micros.is_some() && error.code == Code::NotMedia => {
                return Err(Cannot::ReadIt("the work file is not understood".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        if picture && probe.video.is_none() {
            return Err(no_video("source").into());
        }
        let whole = MediaFile::whole(&self.path, input.demuxer, probe);
        Ok(MediaFile { zero_micros: self.zero_micros.unwrap_or(whole.zero_micros), ..whole })
    }
}

fn explain(error: clipmill_media::Error, remote: &Upstream) -> Cannot {
    match error.kind {
        ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::TooLarge => {
            Cannot::ReadIt(error.what)
        }
        ErrorKind::Nothing => {
            Cannot::Fail(Error::never(Code::NoSuchSpan, "the video ends before this span begins"))
        }
        // A read beyond the end is the file's fault.
        ErrorKind::Read => match remote.failure() {
            Some(failure) => Cannot::Fail(failure),
            None => Cannot::ReadIt(error.what),
        },
    }
}
