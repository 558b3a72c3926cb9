//! Spans of files in fragments that have an index: which segments to copy.
//!
//! The index says when segments start, but not always truly: some indexes ignore
//! edit lists or count from another beginning, and a segment need not start with
//! a sync sample. So the choice is made in attempts. Each examines the first
//! fragment of the first segment, and either accepts it, corrects the times of
//! all segments, or goes back by one segment.

use futures_util::future::join;

use super::super::fragment::{Fragment, TrackState, read_moof};
use super::super::moov::Moov;
use super::super::sample::TrackTimeline;
use super::super::sidx::SegmentIndex;
use super::super::source::Mp4Source;
use super::super::tracks::MediaTrak;
use super::fragmented::FragmentedFile;
use super::segments::{IndexedSegment, read_segments};
use super::select::MicrosSpan;
use super::trim::{CopiedSegment, SegmentTrimmer, merged};
use crate::{MediaError, MediaErrorKind, TrackKind};

/// How much more audio is taken along on either side, microseconds: two packets.
const AUDIO_MARGIN: i64 = 50_000;
/// Most attempts to choose the segments of a span.
const ATTEMPTS: usize = 8;

/// How the samples of a span are got.
pub(crate) enum SegmentChoice {
    /// These segments of the file are copied; none are there when the file has
    /// nothing within the span.
    Copy(Vec<CopiedSegment>),
    /// Fragment after fragment is read; from this one on, if it is known.
    ReadFragments(Option<u64>),
}

/// Chooses the segments of a span.
pub(crate) async fn choose_segments(
    file: &FragmentedFile<'_, '_>,
    indexes: &[SegmentIndex],
) -> Result<SegmentChoice, MediaError> {
    let index_of =
        |track: &MediaTrak<'_>| indexes.iter().find(|index| index.track == track.trak.id);
    let (indexed, others): (Vec<MediaTrak<'_>>, Vec<MediaTrak<'_>>) =
        file.tracks.iter().copied().partition(|track| index_of(track).is_some());
    let mut copied = Vec::new();
    for track in indexed {
        let Some(index) = index_of(&track) else { continue };
        match TrackChooser::new(file, track, &others)?.choose(index).await {
            Ok(SegmentChoice::Copy(found)) => copied.extend(found),
            Ok(read_fragments) => return Ok(read_fragments),
            // A fragment that has no `tfdt`.
            Err(error) if error.kind == MediaErrorKind::Unsupported => {
                return Ok(SegmentChoice::ReadFragments(None));
            }
            Err(error) => return Err(error),
        }
    }
    if copied.is_empty() && others.len() == file.tracks.len() {
        return Ok(SegmentChoice::ReadFragments(None));
    }
    Ok(SegmentChoice::Copy(merged(copied)))
}

/// The choice for a track that has an index.
struct TrackChooser<'a, 's> {
    source: &'a Mp4Source<'s>,
    moov: &'a Moov,
    track: MediaTrak<'a>,
    timeline: TrackTimeline,
    /// Wanted tracks that have no index: they may be in the same fragments.
    others: &'a [MediaTrak<'a>],
    span: MicrosSpan,
}

/// The segments of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cover {
    first: usize,
    last: usize,
}

impl Cover {
    /// None when all segments are before the span, or all after it.
    fn find(segments: &[IndexedSegment], span: MicrosSpan) -> Option<Cover> {
        if segments.last()?.time.end <= span.start {
            return None;
        }
        let is_start =
            |segment: &IndexedSegment| segment.may_start && segment.time.start <= span.start;
        let first = segments.iter().rposition(is_start).unwrap_or(0);
        let last = segments.iter().rposition(|segment| segment.time.start < span.end)?;
        (first <= last).then_some(Cover { first, last })
    }
}

