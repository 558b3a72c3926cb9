//! Fetches the segments of a rendition that hold a span, and widens the choice
//! where the list states other times than the frames have.

use std::collections::BTreeMap;
use std::ops::Range;

use clipmill_core::{Code, Error, Span, micros_of_seconds};

use super::download::{SegmentDownload, missing_files};
use super::first_timestamp::{FirstTimestamp, first_timestamps};
use super::join::join_segments;
use super::rendition::{RenditionRequest, TimelineOrigin};
use super::segment::SegmentFolder;
use super::selected::SelectedSegments;
use crate::context::PipelineContext;
use crate::fetch::context::FetchContext;
use crate::fetch::span;
use crate::ffmpeg::{Input, no_video};
use crate::index::{self, SampleIndex};
use crate::local_media::MediaFile;
use crate::workspace;

/// How often segments are selected.
const MAX_TRIES: usize = 4;
/// By how much times may be rounded, microseconds.
const TOLERANCE: i64 = 100;

/// Fetches what is needed of a rendition to one work file.
///
/// # Errors
/// `no_such_span`, and those of sources and of stages; `cut_mismatch` and
/// `not_media` where the source itself may do better.
pub async fn fetch_rendition(
    context: &FetchContext<'_>,
    request: RenditionRequest<'_>,
) -> Result<MediaFile, Error> {
    let listed = request
        .rendition
        .span()
        .ok_or_else(|| Error::never(Code::NoSuchSpan, "the stream has no segments"))?;
    let span = match context.span {
        Some(wanted) => span::clip(wanted, Some(listed.end))?,
        None => listed,
    };
    let folder = SegmentFolder::new(request.stem);
    workspace::prepare(folder.path()).await?;
    let mut fetch = RenditionFetch { context, request, folder, first_timestamps: BTreeMap::new() };
    let mut selection = Selection {
        segments: request.rendition.select(span, request.tracks.video),
        count: request.rendition.segments.len(),
    };
    for _ in 0..MAX_TRIES {
        let file = match fetch.fetch_and_join(&selection.segments).await {
            Err(error) if fetch.lacks_last_segment(&error, &selection) => {
                selection = selection.without_last();
                continue;
            }
            joined => joined?,
        };
        match fetch.widened(&file, &selection, span).await? {
            Some(wider) => selection = wider,
            None => {
                let _ = tokio::fs::remove_dir_all(fetch.folder.path()).await;
                return Ok(file);
            }
        }
    }
    Err(Error::never(Code::CutMismatch, "the segments do not hold what their playlist says"))
}

/// Which segments are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selection {
    segments: Range<usize>,
    /// How many segments there are.
    count: usize,
}

impl Selection {
    /// Without the last segment of all, which the server does not have.
    fn without_last(self) -> Selection {
        let back = usize::from(self.segments.len() == 1);
        let segments = self.segments.start - back..self.segments.end - 1;
        Selection { segments, count: self.count - 1 }
    }
}

/// A rendition being fetched.
struct RenditionFetch<'a> {
    context: &'a FetchContext<'a>,
    request: RenditionRequest<'a>,
    folder: SegmentFolder,
    /// Those that were read, by discontinuity.
    first_timestamps: BTreeMap<u64, FirstTimestamp>,
}

