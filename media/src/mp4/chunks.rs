//! Which chunks have which samples (`stsc`): counted from the end of the table
//! that is nearer, or from an [`Anchor`].

use std::ops::Range;

use super::anchor::{self, Anchor};
use super::boxes::Fields;
use super::source::Source;
use super::tables::{Tables, UNEVEN};
use crate::Error;

/// Chunks that have the same number of samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunks {
    /// The first one, from 0 on.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Samples of each; not 0.
    pub each: u64,
    /// Their sample description.
    pub description: u32,
    /// The first sample of the first one.
    pub sample: u64,
}

/// The chunks that have samples of a range, and perhaps some before those.
/// `others` are the tables of other tracks, which may help.
pub(crate) async fn chunks(
    source: &Source<'_>,
    tables: &Tables,
    others: &[&Tables],
    range: Range<u64>,
) -> Result<Vec<Chunks>, Error> {
    let stsc = tables.stsc;
    if let Some(anchor) = anchor::find(source, tables, others, range.start).await? {
        return from_front(source, tables, range, anchor).await;
    }
    if stsc.back(range.start, tables.count) {
        from_back(source, tables, range).await
    } else {
        from_front(source, tables, range, Anchor::default()).await
    }
}

/// Counted from an entry whose first sample is known and not beyond the range.
async fn from_front(
    source: &Source<'_>,
    tables: &Tables,
    range: Range<u64>,
    anchor: Anchor,
) -> Result<Vec<Chunks>, Error> {
    let (stsc, mut found) = (tables.stsc, Vec::new());
    let (mut at, mut sample) = (anchor.entry, anchor.sample);
    let expected = stsc.around(&range, tables.count, UNEVEN).end;
    // An entry says how many chunks it is for only by the next one.
    let mut before: Option<Entry> = None;
    while at < stsc.entries && sample < range.end {
        let piece = stsc.piece(at, expected);
        at = piece.end;
        for entry in entries(&stsc.get(source, piece).await?) {
            let entry = entry?;
            if let Some(before) = before {
                let chunks = before.until(entry.first, sample)?;
                sample = chunks.end();
                keep(&mut found, chunks, &range);
            }
            before = Some(entry);
            if sample >= range.end {
                break;
            }
        }
    }
    if let Some(before) = before.filter(|_| sample < range.end) {
        keep(&mut found, before.until(tables.chunks.entries, sample)?, &range);
    }
    Ok(found)
}

/// The same, counted from the table's end, where the last sample is.
async fn from_back(
    source: &Source<'_>,
    tables: &Tables,
    range: Range<u64>,
) -> Result<Vec<Chunks>, Error> {
    let (stsc, mut found) = (tables.stsc, Vec::new());
    let (mut at, mut sample, mut chunk) = (stsc.entries, tables.count, tables.chunks.entries);
    let expected = stsc.around(&range, tables.count, UNEVEN).start;
    while at > 0 && sample > range.start {
        let piece = stsc.piece_before(at, expected);
        at = piece.start;
        let piece = stsc.get(source, piece).await?;
        for entry in entries(&piece).rev() {
            let entry = entry?;
            let mut chunks = entry.until(chunk, 0)?;
            chunks.sample = sample
                .checked_sub(chunks.end())
                .ok_or_else(|| Error::damaged("chunks have more samples than there are"))?;
            (sample, chunk) = (chunks.sample, entry.first);
            keep(&mut found, chunks, &range);
            if sample <= range.start {
                break;
            }
        }
    }
    found.reverse();
    Ok(found)
}

fn keep(found: &mut Vec<Chunks>, chunks: Chunks, range: &Range<u64>) {
    if chunks.count > 0 && chunks.end() > range.start && chunks.sample < range.end {
        found.push(chunks);
    }
}

/// An entry of `stsc`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Their first chunk, from 0 on.
    pub first: u64,
    each: u64,
    description: u32,
}

impl Entry {
    /// The chunks from this entry's first one to before `next`, of which the
    /// first sample is `sample`.
    pub fn until(self, next: u64, sample: u64) -> Result<Chunks, Error> {
        let Entry { first, each, description } = self;
        let count = next
            .checked_sub(first)
            .ok_or_else(|| Error::damaged("the numbers of chunks are not in order"))?;
        Ok(Chunks { first, count, each, description, sample })
    }
}

impl Chunks {
    /// The first sample that is not in them. Chunks and samples of each are
    /// numbers of 32 bits.
    pub fn end(&self) -> u64 {
        self.sample.saturating_add(self.count * self.each)
    }
}

/// The entries of some of the table.
pub(crate) fn entries(table: &[u8]) -> impl DoubleEndedIterator<Item = Result<Entry, Error>> {
    table.as_chunks::<12>().0.iter().map(|entry| {
        let mut fields = Fields::new(entry);
        let (first, each, description) = (fields.u32()?, fields.u32()?, fields.u32()?);
        if first == 0 || each == 0 {
            return Err(Error::damaged("a chunk has no number or no samples"));
        }
        Ok(Entry { first: u64::from(first) - 1, each: each.into(), description })
    })
}
