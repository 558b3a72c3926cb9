//! A sample table that is read in stretches. The tables of ten hours are tens of
//! megabytes, of which a span of a minute needs a few kilobytes.
//!
//! An entry often stands for several samples (`stts`, `ctts`, `stsc`), so which
//! one stands for a given sample is known exactly only by counting from either
//! end of the table. If all entries stood for the same number, it would be the
//! *estimated* one; most are near that.

use std::ops::Range;

use bytes::Bytes;

use super::boxes::FieldReader;
use super::limits;
use super::source::Mp4Source;
use crate::MediaError;

/// Entries that are read beyond the estimated ones.
pub(crate) const SLACK: u64 = 512;
/// Entries that are read together when the estimated ones do not suffice.
const STEP: u64 = 16_384;

/// A table of entries of the same size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LazyTable {
    /// Its first entry in the file.
    pub offset: u64,
    /// Its entries.
    pub entries: u64,
    /// Bytes of each.
    pub width: u64,
}

impl LazyTable {
    fn size(&self) -> u64 {
        self.entries * self.width
    }

    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.offset + self.size()
    }

    /// Whether it is read in stretches.
    pub fn is_large(&self) -> bool {
        self.size() > limits::SMALL_TABLE
    }

    /// The bytes of these entries.
    pub async fn read(
        &self,
        source: &Mp4Source<'_>,
        entries: Range<u64>,
    ) -> Result<Bytes, MediaError> {
        if entries.start > entries.end || entries.end > self.entries {
            return Err(MediaError::damaged("a table is shorter than another one says"));
        }
        let length = (entries.end - entries.start) * self.width;
        source.read(self.offset + entries.start * self.width, length).await
    }

    /// Starts to read those of these entries that exist; all of a table that is
    /// not large.
    pub fn prefetch(&self, source: &Mp4Source<'_>, entries: Range<u64>) {
        let entries = if self.is_large() { entries } else { 0..self.entries };
        let end = entries.end.min(self.entries);
        let length = end.saturating_sub(entries.start) * self.width;
        let offset = self.offset.saturating_add(entries.start.saturating_mul(self.width));
        source.prefetch(offset, length);
    }

    /// The entries to read next when counting from the first one, after those
    /// before `from`: up to the expected end `to`, or a step beyond it.
    pub fn next_entries(&self, from: u64, to: u64) -> Range<u64> {
        let to = if to > from { to } else { from.saturating_add(STEP) };
        from..to.min(self.entries)
    }

    /// The entries to read next when counting from the last one, before `to`:
    /// down to the expected start `from`, or a step beyond it.
    pub fn previous_entries(&self, to: u64, from: u64) -> Range<u64> {
        let from = if from < to { from } else { to.saturating_sub(STEP) };
        from..to
    }

    /// The estimated entry for one of `total` samples (or ticks, or chunks).
    pub fn estimated(&self, sample: u64, total: u64) -> u64 {
        let entry = u128::from(sample) * u128::from(self.entries) / u128::from(total.max(1));
        (entry as u64).min(self.entries)
    }

    /// The estimated entries for a range of `total` samples, and `slack` more on
    /// either side.
    pub fn estimated_range(&self, range: &Range<u64>, total: u64, slack: u64) -> Range<u64> {
        let end = self.estimated(range.end, total).saturating_add(slack).min(self.entries);
        self.estimated(range.start, total).saturating_sub(slack).min(end)..end
    }

    /// Whether samples from this one on are counted from the last entry.
    pub fn counts_from_end(&self, sample: u64, total: u64) -> bool {
        self.is_large() && sample > total / 2
    }

    /// The entries that counting to a range of `total` samples probably reads;
    /// all of a table that is not large.
    pub fn counted_range(&self, range: &Range<u64>, total: u64) -> Range<u64> {
        let estimated = self.estimated_range(range, total, SLACK);
        if !self.is_large() {
            0..self.entries
        } else if self.counts_from_end(range.start, total) {
            estimated.start..self.entries
        } else {
            0..estimated.end
        }
    }

    /// The number that is entry `which` of `bytes`, where each entry is one
    /// number of 4 or 8 bytes.
    pub fn number(&self, bytes: &[u8], which: u64) -> Result<u64, MediaError> {
        let entry = bytes.get((which * self.width) as usize..).unwrap_or_default();
        let mut fields = FieldReader::new(entry);
        if self.width == 8 { fields.u64() } else { fields.u32().map(u64::from) }
    }
}

/// The two numbers of each entry of an `stts` or a `ctts`.
pub(crate) fn pairs(bytes: &[u8]) -> impl DoubleEndedIterator<Item = (u32, u32)> {
    bytes.as_chunks::<8>().0.iter().map(|[a, b, c, d, e, f, g, h]| {
        (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]))
    })
}
