//! Finds a resync point in a long `stsc`: an entry near the wanted sample of
//! which it is certain which sample is the first of its first chunk.
//!
//! `stsc` says how many samples each chunk has, so the first sample of a chunk is
//! only known by counting from either end of the table. A resync point saves
//! that: for a span in the middle of a film of ten hours, 70 kB of the table are
//! read instead of 5.7 MB, and as many in one of three hours (counted by the test
//! `resync_points_save_most_of_stsc`). It takes 20 kB more of the other tables.
//!
//! How it works: where chunks lie close together in the file, each ends where
//! the next one of any track starts, so the bytes of each chunk are known from
//! `stco`. They must be the sum of the sizes of its samples in `stsz`. Over
//! hundreds of chunks in a row that holds at one place of `stsz` only, which
//! gives the number of the first sample. Where it holds nowhere, or at several
//! places nearby, there is no resync point, and entries are counted. Places
//! further away are not examined: what has the same sizes for that long is the
//! same sound once more.

use std::ops::Range;

use futures_util::future::try_join_all;

use super::lazy_table::LazyTable;
use super::source::Mp4Source;
use super::stbl::SampleTables;
use super::stsc::{ChunkRun, ResyncPoint, stsc_entries};
use crate::MediaError;

/// Samples before and after the wanted one whose chunks are compared.
const COMPARED: u64 = 1024;
/// Samples around the wanted one whose sizes are read.
pub(crate) const SIZES_READ: u64 = 2 * COMPARED + 512;
/// By how many samples the estimated place may be wrong; the second number when
/// there is no match within the first one.
const DEVIATION: [u64; 2] = [COMPARED, 16 * COMPARED];
/// A point is at most this many samples before the wanted one, if possible: a
/// second search aims better, since it knows how uneven the table is.
const CLOSE: u64 = 4 * COMPARED;
/// When counting reads at most this many bytes, no point is searched for.
const CHEAP_TO_COUNT: u64 = 128 << 10;
/// Fewest chunks whose lengths have to match.
const PROOF: usize = 256;
/// Most chunks, and most samples, that are compared.
const MOST_COMPARED: u64 = 1 << 16;
/// Most other tracks whose chunks are read.
const OTHER_TRACKS: usize = 8;
/// Chunks of another track that are read on either side of the estimated ones;
/// the second number when the first one does not reach far enough.
const OTHER_CHUNKS: [u64; 2] = [256, 8192];

/// Whether counting to a sample reads more than the search for a point.
pub(crate) fn resync_saves_reads(tables: &SampleTables, sample: u64) -> bool {
    let stsc = tables.stsc;
    let entry = stsc.estimated(sample, tables.sample_count);
    let counted = entry.min(stsc.entries - entry) * stsc.width;
    tables.uniform_size == 0 && counted > CHEAP_TO_COUNT
}

/// A resync point not far before a sample; none when none is certain.
pub(crate) async fn find_resync_point(
    source: &Mp4Source<'_>,
    tables: &SampleTables,
    others: &[&SampleTables],
    sample: u64,
) -> Result<Option<ResyncPoint>, MediaError> {
    let search = ResyncSearch { source, tables, others };
    let mut aim = sample;
    let mut best = None;
    for _ in 0..2 {
        if !resync_saves_reads(tables, aim) {
            break;
        }
        let Some(point) = search.near(aim).await? else { break };
        match sample.checked_sub(point.sample) {
            Some(after) => {
                best = Some(point);
                if after <= CLOSE {
                    break;
                }
                aim = aim.saturating_add(after - 2 * COMPARED);
            }
            None => aim = aim.saturating_sub(point.sample - sample + COMPARED),
        }
    }
    Ok(best)
}

struct ResyncSearch<'a, 's> {
    source: &'a Mp4Source<'s>,
    tables: &'a SampleTables,
    others: &'a [&'a SampleTables],
}

