//! The tables of a track's samples: where they are, and reading the needed
//! stretch of one. A table of a small file is read whole; of a large one as
//! little as there must be, since the tables of ten hours are tens of
//! megabytes.

use std::ops::Range;

use bytes::Bytes;
use futures_util::future::try_join4;

use super::boxes::{Fields, Name};
use super::source::Source;
use crate::Error;

/// Most samples of a track, and most entries of a table.
pub(crate) const SAMPLES: u64 = 20_000_000;
/// A table of at most so many bytes is read whole.
const WHOLE: u64 = 1 << 20;
/// Chunks around those that samples are probably in.
const CHUNKS: u64 = 1024;
/// Bytes that are read and looked at together of a greater one.
const PIECE: u64 = 128 << 10;

/// A table of entries of the same size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its first entry in the file.
    pub at: u64,
    /// Its entries.
    pub entries: u64,
    /// Bytes of each.
    pub width: u64,
}

/// The tables of a track.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// How long samples are: count, ticks.
    pub stts: Table,
    /// How much later samples are presented: count, ticks.
    pub ctts: Option<Table>,
    /// Samples at which decoding can begin, from 1 on; all when there is none.
    pub stss: Option<Table>,
    /// Samples of chunks: first chunk, samples of each, description.
    pub stsc: Table,
    /// Where chunks are, 4 or 8 bytes.
    pub chunks: Table,
    /// Sizes of samples.
    pub stsz: Table,
    /// The size of all samples; 0 when `stsz` tells each.
    pub uniform: u32,
    /// Samples.
    pub count: u64,
    /// Why they can't be used, which does not matter for other tracks.
    pub refused: Option<Error>,
}

impl Tables {
    /// Takes note of one of the boxes of `stbl`, whose content is at
    /// `from..from + size`.
    pub async fn note(
        &mut self,
        source: &Source<'_>,
        name: Name,
        from: u64,
        size: u64,
    ) -> Result<(), Error> {
        let width = match &name {
            b"stts" | b"ctts" | b"co64" => 8,
            b"stss" | b"stco" | b"stsz" => 4,
            b"stsc" => 12,
            b"stz2" => {
                let packed = Error::unsupported("the sizes of samples are packed (stz2)");
                self.refused.get_or_insert(packed);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let sizes = &name == b"stsz";
        let head = if sizes { 12 } else { 8 };
        if size < head {
            return Err(Error::damaged("a table ends before it begins"));
        }
        let begin = source.get(from, head).await?;
        let mut fields = Fields::new(&begin);
        fields.version()?;
        let uniform = if sizes { fields.u32()? } else { 0 };
        let count = u64::from(fields.u32()?);
        if count > SAMPLES {
            self.refused.get_or_insert(Error::too_large("a table has too many entries"));
            return Ok(());
        }
        let entries = if uniform == 0 { count } else { 0 };
        if entries * width > size - head {
            return Err(Error::damaged("a table ends before its last entry"));
        }
        let table = Table { at: from + head, entries, width };
        match &name {
            b"stts" => self.stts = table,
            b"ctts" => self.ctts = Some(table).filter(|table| table.entries > 0),
            b"stss" => self.stss = Some(table),
            b"stsc" => self.stsc = table,
            b"stsz" => (self.stsz, self.uniform, self.count) = (table, uniform, count),
            _ => self.chunks = table,
        }
        Ok(())
    }
}

impl Tables {
    /// Whether any table is read in pieces.
    pub fn large(&self) -> bool {
        let ctts = self.ctts.unwrap_or_default();
        [self.stts, ctts, self.stsc, self.chunks, self.stsz].iter().any(Table::large)
    }

    /// Reads at once what samples of a range, not more than there are, will
    /// need of these tables, as far as that can be guessed.
    pub async fn warm(&self, source: &Source<'_>, range: Range<u64>) -> Result<(), Error> {
        let ctts = self.ctts.unwrap_or_default();
        let back = |table: &Table| table.large() && range.start > self.count / 2;
        let expect = |table: Table| {
            let back = back(&table);
            let until = if back { range.start } else { range.end };
            async move { table.expect(source, until, self.count, back).await }
        };
        let share = |sample: u64| {
            let entries = u128::from(self.chunks.entries) * u128::from(sample);
            (entries / u128::from(self.count.max(1))) as u64
        };
        let chunks = share(range.start).saturating_sub(CHUNKS)
            ..share(range.end).saturating_add(CHUNKS).min(self.chunks.entries);
        let sizes = range.start.min(self.stsz.entries)..range.end.min(self.stsz.entries);
        try_join4(
            expect(ctts),
            expect(self.stsc),
            self.chunks.get(source, chunks.start.min(chunks.end)..chunks.end),
            self.stsz.get(source, sizes),
        )
        .await?;
        Ok(())
    }
}

impl Table {
    fn bytes(&self) -> u64 {
        self.entries * self.width
    }

    /// Whether it is read in pieces.
    pub fn large(&self) -> bool {
        self.bytes() > WHOLE
    }

    /// The bytes of these entries.
    pub async fn get(&self, source: &Source<'_>, entries: Range<u64>) -> Result<Bytes, Error> {
        if entries.start > entries.end || entries.end > self.entries {
            return Err(Error::damaged("a table is shorter than another one says"));
        }
        let length = (entries.end - entries.start) * self.width;
        source.get(self.at + entries.start * self.width, length).await
    }

    /// Pieces of it from the front: what entries to look at next, after those
    /// before `from`.
    pub fn piece(&self, from: u64) -> Range<u64> {
        let step = if self.large() { PIECE / self.width } else { self.entries };
        from..from.saturating_add(step).min(self.entries)
    }

    /// The same from the back: what entries to look at next, before `until`.
    pub fn piece_before(&self, until: u64) -> Range<u64> {
        let step = if self.large() { PIECE / self.width } else { self.entries };
        until.saturating_sub(step)..until
    }

    /// Reads at once what will probably be looked at in a large table whose
    /// entries stand for `total` samples evenly, up to sample `until` or, from
    /// the back, down to it.
    pub async fn expect(
        &self,
        source: &Source<'_>,
        until: u64,
        total: u64,
        back: bool,
    ) -> Result<(), Error> {
        if !self.large() {
            return Ok(());
        }
        let near = (u128::from(until) * u128::from(self.entries) / u128::from(total.max(1))) as u64;
        let near = near.min(self.entries);
        let range = if back { near..self.entries } else { 0..near };
        self.get(source, range).await?;
        Ok(())
    }
}

/// Two numbers of an entry.
pub(crate) fn pairs(bytes: &[u8]) -> impl DoubleEndedIterator<Item = (u32, u32)> {
    bytes.as_chunks::<8>().0.iter().map(|[a, b, c, d, e, f, g, h]| {
        (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]))
    })
}
