//! Which samples of a track a span needs.

use std::ops::Range;

use clipmill_core::micros_of_seconds;

use super::super::sample::{SampleInfo, TrackTimeline};
use crate::{SpanSelection, TrackKind};

/// Packets of audio on either side of a span that are taken along: a decoder
/// needs one to begin, and a cut begins with the packet that is nearest.
pub(crate) const MARGIN: usize = 2;

/// A span in the file's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MicrosSpan {
    /// Its first microsecond.
    pub start: i64,
    /// The first one after it.
    pub end: i64,
}

impl MicrosSpan {
    /// What is wanted of a file whose first sample is presented at `zero`
    /// microseconds.
    pub fn new(want: &SpanSelection, zero: i64) -> MicrosSpan {
        let micros = |seconds| zero.saturating_add(micros_of_seconds(seconds));
        MicrosSpan { start: micros(want.start), end: micros(want.end) }
    }

    /// The span with this much more on either side.
    pub fn widened(self, micros: i64) -> MicrosSpan {
        let start = self.start.saturating_sub(micros);
        MicrosSpan { start, end: self.end.saturating_add(micros) }
    }

    /// The part of the span in which a track is presented; none when there is none.
    fn presented(self, timeline: TrackTimeline) -> Option<MicrosSpan> {
        let presented = timeline.presented_micros();
        let (start, end) = (self.start.max(presented.start), self.end.min(presented.end));
        (start < end).then_some(MicrosSpan { start, end })
    }

    fn contains(self, micros: i64) -> bool {
        (self.start..self.end).contains(&micros)
    }
}

/// The samples that a span needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectedSamples {
    /// Which ones.
    pub range: Range<usize>,
    /// Whether any of them is presented within the span.
    pub is_in_span: bool,
    /// Whether decoding may have to begin before all samples that were examined.
    pub needs_earlier: bool,
}

/// Selects out of `samples`; none when there are none near the span.
pub(crate) fn select_samples(
    samples: &[SampleInfo],
    kind: TrackKind,
    timeline: TrackTimeline,
    span: MicrosSpan,
) -> Option<SelectedSamples> {
    let span = span.presented(timeline)?;
    match kind {
        TrackKind::Video => select_frames(samples, timeline, span),
        TrackKind::Audio => select_packets(samples, timeline, span),
    }
}

/// Packets of audio that sound within the span, and some beside them.
fn select_packets(
    samples: &[SampleInfo],
    timeline: TrackTimeline,
    span: MicrosSpan,
) -> Option<SelectedSamples> {
    let sounds_within = |sample: &SampleInfo| {
        timeline.end(sample) > span.start && timeline.start(sample) < span.end
    };
    let first = samples.iter().position(sounds_within)?;
    let last = samples.iter().rposition(sounds_within)?;
    let after = samples.get(last + 1..).unwrap_or_default().iter().take(MARGIN);
    let presented = after.take_while(|sample| timeline.pts(sample) < timeline.edit.end).count();
    let range = first.saturating_sub(MARGIN)..last + 1 + presented;
    Some(SelectedSamples { range, is_in_span: true, needs_earlier: false })
}

