//! Ranges of bytes.

use std::ops::Range;

/// Some bytes of a file: `len` of them from `offset` on.
///
/// Only [`ByteRange::header`], [`ByteRange::content_range`] and
/// [`ByteRange::from_inclusive`] know that HTTP names the last byte instead of the
/// one behind it (RFC 9110, 14.1.2 and 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// The first byte, counted from 0.
    pub offset: u64,
    /// How many.
    pub len: u64,
}

impl ByteRange {
    /// The bytes from `start` up to, but not including, `end`; none when `end` is
    /// not behind `start`.
    pub const fn between(start: u64, end: u64) -> ByteRange {
        ByteRange { offset: start, len: end.saturating_sub(start) }
    }

    /// All bytes from `start` on, however many there are: its end is `u64::MAX`.
    pub const fn starting_at(start: u64) -> ByteRange {
        ByteRange::between(start, u64::MAX)
    }

    /// The byte behind the last one; at most `u64::MAX`.
    pub const fn end(self) -> u64 {
        self.offset.saturating_add(self.len)
    }

    /// Whether there is no byte in it.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// All but the first `bytes` of it.
    #[must_use]
    pub const fn skip(self, bytes: u64) -> ByteRange {
        let end = self.end();
        ByteRange::between(self.offset.saturating_add(bytes), end)
    }

    /// The value of a `Range` header, which names no last byte when the end is
    /// `u64::MAX`; none for an empty range, which HTTP has no form for.
    pub fn header(self) -> Option<String> {
        match self.end() {
            _ if self.is_empty() => None,
            u64::MAX => Some(format!("bytes={}-", self.offset)),
            end => Some(format!("bytes={}-{}", self.offset, end - 1)),
        }
    }

    /// The value of a `Content-Range` header of a file of `size` bytes; none for an
    /// empty range.
    pub fn content_range(self, size: u64) -> Option<String> {
        let last = self.end().checked_sub(1).filter(|_| !self.is_empty())?;
        Some(format!("bytes {}-{last}/{size}", self.offset))
    }

    /// The range that HTTP writes as `first-last`, as in a `Content-Range` header;
    /// none when `last` lies before `first`.
    pub fn from_inclusive(first: u64, last: u64) -> Option<ByteRange> {
        (first <= last).then(|| ByteRange::between(first, last.saturating_add(1)))
    }
}

impl From<Range<u64>> for ByteRange {
    fn from(range: Range<u64>) -> ByteRange {
        ByteRange::between(range.start, range.end)
    }
}

impl From<ByteRange> for Range<u64> {
    fn from(range: ByteRange) -> Range<u64> {
        range.offset..range.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_is_named_only_in_headers() {
        assert_eq!(ByteRange::between(0, 1).header().as_deref(), Some("bytes=0-0"));
        assert_eq!(ByteRange::between(10, 20).header().as_deref(), Some("bytes=10-19"));
        assert_eq!(ByteRange::between(20, 10), ByteRange { offset: 20, len: 0 });
        assert_eq!(ByteRange::between(5, 5).header(), None);
        assert_eq!(ByteRange::starting_at(7).header().as_deref(), Some("bytes=7-"));
        let content = ByteRange::between(10, 20).content_range(50);
        assert_eq!(content.as_deref(), Some("bytes 10-19/50"));
        assert_eq!(ByteRange::from_inclusive(10, 19), Some(ByteRange::between(10, 20)));
        assert_eq!(ByteRange::from_inclusive(10, 9), None);
        assert_eq!(ByteRange::between(10, 20).skip(5), ByteRange::between(15, 20));
        assert!(ByteRange::between(10, 20).skip(15).is_empty());
        assert_eq!(ByteRange { offset: u64::MAX, len: 9 }.end(), u64::MAX);
    }
}
