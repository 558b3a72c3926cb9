//! Which samples of a track a span needs.

use std::ops::Range;

use super::tracks::{Raw, micros};
use crate::TrackKind;

/// Packets of sound on either side of a span that are taken along: a decoder
/// needs one to begin, and a cut begins with the packet that is nearest.
pub(crate) const MARGIN: usize = 2;

/// What is wanted, microseconds in the file's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// First time.
    pub start: i64,
    /// First time that is not wanted any more.
    pub end: i64,
}

/// The samples that a span needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Which ones.
    pub range: Range<usize>,
    /// Whether any of them is presented within the span.
    pub wanted: bool,
    /// Whether decoding may have to begin before all samples that were looked
    /// at.
    pub earlier: bool,
}

/// Selects out of `samples`, which are presented `shift` ticks later than
/// they say; none when there are none near the span.
pub(crate) fn select(
    samples: &[Raw],
    kind: TrackKind,
    timescale: u32,
    shift: i64,
    span: Span,
) -> Option<Selected> {
    let ticks = |sample: &Raw| sample.dts.saturating_add(sample.cts.into()).saturating_add(shift);
    let time = |sample: &Raw| micros(ticks(sample), timescale);
    if kind == TrackKind::Audio {
        let end =
            |sample: &Raw| micros(ticks(sample).saturating_add(sample.delta.into()), timescale);
        let within = |sample: &Raw| end(sample) > span.start && time(sample) < span.end;
        let first = samples.iter().position(within)?;
        let last = samples.iter().rposition(within)?;
        let range = first.saturating_sub(MARGIN)..(last + 1 + MARGIN).min(samples.len());
        return Some(Selected { range, wanted: true, earlier: false });
    }
    let within = |sample: &Raw| (span.start..span.end).contains(&time(sample));
    let first = samples.iter().position(within);
    // When nothing begins within the span, what is seen at its start does.
    let seen = || {
        let before = samples.iter().enumerate().filter(|(_, sample)| time(sample) < span.start);
        before.max_by_key(|(_, sample)| ticks(sample)).map(|(at, _)| at)
    };
    let wanted = first.is_some();
    let first = first.or_else(seen)?;
    let last = samples.iter().rposition(within).unwrap_or(first);
    let chosen = samples.get(first..=last)?;
    let earliest = if wanted {
        chosen.iter().filter(|sample| within(sample)).map(ticks).min()?
    } else {
        ticks(chosen.first()?)
    };
    // A sync sample that is presented later than the first wanted one has the
    // latter among its leading pictures, which may need what is before it.
    let before = samples.get(..=first)?;
    let from = before.iter().rposition(|sample| sample.sync && ticks(sample) <= earliest);
    Some(Selected { range: from.unwrap_or(0)..last + 1, wanted, earlier: from.is_none() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Samples of a second each, by when they are presented; keyframes are
    /// marked.
    fn samples(times: &[(i32, bool)]) -> Vec<Raw> {
        let one = |(at, (time, sync)): (usize, &(i32, bool))| {
            let dts = at as i64;
            Raw { dts, cts: time - at as i32, delta: 1, sync: *sync, ..Raw::default() }
        };
        times.iter().enumerate().map(one).collect()
    }

    fn range(times: &[(i32, bool)], start: i64, end: i64) -> Option<(Range<usize>, bool, bool)> {
        let span = Span { start: start * 1_000_000, end: end * 1_000_000 };
        select(&samples(times), TrackKind::Video, 1, 0, span)
            .map(|found| (found.range, found.wanted, found.earlier))
    }

    #[test]
    fn what_leads_a_keyframe_needs_the_one_before() {
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
        assert_eq!(range(&open, 5, 8), Some((0..9, true, false)));
        assert_eq!(range(&open, 6, 7), Some((4..5, true, false)));
        assert_eq!(range(&open, 7, 9), Some((4..10, true, false)));
        // P9 is decoded first, but wanted last.
        assert_eq!(range(&open, 9, 20), Some((4..8, true, false)));
        // Without the first keyframe nothing tells where decoding begins.
        assert_eq!(range(&open[4..], 4, 5), Some((0..2, true, true)));
    }

    #[test]
    fn a_picture_that_stays_is_what_is_seen() {
        let slides = [(0, true), (10, true), (30, true)];
        assert_eq!(range(&slides, 12, 14), Some((1..2, false, false)));
        assert_eq!(range(&slides, 10, 14), Some((1..2, true, false)));
        assert_eq!(range(&slides, -3, -1), None);
    }

    #[test]
    fn sound_has_two_packets_more_on_either_side() {
        let packets: Vec<_> = (0..20).map(|time| (time, true)).collect();
        let of = |start, end| {
            let span = Span { start, end };
            select(&samples(&packets), TrackKind::Audio, 1, 0, span).map(|found| found.range)
        };
        assert_eq!(of(5_500_000, 7_000_000), Some(3..9));
        assert_eq!(of(5_000_000, 7_000_001), Some(3..10));
        assert_eq!(of(0, 1_000_000), Some(0..3));
        assert_eq!(of(20_000_000, 21_000_000), None);
    }
}
