//! Where samples are: which chunk has them (`stsc`), where it is (`stco`,
//! `co64`), and their sizes (`stsz`).

use std::ops::Range;

use bytes::Bytes;
use futures_util::future::try_join;

use super::boxes::Fields;
use super::source::Source;
use super::tables::Tables;
use crate::Error;

/// Samples of a track, in decoding order.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// First byte and size of each.
    pub samples: Vec<(u64, u32)>,
    /// Which sample description they all have, from 1 on.
    pub description: u32,
}

/// Chunks that have the same number of samples.
#[derive(Debug, Clone, Copy)]
struct Chunks {
    /// The first one, from 0 on.
    first: u64,
    /// How many.
    count: u64,
    /// Samples of each; not 0.
    each: u64,
    /// Their sample description.
    description: u32,
    /// The first sample of the first one.
    sample: u64,
}

/// Finds the samples of a range, which is not empty.
pub(crate) async fn places(
    source: &Source<'_>,
    tables: &Tables,
    range: Range<u64>,
) -> Result<Places, Error> {
    let chunks = chunks(source, tables, range.clone()).await?;
    let ((Some(first), Some(last)), true) =
        ((chunks.first(), chunks.last()), range.start < range.end)
    else {
        return Err(Error::damaged("samples are in no chunk"));
    };
    if chunks.iter().any(|chunk| chunk.description != first.description) {
        return Err(Error::unsupported("the track changes its sample description"));
    }
    let skipped = (range.start - first.sample) / first.each;
    let (base, sample) = (first.first + skipped, first.sample + skipped * first.each);
    let until = last.first + ((range.end - 1 - last.sample) / last.each + 1).min(last.count);
    let sizes = Sizes::read(source, tables, sample..range.end);
    let (sizes, offsets) = try_join(sizes, tables.chunks.get(source, base..until)).await?;
    let mut samples = Vec::new();
    for chunk in &chunks {
        for number in base.max(chunk.first)..until.min(chunk.first + chunk.count) {
            let mut at = offset(&offsets, number - base, tables.chunks.width)?;
            let sample = chunk.sample + (number - chunk.first) * chunk.each;
            for sample in sample..(sample + chunk.each).min(range.end) {
                let size = sizes.at(sample)?;
                let end = at.checked_add(size.into()).filter(|end| *end <= source.size());
                let end = end.ok_or_else(|| Error::damaged("a sample is beyond the end"))?;
                if sample >= range.start {
                    samples.push((at, size));
                }
                at = end;
            }
        }
    }
    if samples.len() as u64 != range.end - range.start {
        return Err(Error::damaged("samples are in no chunk"));
    }
    Ok(Places { samples, description: first.description })
}

fn offset(table: &[u8], which: u64, width: u64) -> Result<u64, Error> {
    let entry = table.get((which * width) as usize..).unwrap_or_default();
    let mut fields = Fields::new(entry);
    if width == 8 { fields.u64() } else { fields.u32().map(u64::from) }
}

/// Sizes of a range of samples.
struct Sizes {
    uniform: u32,
    first: u64,
    table: Bytes,
}

impl Sizes {
    async fn read(source: &Source<'_>, tables: &Tables, range: Range<u64>) -> Result<Sizes, Error> {
        let (first, uniform) = (range.start, tables.uniform);
        let table = match uniform {
            0 => tables.stsz.get(source, range).await?,
            _ => Bytes::new(),
        };
        Ok(Sizes { uniform, first, table })
    }

    fn at(&self, sample: u64) -> Result<u32, Error> {
        if self.uniform != 0 {
            return Ok(self.uniform);
        }
        let at = ((sample - self.first) * 4) as usize;
        Fields::new(self.table.get(at..).unwrap_or_default()).u32()
    }
}

/// The chunks that have samples of a range, and perhaps some before those.
async fn chunks(
    source: &Source<'_>,
    tables: &Tables,
    range: Range<u64>,
) -> Result<Vec<Chunks>, Error> {
    let stsc = tables.stsc;
    let back = stsc.large() && range.start > tables.count / 2;
    let until = if back { range.start } else { range.end };
    stsc.expect(source, until, tables.count, back).await?;
    if back {
        from_back(source, tables, range).await
    } else {
        from_front(source, tables, range).await
    }
}

async fn from_front(
    source: &Source<'_>,
    tables: &Tables,
    range: Range<u64>,
) -> Result<Vec<Chunks>, Error> {
    let (stsc, mut found) = (tables.stsc, Vec::new());
    let (mut at, mut sample) = (0, 0);
    // An entry says how many chunks it is for only by the next one.
    let mut before: Option<Entry> = None;
    while at < stsc.entries && sample < range.end {
        let piece = stsc.piece(at);
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
    while at > 0 && sample > range.start {
        let piece = stsc.piece_before(at);
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
struct Entry {
    first: u64,
    each: u64,
    description: u32,
}

impl Entry {
    /// The chunks from this entry's first one to before `next`, of which the
    /// first sample is `sample`.
    fn until(self, next: u64, sample: u64) -> Result<Chunks, Error> {
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
    fn end(&self) -> u64 {
        self.sample.saturating_add(self.count * self.each)
    }
}

fn entries(table: &[u8]) -> impl DoubleEndedIterator<Item = Result<Entry, Error>> {
    table.as_chunks::<12>().0.iter().map(|entry| {
        let mut fields = Fields::new(entry);
        let (first, each, description) = (fields.u32()?, fields.u32()?, fields.u32()?);
        if first == 0 || each == 0 {
            return Err(Error::damaged("a chunk has no number or no samples"));
        }
        Ok(Entry { first: u64::from(first) - 1, each: each.into(), description })
    })
}
