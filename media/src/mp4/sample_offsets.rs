//! Where the bytes of samples are: the offsets of their chunks (`stco` and
//! `co64`, ISO/IEC 14496-12, 8.7.5), and their sizes (`stsz`, 8.7.3.2).

use std::ops::Range;

use bytes::Bytes;
use futures_util::future::try_join;

use super::boxes::FieldReader;
use super::resync_point::find_resync_point;
use super::source::Mp4Source;
use super::stbl::SampleTables;
use super::stsc::{ChunkCounting, ChunkRun};
use crate::MediaError;

/// Samples of a track, in decoding order.
#[derive(Debug, Default)]
pub(crate) struct SampleOffsets {
    /// Where each is.
    pub samples: Vec<SampleBytes>,
    /// Which sample description they all have, from 1 on.
    pub description: u32,
}

/// Where a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampleBytes {
    /// Its first byte in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
}

/// Finds the bytes of a range of samples, which is not empty. `others` are the
/// tables of other tracks, which may help.
pub(crate) async fn sample_offsets(
    source: &Mp4Source<'_>,
    tables: &SampleTables,
    others: &[&SampleTables],
    range: Range<u64>,
) -> Result<SampleOffsets, MediaError> {
    let counting = ChunkCounting::new(source, tables, range.clone());
    let runs = match find_resync_point(source, tables, others, range.start).await? {
        Some(point) => counting.count_from(point).await?,
        None => counting.count_from_nearer_end().await?,
    };
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Err(in_no_chunk()) };
    if range.start >= range.end || range.start < first.first_sample {
        return Err(in_no_chunk());
    }
    if runs.iter().any(|run| run.description != first.description) {
        return Err(MediaError::unsupported("the track changes its sample description"));
    }
    // The chunks of the range, and the first sample of the first of them.
    let skipped = (range.start - first.first_sample) / first.samples_per_chunk;
    let sample = first.first_sample + skipped * first.samples_per_chunk;
    let needed = (range.end - 1 - last.first_sample) / last.samples_per_chunk + 1;
    let chunks = first.first_chunk + skipped..last.first_chunk + needed.min(last.chunks);
    let sizes = SampleSizes::read(source, tables, sample..range.end);
    let offsets = tables.chunk_offsets.read(source, chunks.clone());
    let (sizes, offsets) = try_join(sizes, offsets).await?;
    let found = FoundTables { source, tables, offsets, chunks, sizes };
    let mut samples = Vec::new();
    for run in &runs {
        found.append(run, &range, &mut samples)?;
    }
    if samples.len() as u64 != range.end - range.start {
        return Err(in_no_chunk());
    }
    Ok(SampleOffsets { samples, description: first.description })
}

fn in_no_chunk() -> MediaError {
    MediaError::damaged("samples are in no chunk")
}

/// What was read of the tables.
struct FoundTables<'a, 's> {
    source: &'a Mp4Source<'s>,
    tables: &'a SampleTables,
    /// Entries of the table of chunk offsets.
    offsets: Bytes,
    /// The chunks that they are for.
    chunks: Range<u64>,
    sizes: SampleSizes,
}

impl FoundTables<'_, '_> {
    /// Appends the samples of a run that are in the range.
    fn append(
        &self,
        run: &ChunkRun,
        range: &Range<u64>,
        samples: &mut Vec<SampleBytes>,
    ) -> Result<(), MediaError> {
        let chunks = self.chunks.start.max(run.first_chunk)
            ..self.chunks.end.min(run.first_chunk + run.chunks);
        for chunk in chunks {
            let table = self.tables.chunk_offsets;
            let mut offset = table.number(&self.offsets, chunk - self.chunks.start)?;
            let first = run.first_sample + (chunk - run.first_chunk) * run.samples_per_chunk;
            for sample in first..(first + run.samples_per_chunk).min(range.end) {
                let size = self.sizes.size_of(sample)?;
                let end = offset.checked_add(size.into()).filter(|end| *end <= self.source.size());
                let end = end.ok_or_else(|| MediaError::damaged("a sample is beyond the end"))?;
                if sample >= range.start {
                    samples.push(SampleBytes { offset, size });
                }
                offset = end;
            }
        }
        Ok(())
    }
}

/// Sizes of a range of samples.
struct SampleSizes {
    uniform: u32,
    first: u64,
    table: Bytes,
}

impl SampleSizes {
    async fn read(
        source: &Mp4Source<'_>,
        tables: &SampleTables,
        range: Range<u64>,
    ) -> Result<SampleSizes, MediaError> {
        let (first, uniform) = (range.start, tables.uniform_size);
        let table = match uniform {
            0 => tables.stsz.read(source, range).await?,
            _ => Bytes::new(),
        };
        Ok(SampleSizes { uniform, first, table })
    }

    fn size_of(&self, sample: u64) -> Result<u32, MediaError> {
        if self.uniform != 0 {
            return Ok(self.uniform);
        }
        let offset = ((sample - self.first) * 4) as usize;
        FieldReader::new(self.table.get(offset..).unwrap_or_default()).u32()
    }
}