impl RenditionFetch<'_> {
    /// One file of these segments.
    async fn fetch_and_join(&mut self, selected: &Range<usize>) -> Result<MediaFile, Error> {
        let rendition = self.request.rendition;
        let files = missing_files(rendition, selected, &self.folder)?;
        let download =
            SegmentDownload { transfer: &self.context.transfer, headers: &rendition.headers };
        let first = first_timestamps(&download, rendition, selected, &self.first_timestamps);
        let (first, ()) = tokio::try_join!(first, download.fetch(&files))?;
        self.first_timestamps.extend(first);
        let selected = SelectedSegments {
            rendition,
            range: selected.clone(),
            first_timestamps: &self.first_timestamps,
            folder: &self.folder,
        };
        join_segments(self.context.pipeline, self.request, &selected).await
    }

    /// Whether an error means that there is one segment less than the manifest says,
    /// which counts them by their lengths.
    fn lacks_last_segment(&self, error: &Error, selection: &Selection) -> bool {
        let Selection { segments, count } = selection;
        error.code == Code::RemovedVideo
            && matches!(self.request.rendition.origin, TimelineOrigin::Stated(_))
            && segments.start > 0
            && segments.end == *count
    }

    /// The wider selection that is needed; none when this one holds the span.
    async fn widened(
        &self,
        file: &MediaFile,
        selection: &Selection,
        span: Span,
    ) -> Result<Option<Selection>, Error> {
        if !self.request.tracks.video || self.context.span.is_none() {
            return Ok(None);
        }
        let times = FrameTimes::read(self.context.pipeline, file).await?;
        let start = file.zero_micros.saturating_add(micros_of_seconds(span.start));
        let end = file.zero_micros.saturating_add(micros_of_seconds(span.end));
        let Selection { segments, count } = selection.clone();
        let more_before = segments.start > 0 && times.lack_before(start);
        let more_after = segments.end < count && times.lack_after(end);
        if !more_before && !more_after {
            return Ok(None);
        }
        tracing::debug!(more_before, more_after, "the segments are not where their playlist says");
        let start = segments.start - usize::from(more_before);
        let end = segments.end + usize::from(more_after);
        Ok(Some(Selection { segments: start..end, count }))
    }
}

/// Times of a file's frames, microseconds of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameTimes {
    /// The first one at which decoding can start.
    first_key: Option<i64>,
    last: i64,
    /// The least time from one to the next.
    least_gap: i64,
}

impl FrameTimes {
    /// Reads the times of a joined file.
    async fn read(context: &PipelineContext, file: &MediaFile) -> Result<FrameTimes, Error> {
        let no_frames = || no_video("stream");
        let video = file.probe.video.as_ref().ok_or_else(no_frames)?;
        let input = Input::file(&file.path).await?;
        let index = SampleIndex::read(&input, &file.path).await;
        let track = index.as_ref().and_then(|index| index.video_track(file));
        let frames = match track.and_then(|track| index::frames(track, video)) {
            Some(frames) => frames,
            None => context.tools.frames(&input, video, context.settings.stage_deadline).await?,
        };
        let times: Vec<i64> = frames.list.iter().map(|frame| frames.micros(frame.pts)).collect();
        let last = times.last().copied().ok_or_else(no_frames)?;
        let gaps = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let key = frames.list.iter().find(|frame| frame.key);
        Ok(FrameTimes {
            first_key: key.map(|key| frames.micros(key.pts)),
            last,
            least_gap: gaps.min().unwrap_or(0),
        })
    }

    /// Whether a frame before the first keyframe, if there is one, would be in a
    /// span that starts here.
    fn lack_before(&self, start: i64) -> bool {
        self.first_key.is_none_or(|key| {
            let before = key.saturating_sub(self.least_gap);
            key > start && before >= start.saturating_sub(TOLERANCE)
        })
    }

    /// Whether a frame after the last one, if there is one, would be in a span that
    /// ends here.
    fn lack_after(&self, end: i64) -> bool {
        self.last.saturating_add(self.least_gap) < end.saturating_sub(TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_would_be_in_the_span_are_missed() {
        let times = FrameTimes { first_key: Some(1_000_000), last: 1_960_000, least_gap: 40_000 };
        assert!(!times.lack_before(1_000_000));
        assert!(times.lack_before(960_000));
        assert!(!times.lack_before(970_000));
        assert!(times.lack_after(2_000_200));
        assert!(!times.lack_after(2_000_000));
        assert!(FrameTimes { first_key: None, ..times }.lack_before(0));
    }

    #[test]
    fn a_segment_that_is_not_there_is_left_out() {
        let last_two = Selection { segments: 3..5, count: 5 };
        assert_eq!(last_two.without_last(), Selection { segments: 3..4, count: 4 });
        let last = Selection { segments: 4..5, count: 5 };
        assert_eq!(last.without_last(), Selection { segments: 3..4, count: 4 });
    }
}
