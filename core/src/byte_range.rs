//! Ranges of bytes.

use std::ops::Range;

/// Some bytes of a file: `len` of them from `offset` on.
///
/// Only [`ByteRange::header`] and [`ByteRange::content_range`] know that HTTP names
/// the last byte instead of the one behind it (RFC 9110, 14.1.2 and 14.4).
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

    /// The byte behind the last one; at most `u64::MAX`.
    pub const fn end(self) -> u64 {
        self.offset.saturating_add(self.len)
    }

    /// Whether there is no byte in it.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The value of a `Range` header; none for an empty range, which HTTP can't
    /// ask for.
    pub fn header(self) -> Option<String> {
        let last = self.end().checked_sub(1).filter(|_| !self.is_empty())?;
        Some(format!("bytes={}-{last}", self.offset))
    }

    /// The value of a `Content-Range` header for a file of `size` bytes; none for an
    /// empty range, which HTTP can't answer.
    pub fn content_range(self, size: u64) -> Option<String> {
        let last = self.end().checked_sub(1).filter(|_| !self.is_empty())?;
        Some(format!("bytes {}-{last}/{size}", self.offset))
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
        let answered = ByteRange::between(10, 20).content_range(30);
        assert_eq!(answered.as_deref(), Some("bytes 10-19/30"));
        assert_eq!(ByteRange { offset: u64::MAX, len: 9 }.end(), u64::MAX);
    }
}
