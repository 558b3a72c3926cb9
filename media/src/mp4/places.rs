//! Where samples are: where their chunks are (`stco`, `co64`), and their sizes
//! (`stsz`). Which chunk has them is in [`chunks`](super::chunks).

use std::ops::Range;

use bytes::Bytes;
use futures_util::future::try_join;

use super::boxes::Fields;
use super::chunks::chunks;
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

/// Finds the samples of a range, which is not empty. `others` are the tables of
/// other tracks, which may help.
pub(crate) async fn places(
    source: &Source<'_>,
    tables: &Tables,
    others: &[&Tables],
    range: Range<u64>,
) -> Result<Places, Error> {
    let chunks = chunks(source, tables, others, range.clone()).await?;
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

/// One entry of a table of chunks' places.
pub(crate) fn offset(table: &[u8], which: u64, width: u64) -> Result<u64, Error> {
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