impl<'a, 's> TrackChooser<'a, 's> {
    fn new(
        file: &FragmentedFile<'a, 's>,
        track: MediaTrak<'a>,
        others: &'a [MediaTrak<'a>],
    ) -> Result<TrackChooser<'a, 's>, MediaError> {
        let (source, moov) = (file.source, file.moov);
        let margin = if track.kind == TrackKind::Audio { AUDIO_MARGIN } else { 0 };
        let timeline = moov.timeline_of(track.trak)?;
        Ok(TrackChooser { source, moov, track, timeline, others, span: file.span.widened(margin) })
    }

    async fn choose(&self, index: &SegmentIndex) -> Result<SegmentChoice, MediaError> {
        let mut segments = read_segments(self.source, index, self.span).await?;
        if segments.is_empty() {
            return Ok(SegmentChoice::ReadFragments(None));
        }
        let mut earlier = 0;
        for _ in 0..ATTEMPTS {
            let Some(cover) = Cover::find(&segments, self.span) else {
                return Ok(SegmentChoice::Copy(Vec::new()));
            };
            let first = cover.first.saturating_sub(earlier);
            let fragments = self.examine(&segments, Cover { first, ..cover }).await?;
            let own = fragments.iter().find(|fragment| fragment.track == self.track.trak.id);
            let (Some(own), Some(segment)) = (own, segments.get(first).cloned()) else { break };
            let start = self.timeline.earliest(&own.samples);
            let correction = start.saturating_sub(segment.time.start);
            if correction != 0 {
                correct(&mut segments, correction);
                if Cover::find(&segments, self.span) != Some(cover) {
                    continue;
                }
            }
            if first > 0 && !self.can_start_with(own, &fragments)? {
                earlier += 1;
                continue;
            }
            return match copyability(&fragments) {
                Copyability::Copyable => self.copy(&segments, Cover { first, ..cover }).await,
                Copyability::Unmovable => {
                    Ok(SegmentChoice::ReadFragments(Some(segment.range.start)))
                }
                Copyability::Untimed => Ok(SegmentChoice::ReadFragments(None)),
            };
        }
        Ok(SegmentChoice::ReadFragments(None))
    }

    /// Reads the first fragments of the first segment, and at the same time those
    /// of the last one, which are needed later if it is trimmed.
    async fn examine(
        &self,
        segments: &[IndexedSegment],
        cover: Cover,
    ) -> Result<Vec<Fragment>, MediaError> {
        let Some(first) = segments.get(cover.first) else { return Ok(Vec::new()) };
        let trimmer = self.trimmer();
        let last = segments.get(cover.last).filter(|last| trimmer.may_trim(last));
        let prefetch = async {
            if let Some(last) = last {
                // Errors are reported when the segment is trimmed.
                let _ = trimmer.fragment_of(last).await;
            }
        };
        join(self.fragments(first), prefetch).await.0
    }

    /// Whether the span can start with a segment whose first fragments are these.
    fn can_start_with(&self, own: &Fragment, fragments: &[Fragment]) -> Result<bool, MediaError> {
        let is_sync = own.samples.first().is_some_and(|first| first.is_sync);
        let is_decodable = self.track.kind == TrackKind::Audio || is_sync;
        Ok(is_decodable && self.others_start_before(fragments)?)
    }

    /// Copies these segments, and one more if the other tracks need it.
    async fn copy(
        &self,
        segments: &[IndexedSegment],
        cover: Cover,
    ) -> Result<SegmentChoice, MediaError> {
        let needs_next = self.others_reach_into(segments.get(cover.last + 1)).await?;
        let last = if needs_next { cover.last + 1 } else { cover.last };
        let chosen = segments.get(cover.first..=last).unwrap_or_default();
        Ok(SegmentChoice::Copy(self.trimmer().copied(chosen).await?))
    }

    fn trimmer(&self) -> SegmentTrimmer<'_, 's> {
        SegmentTrimmer {
            source: self.source,
            moov: self.moov,
            track: self.track,
            timeline: self.timeline,
            span: self.span,
            is_shared: !self.others.is_empty(),
        }
    }

    /// The first fragments of a segment.
    async fn fragments(&self, segment: &IndexedSegment) -> Result<Vec<Fragment>, MediaError> {
        let all = std::iter::once(&self.track).chain(self.others);
        let mut states: Vec<TrackState> =
            all.map(|track| TrackState::unknown(self.moov, track.trak)).collect();
        let moof = segment.moof(self.source).await?;
        read_moof(self.source, &moof, &mut states).await
    }

    /// Whether the other tracks start before the span in these fragments.
    fn others_start_before(&self, fragments: &[Fragment]) -> Result<bool, MediaError> {
        for MediaTrak { trak, .. } in self.others {
            let fragment = fragments.iter().find(|fragment| fragment.track == trak.id);
            let Some(fragment) = fragment else { continue };
            let packet = fragment.samples.first().map_or(0, |first| first.delta);
            let packet = trak.clock().micros(packet.into());
            let start = self.moov.timeline_of(trak)?.earliest(&fragment.samples);
            if start > self.span.start.saturating_sub(packet) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether something of the other tracks that the span needs is in the
    /// segment after it.
    async fn others_reach_into(&self, after: Option<&IndexedSegment>) -> Result<bool, MediaError> {
        let Some(after) = after.filter(|_| !self.others.is_empty()) else { return Ok(false) };
        let fragments = self.fragments(after).await?;
        for MediaTrak { trak, .. } in self.others {
            let fragment = fragments.iter().find(|fragment| fragment.track == trak.id);
            let Some(fragment) = fragment else { continue };
            let timeline = self.moov.timeline_of(trak)?;
            if timeline.earliest(&fragment.samples) < self.span.end {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether fragments can be copied as they are.
enum Copyability {
    Copyable,
    /// Their offsets are counted from the beginning of the file, or they have
    /// composition offsets below 0, which FFmpeg misreads in fragments.
    Unmovable,
    /// They have no `tfdt`.
    Untimed,
}

fn copyability(fragments: &[Fragment]) -> Copyability {
    let has_negative_offsets =
        |fragment: &Fragment| fragment.samples.iter().any(|sample| sample.composition_offset < 0);
    if fragments.iter().any(|fragment| !fragment.is_timed) {
        Copyability::Untimed
    } else if fragments.iter().any(|fragment| fragment.is_fixed || has_negative_offsets(fragment)) {
        Copyability::Unmovable
    } else {
        Copyability::Copyable
    }
}

/// Moves the times of all segments by `correction` microseconds.
fn correct(segments: &mut [IndexedSegment], correction: i64) {
    for segment in segments {
        let time = &segment.time;
        let start = time.start.saturating_add(correction);
        segment.time = start..time.end.saturating_add(correction);
    }
}
