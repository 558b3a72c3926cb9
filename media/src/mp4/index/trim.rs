//! Of the first and the last segment of a span, only what the span needs is
//! copied, if they are large.

use std::ops::Range;

use super::super::fragment::{Fragment, TrackState, read_moof};
use super::super::limits;
use super::super::moov::Moov;
use super::super::sample::TrackTimeline;
use super::super::source::Mp4Source;
use super::super::top_level::TopLevelBox;
use super::super::tracks::MediaTrak;
use super::segments::IndexedSegment;
use super::select::{MicrosSpan, select_samples};
use crate::{MediaError, MediaErrorKind};

/// From this size on, bytes, only what is needed of a segment is copied: to look
/// for it costs a request.
const LARGE: u64 = 512 << 10;

/// Segments that follow each other, and are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopiedSegment {
    /// Their bytes.
    pub range: Range<u64>,
    /// What of a single one is needed, when that is not all.
    pub trimmed: Option<Fragment>,
}

/// The same segments in the file's order, and no byte twice.
pub(crate) fn merged(mut copied: Vec<CopiedSegment>) -> Vec<CopiedSegment> {
    copied.sort_unstable_by_key(|segment| segment.range.start);
    let mut merged: Vec<CopiedSegment> = Vec::new();
    for segment in copied {
        match merged.last_mut() {
            Some(last) if segment.range.start < last.range.end => {
                last.range.end = last.range.end.max(segment.range.end);
                // What is of more than one track stays whole.
                last.trimmed = None;
            }
            Some(last)
                if segment.range.start == last.range.end
                    && last.trimmed.is_none()
                    && segment.trimmed.is_none() =>
            {
                last.range.end = segment.range.end;
            }
            _ => merged.push(segment),
        }
    }
    merged
}

/// Trims segments to what a span needs of a track.
pub(crate) struct SegmentTrimmer<'a, 's> {
    /// The file.
    pub source: &'a Mp4Source<'s>,
    /// What it says of itself.
    pub moov: &'a Moov,
    /// The track.
    pub track: MediaTrak<'a>,
    /// When its samples are presented.
    pub timeline: TrackTimeline,
    /// The span.
    pub span: MicrosSpan,
    /// Whether other wanted tracks may be in the same segments.
    pub is_shared: bool,
}

/// Which edges of a span are in a segment.
#[derive(Debug, Clone, Copy)]
struct Edges {
    start: bool,
    end: bool,
}

impl SegmentTrimmer<'_, '_> {
    /// Whether it is worth it to look for the needed samples of a segment.
    pub fn may_trim(&self, segment: &IndexedSegment) -> bool {
        !self.is_shared && segment.range.end - segment.range.start >= LARGE
    }

    /// These segments, without what the span does not need at either edge.
    pub async fn copied(
        &self,
        segments: &[IndexedSegment],
    ) -> Result<Vec<CopiedSegment>, MediaError> {
        let mut copied = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            let edges = Edges { start: number == 0, end: number + 1 == segments.len() };
            let trimmed = if (edges.start || edges.end) && self.may_trim(segment) {
                match self.trimmed(segment, edges).await {
                    Err(error) if error.kind == MediaErrorKind::Read => return Err(error),
                    // A segment that can't be trimmed is copied whole.
                    trimmed => trimmed.ok().flatten(),
                }
            } else {
                None
            };
            copied.push(CopiedSegment { range: segment.range.clone(), trimmed });
        }
        Ok(copied)
    }

    /// The samples that are needed of a segment; none when it is better copied
    /// whole.
    async fn trimmed(
        &self,
        segment: &IndexedSegment,
        edges: Edges,
    ) -> Result<Option<Fragment>, MediaError> {
        let moof = segment.moof(self.source).await?;
        let next = TopLevelBox::read(self.source, moof.end(), limits::HEADER_READ).await?;
        let is_rest =
            |next: TopLevelBox| &next.header.name == b"mdat" && next.end() == segment.range.end;
        let Some(own) = self.fragment_of(segment).await? else { return Ok(None) };
        if !next.is_some_and(is_rest) || !own.is_timed {
            return Ok(None);
        }
        let samples = &own.samples;
        if samples.iter().any(|sample| sample.composition_offset < 0) {
            return Ok(None);
        }
        let selected = select_samples(samples, self.track.kind, self.timeline, self.span);
        let Some(selected) = selected else { return Ok(None) };
        let starts_here = edges.start && !selected.needs_earlier;
        let from = if starts_here { selected.range.start } else { 0 };
        let to = if edges.end { selected.range.end } else { samples.len() };
        let kept = samples.get(from..to).unwrap_or_default().to_vec();
        let is_less = !kept.is_empty() && kept.len() < samples.len();
        Ok(is_less.then_some(Fragment { samples: kept, ..own }))
    }

    /// The first fragment of a segment, if it has samples of the track only.
    pub async fn fragment_of(
        &self,
        segment: &IndexedSegment,
    ) -> Result<Option<Fragment>, MediaError> {
        let moof = segment.moof(self.source).await?;
        let mut states = [TrackState::unknown(self.moov, self.track.trak)];
        let mut fragments = read_moof(self.source, &moof, &mut states).await?;
        let own = fragments.pop();
        Ok(own.filter(|_| fragments.is_empty()))
    }
}
