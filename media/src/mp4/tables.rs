//! The tables of a track's samples: where they are, and reading the needed
//! stretch of one. A table of a small file is read whole; of a large one as
//! little as there must be, since the tables of ten hours are tens of
//! megabytes.

use std::ops::Range;

use bytes::Bytes;

use super::anchor;
use super::boxes::{Fields, Name};
use super::nested::WINDOW;
use super::source::Source;
use crate::Error;

/// Most samples of a track, and most entries of a table.
pub(crate) const SAMPLES: u64 = 20_000_000;
/// A table of at most so many bytes is read whole.
const WHOLE: u64 = 128 << 10;
/// Entries that are looked at together when the expected ones do not do.
const PIECE: u64 = 16_384;
/// Entries that are read beyond where an even table would have what is wanted.
pub(crate) const UNEVEN: u64 = 512;

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
        let begin = source.peek(from, head, WINDOW.min(size)).await?;
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
    /// Begins to read what samples of a range will need of these tables, as far
    /// as that can be guessed.
    pub fn ahead(&self, source: &Source<'_>, range: Range<u64>) {
        let anchored = anchor::pays(self, range.start);
        let sizes = if anchored { anchor::SIZES } else { 0 };
        let sizes =
            range.start.saturating_sub(sizes)..range.end.saturating_add(sizes).min(self.count);
        self.stsz.ahead(source, sizes);
        self.chunks.ahead(source, self.chunks.around(&range, self.count, UNEVEN));
        if anchored {
            self.stsc.ahead(source, self.stsc.around(&range, self.count, UNEVEN));
        } else {
            self.stsc.ahead(source, self.stsc.counted(&range, self.count));
        }
        // What takes long goes last.
        if let Some(ctts) = self.ctts {
            ctts.ahead(source, ctts.counted(&range, self.count));
        }
    }

    /// These tables with those that were not found yet where they are in most
    /// files: after a box that ends at `at` come `stsz`, then the places of the
    /// chunks, `wide` or not, which end at `end`.
    pub fn guessed(&self, at: u64, end: u64, samples: u64, wide: bool) -> Tables {
        let (mut guess, mut at) = (self.clone(), at);
        if guess.stsz.at == 0 {
            guess.stsz = Table { at: at + 20, entries: samples, width: 4 };
            guess.count = samples;
            at = guess.stsz.at + guess.stsz.bytes();
        }
        if guess.chunks.at == 0 {
            let width = if wide { 8 } else { 4 };
            let entries = end.saturating_sub(at + 16) / width;
            guess.chunks = Table { at: at + 16, entries, width };
        }
        guess
    }
}

impl Table {
    fn bytes(&self) -> u64 {
        self.entries * self.width
    }

    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.at + self.bytes()
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

    /// Begins to read those of these entries that there are; all of a table
    /// that is not large.
    pub fn ahead(&self, source: &Source<'_>, entries: Range<u64>) {
        let entries = if self.large() { entries } else { 0..self.entries };
        let end = entries.end.min(self.entries);
        let length = end.saturating_sub(entries.start) * self.width;
        source.ahead(self.at.saturating_add(entries.start.saturating_mul(self.width)), length);
    }

    /// What entries to look at next from the front, after those before `from`:
    /// up to those before `to` as is expected, or some more.
    pub fn piece(&self, from: u64, to: u64) -> Range<u64> {
        let to = if to > from { to } else { from.saturating_add(PIECE) };
        from..to.min(self.entries)
    }

    /// The same from the back: what entries to look at next, before `to`.
    pub fn piece_before(&self, to: u64, from: u64) -> Range<u64> {
        let from = if from < to { from } else { to.saturating_sub(PIECE) };
        from..to
    }

    /// The entry that stands for one of `total` samples, or whatever it counts,
    /// if all stand for the same number.
    pub fn near(&self, sample: u64, total: u64) -> u64 {
        let entry = u128::from(sample) * u128::from(self.entries) / u128::from(total.max(1));
        (entry as u64).min(self.entries)
    }

    /// The entries for a range of `total` samples, and `more` on either side.
    pub fn around(&self, range: &Range<u64>, total: u64, more: u64) -> Range<u64> {
        let end = self.near(range.end, total).saturating_add(more).min(self.entries);
        self.near(range.start, total).saturating_sub(more).min(end)..end
    }

    /// Whether samples from this one on are counted from the back.
    pub fn back(&self, sample: u64, total: u64) -> bool {
        self.large() && sample > total / 2
    }

    /// What is probably looked at to count up or down to a range of `total`
    /// samples; all of a table that is not large.
    pub fn counted(&self, range: &Range<u64>, total: u64) -> Range<u64> {
        let around = self.around(range, total, UNEVEN);
        if !self.large() {
            0..self.entries
        } else if self.back(range.start, total) {
            around.start..self.entries
        } else {
            0..around.end
        }
    }
}

/// Two numbers of each entry.
pub(crate) fn pairs(bytes: &[u8]) -> impl DoubleEndedIterator<Item = (u32, u32)> {
    bytes.as_chunks::<8>().0.iter().map(|[a, b, c, d, e, f, g, h]| {
        (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]))
    })
}
