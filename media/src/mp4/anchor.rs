//! Finding out in the midst of a long `stsc` which sample an entry begins with,
//! without counting all entries before it or after it.
//!
//! Where samples lie close together in the file, a chunk ends where the next one
//! of any track begins, so the bytes of each chunk are known. They must be the
//! sum of the sizes of its samples, and over thousands of samples that fits at
//! one place of the table of sizes only. Where it fits nowhere or at several
//! places nearby, all is counted. Places further away are not looked at: what has
//! the same sizes there for so long is the same sound once more.

use std::ops::Range;

use futures_util::future::try_join_all;

use super::chunks::{Chunks, entries};
use super::places::offset;
use super::source::Source;
use super::tables::{Table, Tables};
use crate::Error;

/// Samples around the wanted one whose sizes are read.
pub(crate) const SIZES: u64 = 2 * REACH + 512;
/// Samples before and after the wanted one whose chunks are looked at.
const REACH: u64 = 1024;
/// How many more or fewer samples there may be before a chunk than in an even
/// table; the second number when the first one does not do.
const SLACK: [u64; 2] = [REACH, 16 * REACH];
/// An anchor is at most so many samples before the wanted one, if that can be.
const NEAR: u64 = 4 * REACH;
/// Bytes that are counted rather than anchored.
const COUNTED: u64 = 128 << 10;
/// Fewest chunks whose sizes are proof.
const PROOF: usize = 256;
/// Most chunks, and most samples, that are looked at.
const MOST: u64 = 1 << 16;
/// Most other tracks whose chunks are looked at.
const OTHERS: usize = 8;
/// Chunks of another track that are looked at on either side of where they
/// probably are; the second time, if those do not do.
const CHUNKS: [u64; 2] = [256, 8192];

/// An entry whose first sample is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Anchor {
    /// The entry.
    pub entry: u64,
    /// The first sample of its first chunk.
    pub sample: u64,
}

/// Whether counting up to a sample takes more than this does.
pub(crate) fn pays(tables: &Tables, sample: u64) -> bool {
    let stsc = tables.stsc;
    let at = stsc.near(sample, tables.count);
    tables.uniform == 0 && at.min(stsc.entries - at) * stsc.width > COUNTED
}

/// An entry not far before a sample; none when none can be found without doubt.
pub(crate) async fn find(
    source: &Source<'_>,
    tables: &Tables,
    others: &[&Tables],
    sample: u64,
) -> Result<Option<Anchor>, Error> {
    let (mut aim, mut best) = (sample, None);
    // The second time it is known how uneven the table is.
    for _ in 0..2 {
        if !pays(tables, aim) {
            break;
        }
        let Some(anchor) = near(source, tables, others, aim).await? else { break };
        match sample.checked_sub(anchor.sample) {
            Some(after) => {
                best = Some(anchor);
                if after <= NEAR {
                    break;
                }
                aim = aim.saturating_add(after - 2 * REACH);
            }
            None => aim = aim.saturating_sub(anchor.sample - sample + REACH),
        }
    }
    Ok(best)
}

async fn near(
    source: &Source<'_>,
    tables: &Tables,
    others: &[&Tables],
    aim: u64,
) -> Result<Option<Anchor>, Error> {
    let samples = aim.saturating_sub(REACH)..aim.saturating_add(REACH).min(tables.count);
    let entry = tables.stsc.near(samples.start, tables.count);
    let Some(runs) = runs(source, tables, &samples).await? else { return Ok(None) };
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(None) };
    let (from, to) = (first.first, last.first + last.count);
    let Some(ends) = lengths(source, tables, others, from..to).await? else { return Ok(None) };
    let length = last.end();
    let guess = u128::from(tables.count) * u128::from(from) / u128::from(tables.chunks.entries);
    let guess = (guess as u64).min(tables.count);
    for slack in SLACK {
        // Each chunk has a sample or more.
        let least = guess.saturating_sub(slack).max(from);
        let most = guess.saturating_add(slack).min(tables.count.saturating_sub(length));
        if least > most || most + length > tables.stsz.entries {
            continue;
        }
        let sizes = tables.stsz.get(source, least..most + length).await?;
        match fitting(&sums(&sizes), &runs, &ends, most - least)[..] {
            [] => {}
            [skip] => return Ok(Some(Anchor { entry, sample: least + skip })),
            _ => break,
        }
    }
    Ok(None)
}

