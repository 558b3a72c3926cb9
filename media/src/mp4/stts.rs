//! The times of samples: when they are decoded (`stts`, ISO/IEC 14496-12,
//! 8.6.1.2), how much later they are presented (`ctts`, 8.6.1.3), and which ones
//! are sync samples (`stss`, 8.6.2).

use std::ops::Range;

use super::lazy_table::{LazyTable, SLACK, pairs};
use super::limits;
use super::source::Mp4Source;
use super::stbl::SampleTables;
use crate::MediaError;

/// Decoding times of a track's first samples, or of all.
#[derive(Debug, Default)]
pub(crate) struct DecodingTimes {
    runs: Vec<DeltaRun>,
    /// Samples whose times are known.
    pub samples: u64,
    /// When the last of them ends.
    pub end: i64,
}

/// Samples of the same duration.
#[derive(Debug, Clone, Copy)]
struct DeltaRun {
    first_sample: u64,
    dts: i64,
    delta: u32,
}

/// When a sample is decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DecodingTime {
    /// Ticks.
    pub dts: i64,
    /// Its duration, ticks.
    pub delta: u32,
}

impl DecodingTimes {
    /// Reads the times of all samples that are decoded before `until`, and
    /// perhaps of some more. `total` is the duration of the track, if known.
    pub async fn read(
        source: &Mp4Source<'_>,
        stts: LazyTable,
        until: i64,
        total: Option<u64>,
    ) -> Result<DecodingTimes, MediaError> {
        let mut times = DecodingTimes::default();
        let until_tick = u64::try_from(until).unwrap_or(0);
        let expected = match total {
            Some(total) => stts.counted_range(&(0..until_tick), total).end,
            None => SLACK,
        };
        let mut entry = 0;
        while entry < stts.entries && times.end < until {
            let entries = stts.next_entries(entry, expected);
            entry = entries.end;
            for (count, delta) in pairs(&stts.read(source, entries).await?) {
                times.append(count, delta)?;
            }
        }
        Ok(times)
    }

    fn append(&mut self, count: u32, delta: u32) -> Result<(), MediaError> {
        if count == 0 {
            return Ok(());
        }
        self.runs.push(DeltaRun { first_sample: self.samples, dts: self.end, delta });
        self.samples += u64::from(count);
        self.end = (i64::from(count).checked_mul(i64::from(delta)))
            .and_then(|ticks| ticks.checked_add(self.end))
            .filter(|end| *end < limits::LATEST)
            .ok_or_else(|| MediaError::damaged("samples take longer than can be"))?;
        Ok(())
    }

    /// When a sample is decoded. Those beyond the table go on as its last ones.
    pub fn time_of(&self, sample: u64) -> DecodingTime {
        let next = self.runs.partition_point(|run| run.first_sample <= sample);
        let Some(run) = next.checked_sub(1).and_then(|run| self.runs.get(run)) else {
            return DecodingTime::default();
        };
        let after = i64::try_from(sample - run.first_sample).unwrap_or(limits::LATEST);
        let dts = run.dts.saturating_add(after.saturating_mul(run.delta.into()));
        DecodingTime { dts, delta: run.delta }
    }

    /// The first sample that is not decoded before `dts`; the number of all
    /// known ones when there is none.
    pub fn first_sample_from(&self, dts: i64) -> u64 {
        let next = self.runs.partition_point(|run| run.dts < dts);
        let Some(run) = next.checked_sub(1).and_then(|run| self.runs.get(run)) else {
            return 0;
        };
        let until = self.runs.get(next).map_or(self.samples, |run| run.first_sample);
        if run.delta == 0 {
            return until;
        }
        let after = (dts - run.dts).cast_unsigned().div_ceil(u64::from(run.delta));
        run.first_sample.saturating_add(after).min(until)
    }
}

/// How much later than decoded the samples of a range are presented, ticks;
/// empty when none is.
pub(crate) async fn composition_offsets(
    source: &Mp4Source<'_>,
    tables: &SampleTables,
    range: Range<u64>,
) -> Result<Vec<i32>, MediaError> {
    let Some(ctts) = tables.ctts else { return Ok(Vec::new()) };
    let counting = OffsetCounting { source, ctts, range, samples: tables.sample_count };
    if ctts.counts_from_end(counting.range.start, tables.sample_count) {
        counting.count_from_end().await
    } else {
        counting.count_from_start().await
    }
}

/// Counts entries of a `ctts` up or down to a range of samples.
struct OffsetCounting<'a, 's> {
    source: &'a Mp4Source<'s>,
    ctts: LazyTable,
    range: Range<u64>,
    /// Samples of the track.
    samples: u64,
}

impl OffsetCounting<'_, '_> {
    fn length(&self) -> usize {
        (self.range.end - self.range.start) as usize
    }

    /// The part of a run of equal offsets that is in the range.
    fn offsets(&self, run: Range<u64>, offset: u32) -> impl Iterator<Item = i32> + use<> {
        let wanted = run.start.max(self.range.start)..run.end.min(self.range.end);
        let count = wanted.end.saturating_sub(wanted.start) as usize;
        std::iter::repeat_n(offset.cast_signed(), count)
    }

    async fn count_from_start(&self) -> Result<Vec<i32>, MediaError> {
        let expected = self.ctts.counted_range(&self.range, self.samples).end;
        let mut found = Vec::with_capacity(self.length());
        let (mut entry, mut sample) = (0, 0_u64);
        while entry < self.ctts.entries && sample < self.range.end {
            let entries = self.ctts.next_entries(entry, expected);
            entry = entries.end;
            for (count, offset) in pairs(&self.ctts.read(self.source, entries).await?) {
                let run = sample..sample + u64::from(count);
                sample = run.end;
                found.extend(self.offsets(run, offset));
                if sample >= self.range.end {
                    break;
                }
            }
        }
        found.resize(self.length(), 0);
        Ok(found)
    }

    /// Counts down from the last entry, which the last sample has.
    async fn count_from_end(&self) -> Result<Vec<i32>, MediaError> {
        let expected = self.ctts.counted_range(&self.range, self.samples).start;
        let mut found = Vec::with_capacity(self.length());
        let (mut entry, mut sample) = (self.ctts.entries, self.samples);
        while entry > 0 && sample > self.range.start {
            let entries = self.ctts.previous_entries(entry, expected);
            entry = entries.start;
            for (count, offset) in pairs(&self.ctts.read(self.source, entries).await?).rev() {
                let run = sample.saturating_sub(u64::from(count))..sample;
                sample = run.start;
                found.extend(self.offsets(run, offset));
                if sample <= self.range.start {
                    break;
                }
            }
        }
        found.resize(self.length(), 0);
        found.reverse();
        Ok(found)
    }
}

/// The sync samples, from 0 on, in rising order; none when all are.
pub(crate) async fn sync_samples(
    source: &Mp4Source<'_>,
    tables: &SampleTables,
) -> Result<Option<Vec<u64>>, MediaError> {
    let Some(stss) = tables.stss else { return Ok(None) };
    let bytes = stss.read(source, 0..stss.entries).await?;
    let (numbers, _) = bytes.as_chunks::<4>();
    let mut samples: Vec<u64> = numbers
        .iter()
        .map(|number| u64::from(u32::from_be_bytes(*number)))
        .filter(|number| *number > 0)
        .map(|number| number - 1)
        .collect();
    if !samples.is_sorted() {
        samples.sort_unstable();
    }
    Ok(Some(samples))
}