impl ResyncSearch<'_, '_> {
    /// A point at the estimated entry for the samples before `aim`.
    async fn near(&self, aim: u64) -> Result<Option<ResyncPoint>, MediaError> {
        let tables = self.tables;
        let samples =
            aim.saturating_sub(COMPARED)..aim.saturating_add(COMPARED).min(tables.sample_count);
        let entry = tables.stsc.estimated(samples.start, tables.sample_count);
        let Some(runs) = self.runs(&samples).await? else { return Ok(None) };
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(None) };
        let chunks = first.first_chunk..last.first_chunk + last.chunks;
        let first_chunk = first.first_chunk;
        let Some(lengths) = self.lengths(chunks).await? else { return Ok(None) };
        let samples = last.end_sample();
        let estimate = u128::from(tables.sample_count) * u128::from(first_chunk)
            / u128::from(tables.chunk_offsets.entries);
        let estimate = (estimate as u64).min(tables.sample_count);
        for deviation in DEVIATION {
            // Each chunk has a sample or more.
            let least = estimate.saturating_sub(deviation).max(first_chunk);
            let most =
                estimate.saturating_add(deviation).min(tables.sample_count.saturating_sub(samples));
            if least > most || most + samples > tables.stsz.entries {
                continue;
            }
            let sizes = tables.stsz.read(self.source, least..most + samples).await?;
            match matches(&sums(&sizes), &runs, &lengths, most - least)[..] {
                [] => {}
                [skip] => return Ok(Some(ResyncPoint { entry, sample: least + skip })),
                _ => break,
            }
        }
        Ok(None)
    }

    /// The chunks of the estimated entries for these samples, as if their first
    /// sample were 0.
    async fn runs(&self, samples: &Range<u64>) -> Result<Option<Vec<ChunkRun>>, MediaError> {
        let (tables, stsc) = (self.tables, self.tables.stsc);
        let range = stsc.estimated_range(samples, tables.sample_count, 0);
        // Where an entry's chunks end is in the next one.
        let read = range.start..(range.end + 1).min(stsc.entries);
        let bytes = stsc.read(self.source, read).await?;
        let Ok(mut entries) = stsc_entries(&bytes).collect::<Result<Vec<_>, _>>() else {
            return Ok(None);
        };
        let end = match entries.pop_if(|_| range.end < stsc.entries) {
            Some(next) => next.first_chunk,
            None => tables.chunk_offsets.entries,
        };
        let (mut runs, mut sample) = (Vec::<ChunkRun>::new(), 0);
        for (number, entry) in entries.iter().enumerate() {
            let next = entries.get(number + 1).map_or(end, |next| next.first_chunk);
            let Ok(run) = entry.run_until(next, sample) else { return Ok(None) };
            sample = run.end_sample();
            if sample > MOST_COMPARED {
                return Ok(None);
            }
            runs.push(run);
        }
        Ok(Some(runs).filter(|_| end <= tables.chunk_offsets.entries))
    }

    /// Bytes of these chunks, but for the last one if it is the file's last.
    async fn lengths(&self, chunks: Range<u64>) -> Result<Option<Vec<u64>>, MediaError> {
        let own_table = self.tables.chunk_offsets;
        let range = chunks.start..(chunks.end + 1).min(own_table.entries);
        let own = numbers(own_table, &own_table.read(self.source, range).await?);
        let (Some(low), Some(high)) = (own.first().copied(), own.last().copied()) else {
            return Ok(None);
        };
        let others: Vec<LazyTable> = (self.others.iter().map(|other| other.chunk_offsets))
            .filter(|table| table.entries > 0)
            .collect();
        if others.len() > OTHER_TRACKS
            || own.len() <= PROOF
            || !own.is_sorted_by(|one, next| one < next)
        {
            return Ok(None);
        }
        let between = |table: LazyTable| {
            let estimated = table.estimated_range(&chunks, own_table.entries, 0);
            self.offsets_between(table, estimated, low..high)
        };
        let found = try_join_all(others.into_iter().map(between)).await?;
        let Some(found) = found.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut all = [own.clone(), found.concat()].concat();
        all.sort_unstable();
        let next = |start: u64| all.get(all.partition_point(|other| *other <= start)).copied();
        let length = |start: &u64| Some(next(*start)? - start);
        Ok(Some(own[..own.len() - 1].iter().map_while(length).collect()))
    }

    /// The offsets of another track's chunks within a range of bytes, which are
    /// around the `estimated` entries.
    async fn offsets_between(
        &self,
        table: LazyTable,
        estimated: Range<u64>,
        bytes: Range<u64>,
    ) -> Result<Option<Vec<u64>>, MediaError> {
        for more in OTHER_CHUNKS {
            let range = estimated.start.saturating_sub(more)
                ..estimated.end.saturating_add(more).min(table.entries);
            let found = numbers(table, &table.read(self.source, range.clone()).await?);
            if !found.is_sorted() {
                return Ok(None);
            }
            let reaches_start =
                range.start == 0 || found.first().is_some_and(|first| *first <= bytes.start);
            let reaches_end = range.end == table.entries || found.last() >= Some(&bytes.end);
            if reaches_start && reaches_end {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn numbers(table: LazyTable, bytes: &[u8]) -> Vec<u64> {
    let count = bytes.len() as u64 / table.width;
    (0..count).map_while(|which| table.number(bytes, which).ok()).collect()
}

/// The sum of all sizes before each one, and after the last.
fn sums(sizes: &[u8]) -> Vec<u64> {
    let (sizes, _) = sizes.as_chunks::<4>();
    let add = |sum: &mut u64, size: &[u8; 4]| {
        *sum += u64::from(u32::from_be_bytes(*size));
        Some(*sum)
    };
    std::iter::once(0).chain(sizes.iter().scan(0, add)).collect()
}

/// Samples of a chunk, counted from the first chunk's first one, and its bytes.
struct ChunkLength {
    first: usize,
    end: usize,
    bytes: u64,
}

/// With how many samples before the first chunk, at most `most`, the sizes of
/// all chunks are their lengths: the first two such numbers.
fn matches(sums: &[u64], runs: &[ChunkRun], lengths: &[u64], most: u64) -> Vec<u64> {
    let firsts = runs.iter().flat_map(|run| {
        let first = |chunk| run.first_sample + chunk * run.samples_per_chunk;
        (0..run.chunks).map(move |chunk| (first(chunk), first(chunk + 1)))
    });
    let chunks: Vec<ChunkLength> = firsts
        .zip(lengths)
        .map(|((first, end), bytes)| ChunkLength {
            first: first as usize,
            end: end as usize,
            bytes: *bytes,
        })
        .collect();
    if chunks.len() < PROOF {
        return Vec::new();
    }
    let sum = |sample: usize| sums.get(sample).copied();
    let is_match = |skip: &u64| {
        let skip = *skip as usize;
        chunks.iter().all(|chunk| {
            let sums = sum(skip + chunk.end).zip(sum(skip + chunk.first));
            sums.is_some_and(|(end, first)| end - first == chunk.bytes)
        })
    };
    (0..=most).filter(is_match).take(2).collect()
}
