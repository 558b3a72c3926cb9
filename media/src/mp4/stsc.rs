//! `stsc`: which chunks have which samples (ISO/IEC 14496-12, 8.7.4), counted
//! from either end of the table or from an entry whose first sample is known.

use std::ops::Range;

use super::boxes::FieldReader;
use super::lazy_table::{LazyTable, SLACK};
use super::source::Mp4Source;
use super::stbl::SampleTables;
use crate::MediaError;

/// An entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StscEntry {
    /// The first chunk that it stands for, from 0 on.
    pub first_chunk: u64,
    samples_per_chunk: u64,
    description: u32,
}

/// Chunks that have the same number of samples each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkRun {
    /// The first one, from 0 on.
    pub first_chunk: u64,
    /// Their number.
    pub chunks: u64,
    /// Samples of each; not 0.
    pub samples_per_chunk: u64,
    /// Their sample description, from 1 on.
    pub description: u32,
    /// The first sample of the first one.
    pub first_sample: u64,
}

/// An entry of which it is known which sample is the first of its first chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ResyncPoint {
    /// The entry.
    pub entry: u64,
    /// The first sample of its first chunk.
    pub sample: u64,
}

impl StscEntry {
    /// The chunks from this entry's first one to before `next_chunk`, of which
    /// the first sample is `first_sample`.
    pub fn run_until(self, next_chunk: u64, first_sample: u64) -> Result<ChunkRun, MediaError> {
        let StscEntry { first_chunk, samples_per_chunk, description } = self;
        let chunks = next_chunk
            .checked_sub(first_chunk)
            .ok_or_else(|| MediaError::damaged("the numbers of chunks are not in order"))?;
        Ok(ChunkRun { first_chunk, chunks, samples_per_chunk, description, first_sample })
    }
}

impl ChunkRun {
    /// The first sample after them. Chunks and samples of each are numbers of 32
    /// bits.
    pub fn end_sample(&self) -> u64 {
        self.first_sample.saturating_add(self.chunks * self.samples_per_chunk)
    }

    fn overlaps(&self, range: &Range<u64>) -> bool {
        self.chunks > 0 && self.end_sample() > range.start && self.first_sample < range.end
    }
}

/// Reads entries out of bytes of the table.
pub(crate) fn stsc_entries(
    bytes: &[u8],
) -> impl DoubleEndedIterator<Item = Result<StscEntry, MediaError>> {
    bytes.as_chunks::<12>().0.iter().map(|entry| {
        let mut fields = FieldReader::new(entry);
        let first_chunk = u64::from(fields.u32()?);
        let samples_per_chunk = u64::from(fields.u32()?);
        let description = fields.u32()?;
        if first_chunk == 0 || samples_per_chunk == 0 {
            return Err(MediaError::damaged("a chunk has no number or no samples"));
        }
        Ok(StscEntry { first_chunk: first_chunk - 1, samples_per_chunk, description })
    })
}

/// Counts chunks up or down to a range of samples.
pub(crate) struct ChunkCounting<'a, 's> {
    source: &'a Mp4Source<'s>,
    stsc: LazyTable,
    /// Samples of the track.
    samples: u64,
    /// Chunks of the track.
    chunks: u64,
    range: Range<u64>,
}

impl<'a, 's> ChunkCounting<'a, 's> {
    /// Counts to `range` of a track's samples.
    pub fn new(
        source: &'a Mp4Source<'s>,
        tables: &SampleTables,
        range: Range<u64>,
    ) -> ChunkCounting<'a, 's> {
        let (samples, chunks) = (tables.sample_count, tables.chunk_offsets.entries);
        ChunkCounting { source, stsc: tables.stsc, samples, chunks, range }
    }

    /// The chunks that have samples of the range, counted from the nearer end of
    /// the table, if it is large.
    pub async fn count_from_nearer_end(&self) -> Result<Vec<ChunkRun>, MediaError> {
        if self.stsc.counts_from_end(self.range.start, self.samples) {
            self.count_from_end().await
        } else {
            self.count_from(ResyncPoint::default()).await
        }
    }

    /// The same, counted from an entry that is not beyond the range.
    pub async fn count_from(&self, point: ResyncPoint) -> Result<Vec<ChunkRun>, MediaError> {
        let mut found = Vec::new();
        let (mut entry, mut sample) = (point.entry, point.sample);
        let expected = self.stsc.estimated_range(&self.range, self.samples, SLACK).end;
        // Where an entry's chunks end is in the next one.
        let mut open: Option<StscEntry> = None;
        while entry < self.stsc.entries && sample < self.range.end {
            let entries = self.stsc.next_entries(entry, expected);
            entry = entries.end;
            for next in stsc_entries(&self.stsc.read(self.source, entries).await?) {
                let next = next?;
                if let Some(complete) = open.replace(next) {
                    let run = complete.run_until(next.first_chunk, sample)?;
                    sample = run.end_sample();
                    found.extend(Some(run).filter(|run| run.overlaps(&self.range)));
                }
                if sample >= self.range.end {
                    break;
                }
            }
        }
        if let Some(last) = open.filter(|_| sample < self.range.end) {
            let run = last.run_until(self.chunks, sample)?;
            found.extend(Some(run).filter(|run| run.overlaps(&self.range)));
        }
        Ok(found)
    }

    /// The same, counted down from the last entry, whose last chunk ends with
    /// the last sample.
    async fn count_from_end(&self) -> Result<Vec<ChunkRun>, MediaError> {
        let mut found = Vec::new();
        let mut entry = self.stsc.entries;
        let (mut sample, mut chunk) = (self.samples, self.chunks);
        let expected = self.stsc.estimated_range(&self.range, self.samples, SLACK).start;
        while entry > 0 && sample > self.range.start {
            let entries = self.stsc.previous_entries(entry, expected);
            entry = entries.start;
            for entry in stsc_entries(&self.stsc.read(self.source, entries).await?).rev() {
                let entry = entry?;
                let mut run = entry.run_until(chunk, 0)?;
                run.first_sample = sample.checked_sub(run.end_sample()).ok_or_else(|| {
                    MediaError::damaged("chunks have more samples than there are")
                })?;
                sample = run.first_sample;
                chunk = entry.first_chunk;
                found.extend(Some(run).filter(|run| run.overlaps(&self.range)));
                if sample <= self.range.start {
                    break;
                }
            }
        }
        found.reverse();
        Ok(found)
    }
}
