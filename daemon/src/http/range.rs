//! Which part of a file a request wants.

use std::ops::Range;

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// These bytes; not empty and within the file.
    Bytes(Range<u64>),
    /// There is nothing in the range that was asked for.
    Unsatisfiable,
}

/// Reads `Range` and `If-Range` for a file of `size` bytes. Several ranges, a
/// range in another unit, one that can't be read, and one of another version
/// of the file are answered with the whole file, as HTTP has it.
pub fn part(headers: &HeaderMap, size: u64, etag: &str) -> Part {
    let Some(range) = headers.get(RANGE).and_then(|range| range.to_str().ok()) else {
        return Part::Whole;
    };
    if headers.get(IF_RANGE).is_some_and(|version| version.as_bytes() != etag.as_bytes()) {
        return Part::Whole;
    }
    parse(range, size).unwrap_or(Part::Whole)
}

fn parse(range: &str, size: u64) -> Option<Part> {
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
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if wanted.start < wanted.end { Part::Bytes(wanted) } else { Part::Unsatisfiable })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(range: &str) -> Part {
        let headers = HeaderMap::from_iter([(RANGE, range.parse().unwrap())]);
        part(&headers, 100, "\"v1\"")
    }

    #[test]
    fn single_ranges_are_served() {
        assert_eq!(asked("bytes=0-0"), Part::Bytes(0..1));
        assert_eq!(asked("bytes=10-19"), Part::Bytes(10..20));
        assert_eq!(asked("bytes=90-"), Part::Bytes(90..100));
        assert_eq!(asked("bytes=-10"), Part::Bytes(90..100));
        assert_eq!(asked("bytes=-1000"), Part::Bytes(0..100));
        assert_eq!(asked("bytes=50-99999999999999999999999"), Part::Bytes(50..100));
    }

    #[test]
    fn what_lies_behind_the_end_is_unsatisfiable() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(asked(range), Part::Unsatisfiable, "{range}");
        }
    }

    #[test]
    fn everything_else_is_the_whole_file() {
        for range in ["bytes=5-1", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", "bytes", "bytes=-"] {
            assert_eq!(asked(range), Part::Whole, "{range}");
        }
    }

    #[test]
    fn another_version_is_sent_whole() {
        let with = |version: &str| {
            let headers = [(RANGE, "bytes=1-2"), (IF_RANGE, version)];
            let headers = headers.map(|(name, value)| (name, value.parse().unwrap()));
            part(&HeaderMap::from_iter(headers), 100, "\"v1\"")
        };
        assert_eq!(with("\"v1\""), Part::Bytes(1..3));
        assert_eq!(with("\"v0\""), Part::Whole);
        assert_eq!(with("Wed, 21 Oct 2015 07:28:00 GMT"), Part::Whole);
    }
}