/// Chunks of the entries for these samples, as if the first sample were 0.
async fn runs(
    source: &Source<'_>,
    tables: &Tables,
    samples: &Range<u64>,
) -> Result<Option<Vec<Chunks>>, Error> {
    let stsc = tables.stsc;
    let range = stsc.around(samples, tables.count, 0);
    // An entry says how many chunks it is for only by the next one.
    let table = stsc.get(source, range.start..(range.end + 1).min(stsc.entries)).await?;
    let Ok(mut entries) = entries(&table).collect::<Result<Vec<_>, _>>() else { return Ok(None) };
    let end = match entries.pop_if(|_| range.end < stsc.entries) {
        Some(next) => next.first,
        None => tables.chunks.entries,
    };
    let (mut runs, mut sample) = (Vec::<Chunks>::new(), 0);
    for (at, entry) in entries.iter().enumerate() {
        let next = entries.get(at + 1).map_or(end, |next| next.first);
        let Ok(chunks) = entry.until(next, sample) else { return Ok(None) };
        sample = chunks.end();
        if sample > MOST {
            return Ok(None);
        }
        runs.push(chunks);
    }
    Ok(Some(runs).filter(|_| end <= tables.chunks.entries))
}

/// Bytes of these chunks, but for a last one that may have any.
async fn lengths(
    source: &Source<'_>,
    tables: &Tables,
    others: &[&Tables],
    chunks: Range<u64>,
) -> Result<Option<Vec<u64>>, Error> {
    let own = tables.chunks;
    let range = chunks.start..(chunks.end + 1).min(own.entries);
    let own = starts(own, &own.get(source, range).await?);
    let (Some(low), Some(high)) = (own.first().copied(), own.last().copied()) else {
        return Ok(None);
    };
    let others: Vec<_> = others.iter().map(|other| other.chunks).collect();
    let others: Vec<_> = others.into_iter().filter(|table| table.entries > 0).collect();
    if others.len() > OTHERS || own.len() <= PROOF || !own.is_sorted_by(|a, b| a < b) {
        return Ok(None);
    }
    let between = |table: Table| {
        let near = table.near(chunks.start, tables.chunks.entries)
            ..table.near(chunks.end, tables.chunks.entries);
        between(source, table, near, low..high)
    };
    let found = try_join_all(others.into_iter().map(between)).await?;
    let Some(found) = found.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let mut all = [own.clone(), found.concat()].concat();
    all.sort_unstable();
    let next = |start: u64| all.get(all.partition_point(|other| *other <= start)).copied();
    let length = |start: &u64| Some(next(*start)? - start);
    Ok(Some(own[..own.len() - 1].iter().map_while(length).collect()))
}

/// Where chunks of another track begin within a range of bytes, which they do
/// around the entries `near`.
async fn between(
    source: &Source<'_>,
    table: Table,
    near: Range<u64>,
    bytes: Range<u64>,
) -> Result<Option<Vec<u64>>, Error> {
    for more in CHUNKS {
        let range =
            near.start.saturating_sub(more)..near.end.saturating_add(more).min(table.entries);
        let found = starts(table, &table.get(source, range.clone()).await?);
        if !found.is_sorted() {
            return Ok(None);
        }
        let before = range.start == 0 || found.first().is_some_and(|first| *first <= bytes.start);
        let after = range.end == table.entries || found.last() >= Some(&bytes.end);
        if before && after {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn starts(table: Table, bytes: &[u8]) -> Vec<u64> {
    let count = bytes.len() as u64 / table.width;
    (0..count).map_while(|which| offset(bytes, which, table.width).ok()).collect()
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

/// How many samples there may be before the first chunk, at most `most`, so that
/// all chunks have their lengths: the first two such numbers.
fn fitting(sums: &[u64], runs: &[Chunks], lengths: &[u64], most: u64) -> Vec<u64> {
    // Where each chunk begins and ends, in samples after the first one.
    let chunks = runs
        .iter()
        .flat_map(|run| (0..run.count).map(|chunk| (run.sample + chunk * run.each, run.each)));
    let chunks: Vec<(usize, usize, u64)> = chunks
        .zip(lengths)
        .map(|((first, each), length)| (first as usize, (first + each) as usize, *length))
        .collect();
    let sum = |at: usize| sums.get(at).copied();
    let fits = |skip: &u64| {
        let skip = *skip as usize;
        chunks.iter().all(|(first, end, length)| {
            sum(skip + end)
                .zip(sum(skip + first))
                .is_some_and(|(end, first)| end - first == *length)
        })
    };
    if chunks.len() < PROOF {
        return Vec::new();
    }
    (0..=most).filter(fits).take(2).collect()
}
