//! A fetch whose bytes have begun to come: what can be done before all of them
//! are there.

use std::path::PathBuf;

use clipmill_core::{Error, Span, micros_of_seconds};
use clipmill_media::Track;
use tokio::sync::watch;

use crate::context::PipelineContext;
use crate::ffmpeg::Input;
use crate::index::SampleIndex;
use crate::local_media::{LocalMedia, MediaFile};
use crate::{Fetched, JobRequest, Rendition};

/// How many more bytes may tell of another keyframe.
const STEP: u64 = 256 * 1024;

/// A work file that is filled from its beginning on.
#[derive(Debug, Clone)]
pub(crate) struct Filling {
    /// Where it is.
    pub path: PathBuf,
    /// The source's time 0 in it, microseconds.
    pub zero_micros: i64,
    /// Before this place nothing is missing.
    pub here: watch::Receiver<u64>,
}

/// What is known of a fetch when its bytes begin to come.
#[derive(Debug)]
pub(crate) struct Begun {
    rendition: Rendition,
    span: Option<Span>,
    folder: PathBuf,
    file: Filling,
}

impl Begun {
    /// Of this ask.
    pub(crate) fn of(ask: &JobRequest, span: Option<Span>, file: Filling) -> Begun {
        let (rendition, folder) = (ask.rendition.clone(), ask.folder.clone());
        Begun { rendition, span, folder, file }
    }

    /// Waits until the first keyframe of the span is there. Answers what the
    /// file's index tells so far, and before which place nothing is missing.
    /// None when all was there first, or when it does not tell.
    pub async fn first_key(&mut self) -> Option<(SampleIndex, u64)> {
        let start = self.file.zero_micros.saturating_add(micros_of_seconds(self.span?.start));
        let path = self.file.path.clone();
        let input = Input::file(&path).await.ok()?;
        let mut enough = 0;
        loop {
            let here = *self.file.here.wait_for(|here| *here >= enough).await.ok()?;
            let index = SampleIndex::read_until(&input, &path, here).await;
            let track = index.as_ref().and_then(|index| index.media.video_track());
            enough = match track.and_then(|track| until_key(track, start)) {
                Some(end) if end <= here => return Some((index?, here)),
                Some(end) => end,
                None => here.saturating_add(STEP.max(here / 4)),
            };
        }
    }

    /// What the fetch will have brought, as far as it can be seen.
    ///
    /// # Errors
    /// What ffprobe says of it.
    pub async fn look(self, context: &PipelineContext) -> Result<Fetched, Error> {
        let path = &self.file.path;
        let input = Input::file(path).await?;
        let probe = context.tools.inspect(&input).await?;
        let whole = MediaFile::whole(path, input.demuxer, probe);
        let video = MediaFile { zero_micros: self.file.zero_micros, ..whole };
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

/// The end of all samples up to the first keyframe that is shown at `start`
/// microseconds or later, and of those that are shown before it.
fn until_key(track: &Track, start: i64) -> Option<u64> {
    let samples = &track.samples;
    let key = samples.iter().find(|of| of.sync && track.micros(of.pts) >= start)?.pts;
    let last = samples.iter().rposition(|sample| sample.pts <= key)?;
    let needed = samples.get(..=last)?;
    needed.iter().map(|sample| sample.offset.saturating_add(sample.size.into())).max()
}
