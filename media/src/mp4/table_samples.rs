//! The samples that the tables of `moov` list.

use std::ops::Range;

use super::limits;
use super::sample::SampleInfo;
use super::sample_offsets::sample_offsets;
use super::source::Mp4Source;
use super::stbl::SampleTables;
use super::stts::{DecodingTimes, composition_offsets, sync_samples};
use super::trak::Trak;
use crate::MediaError;

/// Samples of a track that have the same sample description.
pub(crate) struct TableSamples {
    /// The samples in decoding order.
    pub samples: Vec<SampleInfo>,
    /// Their description, from 1 on.
    pub description: u32,
}

/// All samples of a track.
pub(crate) async fn all_samples(
    source: &Mp4Source<'_>,
    trak: &Trak,
) -> Result<TableSamples, MediaError> {
    let tables = &trak.tables;
    let times = DecodingTimes::read(source, tables.stts, limits::LATEST, None).await?;
    let range = 0..tables.sample_count;
    if range.is_empty() {
        return Ok(TableSamples { samples: Vec::new(), description: 1 });
    }
    let syncs = sync_samples(source, tables).await?;
    let clock = SampleClock { times: &times, syncs: syncs.as_deref() };
    let samples = clock.timed_samples(source, tables, range.clone()).await?;
    with_offsets(samples, source, tables, &[], range.start).await
}

/// What is known of the times of samples.
pub(crate) struct SampleClock<'a> {
    /// When they are decoded.
    pub times: &'a DecodingTimes,
    /// The sync samples in rising order; none when all are.
    pub syncs: Option<&'a [u64]>,
}

impl SampleClock<'_> {
    /// Samples of a range with their times, without their offsets and sizes.
    pub async fn timed_samples(
        &self,
        source: &Mp4Source<'_>,
        tables: &SampleTables,
        range: Range<u64>,
    ) -> Result<Vec<SampleInfo>, MediaError> {
        let offsets = composition_offsets(source, tables, range.clone()).await?;
        let is_sync = |sample| self.syncs.is_none_or(|syncs| syncs.binary_search(&sample).is_ok());
        let first = range.start;
        let timed = |sample: u64| {
            let time = self.times.time_of(sample);
            let composition_offset = offsets.get((sample - first) as usize).copied().unwrap_or(0);
            SampleInfo {
                dts: time.dts,
                delta: time.delta,
                composition_offset,
                is_sync: is_sync(sample),
                ..SampleInfo::default()
            }
        };
        Ok(range.map(timed).collect())
    }
}

/// These samples, of which the first is sample `first` of the track, with their
/// offsets and sizes. `others` are the tables of other tracks, which may help.
pub(crate) async fn with_offsets(
    mut samples: Vec<SampleInfo>,
    source: &Mp4Source<'_>,
    tables: &SampleTables,
    others: &[&SampleTables],
    first: u64,
) -> Result<TableSamples, MediaError> {
    let range = first..first + samples.len() as u64;
    let found = sample_offsets(source, tables, others, range).await?;
    for (sample, bytes) in samples.iter_mut().zip(found.samples) {
        sample.offset = bytes.offset;
        sample.size = bytes.size;
    }
    Ok(TableSamples { samples, description: found.description })
}
