//! When samples are decoded (`stts`) and how much later they are presented
//! (`ctts`), and which ones decoding can begin at (`stss`).

use std::ops::Range;

use super::source::Source;
use super::tables::{Table, Tables, UNEVEN, pairs};
use crate::Error;

/// No time of a real file is beyond this, and sums of a few of them fit.
pub(crate) const LATEST: i64 = i64::MAX / 8;

/// Decoding times of a track's first samples, or of all.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    runs: Vec<Run>,
    /// Samples whose times are known.
    pub samples: u64,
    /// When the last of them ends.
    pub end: i64,
    /// Whether these are all that the table has.
    pub complete: bool,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    dts: i64,
    delta: u32,
}

impl Clock {
    /// Reads the times of all samples that are decoded before `until`, and
    /// perhaps of some more. `total` is how long they all take, if that is known.
    pub async fn read(
        source: &Source<'_>,
        stts: Table,
        until: i64,
        total: Option<u64>,
    ) -> Result<Clock, Error> {
        let mut clock = Clock::default();
        let until_tick = u64::try_from(until).unwrap_or(0);
        let expected = match total {
            Some(total) => stts.counted(&(0..until_tick), total).end,
            None => UNEVEN,
        };
        let mut at = 0;
        while at < stts.entries && clock.end < until {
            let piece = stts.piece(at, expected);
            at = piece.end;
            for (count, delta) in pairs(&stts.get(source, piece).await?) {
                if count == 0 {
                    continue;
                }
                clock.runs.push(Run { first: clock.samples, dts: clock.end, delta });
                clock.samples += u64::from(count);
                clock.end = (i64::from(count).checked_mul(i64::from(delta)))
                    .and_then(|ticks| ticks.checked_add(clock.end))
                    .filter(|end| *end < LATEST)
                    .ok_or_else(|| Error::damaged("samples take longer than can be"))?;
            }
        }
        clock.complete = at >= stts.entries;
        Ok(clock)
    }

    /// When a sample is decoded, and how long it takes. Those beyond the table
    /// go on as its last ones.
    pub fn at(&self, sample: u64) -> (i64, u32) {
        let run = self.runs.partition_point(|run| run.first <= sample);
        let Some(run) = run.checked_sub(1).and_then(|run| self.runs.get(run)) else {
            return (0, 0);
        };
        let after = i64::try_from(sample - run.first).unwrap_or(LATEST);
        (run.dts.saturating_add(after.saturating_mul(run.delta.into())), run.delta)
    }

    /// The first sample that is not decoded before `dts`; the number of all
    /// known ones when there is none.
    pub fn first_from(&self, dts: i64) -> u64 {
        let next = self.runs.partition_point(|run| run.dts < dts);
        let Some(run) = next.checked_sub(1).and_then(|run| self.runs.get(run)) else {
            return 0;
        };
        let until = self.runs.get(next).map_or(self.samples, |run| run.first);
        let after = (dts - run.dts).cast_unsigned().div_ceil(u64::from(run.delta.max(1)));
        if run.delta == 0 { until } else { run.first.saturating_add(after).min(until) }
    }
}

/// How much later than decoded the samples of a range are presented, ticks.
pub(crate) async fn offsets(
    source: &Source<'_>,
    tables: &Tables,
    range: Range<u64>,
) -> Result<Vec<i32>, Error> {
    let Some(ctts) = tables.ctts else { return Ok(Vec::new()) };
    let length = (range.end - range.start) as usize;
    let expected = ctts.counted(&range, tables.count);
    if ctts.back(range.start, tables.count) {
        return from_back(source, tables, ctts, range, expected.start).await;
    }
    let mut offsets = Vec::with_capacity(length);
    let (mut at, mut sample) = (0, 0_u64);
    while at < ctts.entries && sample < range.end {
        let piece = ctts.piece(at, expected.end);
        at = piece.end;
        for (count, offset) in pairs(&ctts.get(source, piece).await?) {
            let run = sample..sample + u64::from(count);
            let wanted = run.start.max(range.start)..run.end.min(range.end);
            let count = wanted.end.saturating_sub(wanted.start) as usize;
            offsets.extend(std::iter::repeat_n(offset.cast_signed(), count));
            sample = run.end;
            if sample >= range.end {
                break;
            }
        }
    }
    offsets.resize(length, 0);
    Ok(offsets)
}

/// The same, counted from the table's end, where the last sample is; down to
/// the expected entry or further.
async fn from_back(
    source: &Source<'_>,
    tables: &Tables,
    ctts: Table,
    range: Range<u64>,
    expected: u64,
) -> Result<Vec<i32>, Error> {
    let length = (range.end - range.start) as usize;
    let mut offsets = Vec::with_capacity(length);
    let (mut at, mut sample) = (ctts.entries, tables.count);
    while at > 0 && sample > range.start {
        let piece = ctts.piece_before(at, expected);
        at = piece.start;
        for (count, offset) in pairs(&ctts.get(source, piece).await?).rev() {
            let run = sample.saturating_sub(u64::from(count))..sample;
            let wanted = run.start.max(range.start)..run.end.min(range.end);
            let count = wanted.end.saturating_sub(wanted.start) as usize;
            offsets.extend(std::iter::repeat_n(offset.cast_signed(), count));
            sample = run.start;
            if sample <= range.start {
                break;
            }
        }
    }
    offsets.resize(length, 0);
    offsets.reverse();
    Ok(offsets)
}

/// The samples at which decoding can begin, from 0 on, in rising order; none
/// when all are.
pub(crate) async fn syncs(source: &Source<'_>, tables: &Tables) -> Result<Option<Vec<u64>>, Error> {
    let Some(stss) = tables.stss else { return Ok(None) };
    let bytes = stss.get(source, 0..stss.entries).await?;
    let (numbers, _) = bytes.as_chunks::<4>();
    let mut syncs: Vec<u64> = numbers
        .iter()
        .map(|number| u64::from(u32::from_be_bytes(*number)))
        .filter(|number| *number > 0)
        .map(|number| number - 1)
        .collect();
    if !syncs.is_sorted() {
        syncs.sort_unstable();
    }
    Ok(Some(syncs))
}
