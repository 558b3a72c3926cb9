//! Dealing out, with a clock that is told.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

const MB: u64 = 1024 * 1024;
const LATENCY: Duration = Duration::from_millis(40);

fn pieces(lengths: &[u64], lanes: usize) -> Pieces {
    Pieces::new(lengths.iter().copied(), lanes)
}

/// Every byte of every need is in exactly one waiting piece.
fn assert_whole(pieces: &Pieces, lengths: &[u64]) {
    for (need, length) in lengths.iter().enumerate() {
        let mut own: Vec<_> = pieces.waiting.iter().filter(|of| of.need == need).collect();
        own.sort_unstable_by_key(|piece| piece.at);
        let mut at = 0;
        for piece in own {
            assert!(piece.at == at && piece.end > at && piece.end - at <= LONGEST);
            at = piece.end;
        }
        assert_eq!(at, *length);
    }
}

#[test]
fn needs_are_cut_evenly() {
    for (lengths, lanes, count) in [
        (&[40 * MB][..], 8, 8),
        (&[40 * MB + 3], 1, 5),
        (&[100 * MB], 8, 16),
        (&[39 * MB, MB], 8, 9),
        (&[5, 6, 0, 7], 8, 8),
        // Segments: the ends of shares and those of files.
        (&[4600 * 1024; 11], 8, 18),
        (&[1], 32, 1),
        (&[], 4, 0),
    ] {
        let pieces = pieces(lengths, lanes);
        assert_whole(&pieces, lengths);
        assert!(pieces.waiting.len() <= count.max(lanes * 2), "{lengths:?} {pieces:?}");
        if lengths.first().is_some_and(|first| *first >= 40 * MB) {
            assert_eq!(pieces.waiting.len(), count, "{lengths:?}");
        }
    }
    assert_eq!([worth(1, 8), worth(MB, 8), worth(40 * MB, 8), worth(40 * MB, 1)], [1, 4, 8, 1]);
}

#[test]
fn the_beginning_goes_first_and_is_told() {
    let mut pieces = pieces(&[3 * MB, 40 * MB], 2);
    let began = Instant::now();
    assert_eq!(pieces.next(0, began, LATENCY), Next::Work);
    assert_eq!(pieces.current(0), Some(Piece { need: 0, at: 0, end: 3 * MB, failures: 0 }));
    assert_eq!(pieces.next(1, began, LATENCY), Next::Work);
    pieces.advance(1, 5 * MB, began);
    pieces.advance(0, MB, began);
    assert_eq!(pieces.first_missing(), Some((0, MB)));
    pieces.put_back(0);
    assert_eq!(pieces.first_missing(), Some((0, MB)));
    assert_eq!(pieces.next(0, began, LATENCY), Next::Work);
    pieces.advance(0, 2 * MB, began);
    assert_eq!(pieces.first_missing(), Some((1, 0)));
    assert_eq!(self::pieces(&[], 2).first_missing(), None);
}

#[test]
fn what_is_opened_is_a_piece_and_its_rest_is_dealt_out() {
    let mut pieces = Pieces::new([MB, 0, 0].into_iter(), 3);
    pieces.open_later(1..3);
    let began = Instant::now();
    let next = |pieces: &mut Pieces, lane| pieces.next(lane, began, LATENCY);
    // What is known goes first.
    let known = pieces.waiting.len();
    for _ in 0..known {
        assert_eq!(next(&mut pieces, 0), Next::Work);
        let left = pieces.current(0).unwrap();
        pieces.advance(0, left.end - left.at, began);
    }
    assert_eq!(next(&mut pieces, 0), Next::Open(1));
    assert_eq!(next(&mut pieces, 1), Next::Open(2));
    assert_eq!(next(&mut pieces, 2), Next::Wait);
    // Another one opens it.
    pieces.put_back(1);
    assert!(!pieces.is_done());
    pieces.opened(0, 25 * MB);
    assert_eq!(pieces.current(0), Some(Piece { need: 1, at: 0, end: LONGEST, failures: 0 }));
    assert_eq!(next(&mut pieces, 1), Next::Work);
    let rest = Piece { need: 1, at: LONGEST, end: 2 * LONGEST, failures: 0 };
    assert_eq!(pieces.current(1), Some(rest));
    assert_eq!(next(&mut pieces, 2), Next::Work);
    pieces.advance(2, 5 * MB, began);
    assert_eq!(next(&mut pieces, 2), Next::Open(2));
    // It came whole.
    pieces.opened(2, 0);
    pieces.advance(0, LONGEST, began);
    assert!(!pieces.is_done());
    pieces.advance(1, LONGEST, began);
    assert!(pieces.is_done());
}

