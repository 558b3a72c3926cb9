//! Which part of a file a request wants.

use clipmill_core::ByteRange;
use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What a request wants of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedRange {
    /// All of it.
    Whole,
    /// These bytes; not empty and within the file.
    Bytes(ByteRange),
    /// A range outside of the file.
    Unsatisfiable,
}

/// Reads `Range` and `If-Range` for a file of `size` bytes. Several ranges, a
/// range in another unit, one that can't be read, and one of another version
/// of the file are answered with the whole file (RFC 9110, 14.2).
pub fn requested_range(headers: &HeaderMap, size: u64, etag: &str) -> RequestedRange {
    let Some(range) = headers.get(RANGE).and_then(|range| range.to_str().ok()) else {
        return RequestedRange::Whole;
    };
    if headers.get(IF_RANGE).is_some_and(|version| version.as_bytes() != etag.as_bytes()) {
        return RequestedRange::Whole;
    }
    parse(range, size).unwrap_or(RequestedRange::Whole)
}

fn parse(range: &str, size: u64) -> Option<RequestedRange> {
    let (unit, range) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        // More digits than fit are still a number, only a very large one.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let wanted = match (first.trim(), last.trim()) {
        ("", "") => return None,
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let first = number(first)?;
            let last = number(last)?;
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    let wanted = ByteRange::from(wanted);
    Some(if wanted.is_empty() {
        RequestedRange::Unsatisfiable
    } else {
        RequestedRange::Bytes(wanted)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bytes(start: u64, end: u64) -> RequestedRange {
        RequestedRange::Bytes(ByteRange::between(start, end))
    }

    fn asked(range: &str) -> RequestedRange {
        let headers = HeaderMap::from_iter([(RANGE, range.parse().unwrap())]);
        requested_range(&headers, 100, "\"v1\"")
    }

    #[test]
    fn single_ranges_are_served() {
        assert_eq!(asked("bytes=0-0"), bytes(0, 1));
        assert_eq!(asked("bytes=10-19"), bytes(10, 20));
        assert_eq!(asked("bytes=90-"), bytes(90, 100));
        assert_eq!(asked("bytes=-10"), bytes(90, 100));
        assert_eq!(asked("bytes=-1000"), bytes(0, 100));
        assert_eq!(asked("bytes=50-99999999999999999999999"), bytes(50, 100));
    }

    #[test]
    fn what_lies_behind_the_end_is_unsatisfiable() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(asked(range), RequestedRange::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn everything_else_is_the_whole_file() {
        for range in ["bytes=5-1", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", "bytes", "bytes=-"] {
            assert_eq!(asked(range), RequestedRange::Whole, "{range}");
        }
    }

    #[test]
    fn another_version_is_sent_whole() {
        let with = |version: &str| {
            let headers = [(RANGE, "bytes=1-2"), (IF_RANGE, version)];
            let headers = headers.map(|(name, value)| (name, value.parse().unwrap()));
            requested_range(&HeaderMap::from_iter(headers), 100, "\"v1\"")
        };
        assert_eq!(with("\"v1\""), bytes(1, 3));
        assert_eq!(with("\"v0\""), RequestedRange::Whole);
        assert_eq!(with("Wed, 21 Oct 2015 07:28:00 GMT"), RequestedRange::Whole);
    }
}
