//! Which segments a span needs, as far as their lengths tell. Pure.

use std::ops::Range;

use clipmill_core::Span;

use super::Segment;

/// How much more sound than picture is taken at either side, seconds: it is
/// small, and its segments end elsewhere.
const SOUND: f64 = 0.5;

/// The segments that hold a span, one at least.
pub(super) fn segments(list: &[Segment], span: Span, picture: bool) -> Range<usize> {
    let margin = if picture { 0.0 } else { SOUND };
    let (start, end) = (span.start - margin, span.end + margin);
    let first = list.partition_point(|segment| segment.start <= start).saturating_sub(1);
    let last = list.partition_point(|segment| segment.start < end);
    first..last.max(first + 1).min(list.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::fetch::segmented::Place;

    #[test]
    fn segments_that_hold_a_span() {
        let list: Vec<Segment> = (0..5_u32)
            .map(|n| Segment {
                place: Place { base: 0, uri: String::new(), range: None },
                start: f64::from(n) * 4.0,
                duration: 4.0,
                number: u64::from(n),
                run: 0,
                map: None,
                key: None,
            })
            .collect();
        let of = |start, end, picture| segments(&list, Span { start, end }, picture);
        assert_eq!(of(4.0, 8.0, true), 1..2);
        assert_eq!(of(3.9, 8.1, true), 0..3);
        assert_eq!(of(4.0, 8.0, false), 0..3);
        assert_eq!(of(5.0, 6.0, false), 1..2);
        assert_eq!(of(0.0, 0.1, true), 0..1);
        assert_eq!(of(19.0, 100.0, true), 4..5);
    }
}