/// Two connections of which the first one gets `slow` bytes a second.
fn race(slow: u64) -> (Pieces, Instant) {
    let mut pieces = pieces(&[10 * MB], 2);
    let began = Instant::now();
    assert_eq!(pieces.next(0, began, LATENCY), Next::Work);
    assert_eq!(pieces.next(1, began, LATENCY), Next::Work);
    let now = began + Duration::from_secs(1);
    pieces.advance(0, slow, now);
    pieces.advance(1, 5 * MB, now);
    (pieces, now)
}

#[test]
fn whoever_is_ready_takes_from_the_slowest() {
    let (mut pieces, now) = race(MB);
    assert_eq!(pieces.next(1, now, LATENCY), Next::Work);
    let (kept, taken) = (pieces.current(0).unwrap(), pieces.current(1).unwrap());
    assert_eq!((kept.end, taken.end, taken.need), (taken.at, 5 * MB, 0));
    // Five times as fast, so five times as much, less what the request costs.
    let (kept, taken) = ((kept.end - kept.at) as f64, (taken.end - taken.at) as f64);
    assert!((4.0..5.0).contains(&(taken / kept)), "{taken} {kept}");
}

#[test]
fn a_silent_connection_loses_nearly_everything() {
    let (mut pieces, now) = race(0);
    assert_eq!(pieces.next(1, now + Duration::from_secs(1), LATENCY), Next::Work);
    assert!(pieces.current(0).is_none_or(|piece| piece.end < 100));
}

#[test]
fn little_is_left_alone() {
    let (mut pieces, now) = race(5 * MB - 100_000);
    assert_eq!(pieces.next(1, now, LATENCY), Next::Wait);
    pieces.advance(0, 100_000, now);
    assert_eq!(pieces.next(1, now, LATENCY), Next::Done);
    assert!(pieces.is_done());
}

#[test]
fn what_is_given_up_is_not_lost() {
    let (mut pieces, now) = race(MB);
    assert_eq!(pieces.failed(0), 0);
    assert_eq!(pieces.next(0, now, LATENCY), Next::Work);
    assert_eq!(pieces.current(0), Some(Piece { need: 0, at: MB, end: 5 * MB, failures: 1 }));
    let mut pieces = self::pieces(&[0], 2);
    pieces.open_later(0..1);
    assert_eq!(pieces.next(0, now, LATENCY), Next::Open(0));
    assert_eq!(pieces.next(0, now, LATENCY), Next::Open(0));
    assert!(!pieces.is_done());
    pieces.opened(0, 0);
    assert!(pieces.is_done());
}

#[test]
fn what_is_put_back_is_taken_first_and_keeps_its_failures() {
    let (mut pieces, now) = race(MB);
    assert_eq!((pieces.failed(0), pieces.failed(0)), (0, 1));
    pieces.put_back(0);
    assert!(!pieces.is_done() && pieces.current(0).is_none());
    assert_eq!(pieces.next(1, now, LATENCY), Next::Work);
    assert_eq!(pieces.current(1), Some(Piece { need: 0, at: MB, end: 5 * MB, failures: 2 }));
    pieces.advance(1, 1, now);
    assert_eq!(pieces.failed(1), 0);
}
