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
    if kind == TrackKind::Sound {
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