/// Frames that are presented within the span, from the sync sample on that their
/// decoding begins with. When none is presented within it, the one that is still
/// shown at its start.
fn select_frames(
    samples: &[SampleInfo],
    timeline: TrackTimeline,
    span: MicrosSpan,
) -> Option<SelectedSamples> {
    let pts = |sample: &SampleInfo| timeline.pts(sample);
    let is_within = |sample: &SampleInfo| span.contains(timeline.start(sample));
    let first_within = samples.iter().position(is_within);
    let still_shown = || {
        let before = samples.iter().enumerate();
        let before = before.filter(|(_, sample)| timeline.start(sample) < span.start);
        before.max_by_key(|(_, sample)| pts(sample)).map(|(number, _)| number)
    };
    let is_in_span = first_within.is_some();
    let first = first_within.or_else(still_shown)?;
    let last = samples.iter().rposition(is_within).unwrap_or(first);
    let chosen = samples.get(first..=last)?;
    let earliest = if is_in_span {
        chosen.iter().filter(|sample| is_within(sample)).map(pts).min()?
    } else {
        pts(chosen.first()?)
    };
    // A sync sample that is presented later than the first chosen one has that
    // among its leading pictures, which may need what is before it.
    let before = samples.get(..=first)?;
    let sync = before.iter().rposition(|sample| sample.is_sync && pts(sample) <= earliest);
    let range = sync.unwrap_or(0)..last + 1;
    Some(SelectedSamples { range, is_in_span, needs_earlier: sync.is_none() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clipmill_core::Timescale;

    use super::*;
    use crate::PresentedTicks;

    const SECOND: i64 = 1_000_000;

    fn seconds() -> TrackTimeline {
        let edit = PresentedTicks::ALL;
        TrackTimeline { timescale: Timescale::new(1).unwrap(), shift: 0, edit }
    }

    /// Samples of a second each, by when they are presented; keyframes are
    /// marked.
    fn samples(times: &[(i32, bool)]) -> Vec<SampleInfo> {
        let one = |(number, (time, is_sync)): (usize, &(i32, bool))| {
            let composition_offset = time - number as i32;
            let is_sync = *is_sync;
            let dts = number as i64;
            SampleInfo { dts, composition_offset, delta: 1, is_sync, ..SampleInfo::default() }
        };
        times.iter().enumerate().map(one).collect()
    }

    fn frames(times: &[(i32, bool)], start: i64, end: i64) -> Option<(Range<usize>, bool, bool)> {
        let span = MicrosSpan { start: start * SECOND, end: end * SECOND };
        select_samples(&samples(times), TrackKind::Video, seconds(), span)
            .map(|found| (found.range, found.is_in_span, found.needs_earlier))
    }

    #[test]
    fn leading_pictures_need_the_keyframe_before() {
        // I0 P3 B1 B2, then I6 with B4 and B5 before it, P9 B7 B8.
        let open = [
            (0, true),
            (3, false),
            (1, false),
            (2, false),
            (6, true),
            (4, false),
            (5, false),
            (9, false),
            (7, false),
            (8, false),
        ];
        assert_eq!(frames(&open, 5, 8), Some((0..9, true, false)));
        assert_eq!(frames(&open, 6, 7), Some((4..5, true, false)));
        assert_eq!(frames(&open, 7, 9), Some((4..10, true, false)));
        // P9 is decoded first, but wanted last.
        assert_eq!(frames(&open, 9, 20), Some((4..8, true, false)));
        // Without the first keyframe nothing says where decoding begins.
        assert_eq!(frames(&open[4..], 4, 5), Some((0..2, true, true)));
    }

    #[test]
    fn a_frame_that_is_still_shown_is_selected() {
        let slides = [(0, true), (10, true), (30, true)];
        assert_eq!(frames(&slides, 12, 14), Some((1..2, false, false)));
        assert_eq!(frames(&slides, 10, 14), Some((1..2, true, false)));
        assert_eq!(frames(&slides, -3, -1), None);
    }

    #[test]
    fn what_an_edit_hides_is_not_selected() {
        let frames = samples(&(0..20).map(|time| (time, time % 5 == 0)).collect::<Vec<_>>());
        let timeline = TrackTimeline { edit: PresentedTicks { start: 3, end: 12 }, ..seconds() };
        let select = |kind, start: i64, end: i64| {
            let span = MicrosSpan { start: start * SECOND, end: end * SECOND };
            select_samples(&frames, kind, timeline, span).map(|found| found.range)
        };
        assert_eq!(select(TrackKind::Video, 10, 20), Some(10..12));
        assert_eq!(select(TrackKind::Video, 0, 5), Some(0..5));
        assert_eq!(select(TrackKind::Video, 12, 14), None);
        assert_eq!(select(TrackKind::Audio, 9, 20), Some(7..12));
        assert_eq!(select(TrackKind::Audio, 4, 11), Some(2..12));
        assert_eq!(select(TrackKind::Audio, 13, 14), None);
    }

    #[test]
    fn audio_has_two_packets_more_on_either_side() {
        let packets: Vec<_> = (0..20).map(|time| (time, true)).collect();
        let select = |start, end| {
            let span = MicrosSpan { start, end };
            select_samples(&samples(&packets), TrackKind::Audio, seconds(), span)
                .map(|found| found.range)
        };
        assert_eq!(select(5_500_000, 7_000_000), Some(3..9));
        assert_eq!(select(5_000_000, 7_000_001), Some(3..10));
        assert_eq!(select(0, 1_000_000), Some(0..3));
        assert_eq!(select(20_000_000, 21_000_000), None);
    }
}
