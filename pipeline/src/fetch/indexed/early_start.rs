//! Early start: what the next stages can do with a clip while its bytes still
//! arrive.

use std::path::PathBuf;

use clipmill_core::{Error, Span, micros_of_seconds};
use clipmill_media::Track;
use tokio::sync::watch;

use crate::context::PipelineContext;
use crate::ffmpeg::Input;
use crate::index::SampleIndex;
use crate::local_media::{ClipClock, LocalMedia, MediaFile};
use crate::request::{JobRequest, Rendition};
use crate::stages::Fetched;

/// Bytes that may hold another keyframe, where nothing is known of the file.
const STEP: u64 = 256 * 1024;

/// A local file that is filled from its start on.
#[derive(Debug, Clone)]
pub struct PartialFile {
    pub path: PathBuf,
    pub clock: ClipClock,
    /// The offset before which no byte is missing.
    pub arrived: watch::Receiver<u64>,
}

/// What is known of a fetch when the first bytes of its video arrive.
#[derive(Debug)]
pub struct EarlyStart {
    rendition: Rendition,
    span: Option<Span>,
    folder: PathBuf,
    file: PartialFile,
}

impl EarlyStart {
    /// An early start of a job whose span is resolved.
    pub fn new(request: &JobRequest, span: Option<Span>, file: PartialFile) -> EarlyStart {
        let (rendition, folder) = (request.rendition.clone(), request.folder.clone());
        EarlyStart { rendition, span, folder, file }
    }

    /// Waits until the first keyframe of the span has arrived. Returns what the
    /// file's index states so far, and the offset before which no byte is missing.
    /// None when all bytes arrived first, or when the index can't be read.
    pub async fn first_keyframe(&mut self) -> Option<(SampleIndex, u64)> {
        let start = self.file.clock.origin.saturating_add(micros_of_seconds(self.span?.start));
        let path = self.file.path.clone();
        let input = Input::file(&path).await.ok()?;
        let mut needed = 0;
        loop {
            let arrived = *self.file.arrived.wait_for(|arrived| *arrived >= needed).await.ok()?;
            let index = SampleIndex::read_until(&input, &path, arrived).await;
            let track = index.as_ref().and_then(|index| index.media.video_track());
            needed = match track.and_then(|track| end_of_first_keyframe(track, start)) {
                Some(end) if end <= arrived => return Some((index?, arrived)),
                Some(end) => end,
                None => arrived.saturating_add(STEP.max(arrived / 4)),
            };
        }
    }

    /// The result of the fetch, as far as the partial file shows it.
    ///
    /// # Errors
    /// Those of ffprobe.
    pub async fn probe(self, context: &PipelineContext) -> Result<Fetched, Error> {
        let path = &self.file.path;
        let input = Input::file(path).await?;
        let probe = context.tools.probe_input(&input).await?;
        let whole = MediaFile::whole(path, input.demuxer, probe);
        let video = whole.with_clock(self.file.clock);
        Ok(Fetched {
            received_bytes: 0,
            rendition: self.rendition,
            span: self.span,
            available_formats: None,
            note: None,
            media: LocalMedia { video, audio: None },
            folder: self.folder,
            saving: None,
            early_head: None,
        })
    }
}

/// The end of all samples up to the first keyframe that is presented at `start`
/// microseconds or later, and of those that are presented before it.
fn end_of_first_keyframe(track: &Track, start: i64) -> Option<u64> {
    let samples = &track.samples;
    let key = samples.iter().find(|of| of.sync && track.micros(of.pts) >= start)?.pts;
    let last = samples.iter().rposition(|sample| sample.pts <= key)?;
    let needed = samples.get(..=last)?;
    needed.iter().map(|sample| sample.offset.saturating_add(sample.size.into())).max()
}
