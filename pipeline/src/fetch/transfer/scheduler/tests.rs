//! Assigning chunks, with a clock that the test sets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const MB: u64 = 1024 * 1024;
const LATENCY: Duration = Duration::from_millis(40);

fn scheduler(lengths: &[u64], connections: usize) -> Scheduler {
    Scheduler::new(lengths.iter().copied(), connections)
}

fn chunk(download: usize, left: Range<u64>, failures: u32) -> DownloadChunk {
    DownloadChunk { download, left: left.into(), failures }
}

/// Every byte of every download is in exactly one waiting chunk.
fn assert_whole(scheduler: &Scheduler, lengths: &[u64]) {
    for (download, length) in lengths.iter().enumerate() {
        let own = scheduler.waiting.iter().filter(|chunk| chunk.download == download);
        let mut own: Vec<ByteRange> = own.map(|chunk| chunk.left).collect();
        own.sort_unstable_by_key(|range| range.offset);
        let mut end = 0;
        for range in own {
            assert!(range.offset == end && (1..=LONGEST_REQUEST).contains(&range.len));
            end = range.end();
        }
        assert_eq!(end, *length);
    }
}

#[test]
fn downloads_are_cut_evenly() {
    for (lengths, connections, count) in [
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
        let scheduler = scheduler(lengths, connections);
        assert_whole(&scheduler, lengths);
        assert!(scheduler.waiting.len() <= count.max(connections * 2), "{lengths:?} {scheduler:?}");
        if lengths.first().is_some_and(|first| *first >= 40 * MB) {
            assert_eq!(scheduler.waiting.len(), count, "{lengths:?}");
        }
    }
    assert_eq!(
        [
            useful_connections(1, 8),
            useful_connections(MB, 8),
            useful_connections(40 * MB, 8),
            useful_connections(40 * MB, 1)
        ],
        [1, 4, 8, 1]
    );
}

#[test]
fn the_start_is_assigned_first_and_reported() {
    let mut scheduler = scheduler(&[3 * MB, 40 * MB], 2);
    let started = Instant::now();
    assert_eq!(scheduler.assign(0, started, LATENCY), Assignment::Transfer);
    assert_eq!(scheduler.current(0), Some(chunk(0, 0..3 * MB, 0)));
    assert_eq!(scheduler.assign(1, started, LATENCY), Assignment::Transfer);
    scheduler.advance(1, 5 * MB, started);
    scheduler.advance(0, MB, started);
    assert_eq!(scheduler.first_missing(), Some(FirstMissing { download: 0, offset: MB }));
    scheduler.put_back(0);
    assert_eq!(scheduler.first_missing(), Some(FirstMissing { download: 0, offset: MB }));
    assert_eq!(scheduler.assign(0, started, LATENCY), Assignment::Transfer);
    scheduler.advance(0, 2 * MB, started);
    assert_eq!(scheduler.first_missing(), Some(FirstMissing { download: 1, offset: 0 }));
    assert_eq!(self::scheduler(&[], 2).first_missing(), None);
}

#[test]
fn what_is_opened_is_a_chunk_and_its_rest_is_assigned_to_all() {
    let mut scheduler = Scheduler::new([MB, 0, 0].into_iter(), 3);
    scheduler.open_later(1..3);
    let started = Instant::now();
    let next =
        |scheduler: &mut Scheduler, connection| scheduler.assign(connection, started, LATENCY);
    // What is known goes first.
    let known = scheduler.waiting.len();
    for _ in 0..known {
        assert_eq!(next(&mut scheduler, 0), Assignment::Transfer);
        let left = scheduler.current(0).unwrap();
        scheduler.advance(0, left.left.len, started);
    }
    assert_eq!(next(&mut scheduler, 0), Assignment::Open(1));
    assert_eq!(next(&mut scheduler, 1), Assignment::Open(2));
    assert_eq!(next(&mut scheduler, 2), Assignment::Wait);
    // Another one opens it.
    scheduler.put_back(1);
    assert!(!scheduler.is_done());
    scheduler.opened(0, 25 * MB);
    assert_eq!(scheduler.current(0), Some(chunk(1, 0..LONGEST_REQUEST, 0)));
    assert_eq!(next(&mut scheduler, 1), Assignment::Transfer);
    let rest = chunk(1, LONGEST_REQUEST..2 * LONGEST_REQUEST, 0);
    assert_eq!(scheduler.current(1), Some(rest));
    assert_eq!(next(&mut scheduler, 2), Assignment::Transfer);
    scheduler.advance(2, 5 * MB, started);
    assert_eq!(next(&mut scheduler, 2), Assignment::Open(2));
    // The response was the whole file.
    scheduler.opened(2, 0);
    scheduler.advance(0, LONGEST_REQUEST, started);
    assert!(!scheduler.is_done());
    scheduler.advance(1, LONGEST_REQUEST, started);
    assert!(scheduler.is_done());
}

/// Two connections of which the first one gets `slow` bytes a second.
fn race(slow: u64) -> (Scheduler, Instant) {
    let mut scheduler = scheduler(&[10 * MB], 2);
    let started = Instant::now();
    assert_eq!(scheduler.assign(0, started, LATENCY), Assignment::Transfer);
    assert_eq!(scheduler.assign(1, started, LATENCY), Assignment::Transfer);
    let now = started + Duration::from_secs(1);
    scheduler.advance(0, slow, now);
    scheduler.advance(1, 5 * MB, now);
    (scheduler, now)
}

#[test]
fn a_connection_that_is_done_takes_from_the_slowest() {
    let (mut scheduler, now) = race(MB);
    assert_eq!(scheduler.assign(1, now, LATENCY), Assignment::Transfer);
    let (kept, taken) = (scheduler.current(0).unwrap(), scheduler.current(1).unwrap());
    assert_eq!(kept.left.end(), taken.left.offset);
    assert_eq!((taken.left.end(), taken.download), (5 * MB, 0));
    // Five times as fast, so five times as much, less what the request costs.
    let (kept, taken) = (kept.left.len as f64, taken.left.len as f64);
    assert!((4.0..5.0).contains(&(taken / kept)), "{taken} {kept}");
}

#[test]
fn a_silent_connection_loses_nearly_everything() {
    let (mut scheduler, now) = race(0);
    assert_eq!(scheduler.assign(1, now + Duration::from_secs(1), LATENCY), Assignment::Transfer);
    assert!(scheduler.current(0).is_none_or(|chunk| chunk.left.end() < 100));
}

#[test]
fn little_is_left_alone() {
    let (mut scheduler, now) = race(5 * MB - 100_000);
    assert_eq!(scheduler.assign(1, now, LATENCY), Assignment::Wait);
    scheduler.advance(0, 100_000, now);
    assert_eq!(scheduler.assign(1, now, LATENCY), Assignment::Done);
    assert!(scheduler.is_done());
}

#[test]
fn what_is_given_up_is_not_lost() {
    let (mut scheduler, now) = race(MB);
    assert_eq!(scheduler.failed(0), 0);
    assert_eq!(scheduler.assign(0, now, LATENCY), Assignment::Transfer);
    assert_eq!(scheduler.current(0), Some(chunk(0, MB..5 * MB, 1)));
    let mut scheduler = self::scheduler(&[0], 2);
    scheduler.open_later(0..1);
    assert_eq!(scheduler.assign(0, now, LATENCY), Assignment::Open(0));
    assert_eq!(scheduler.assign(0, now, LATENCY), Assignment::Open(0));
    assert!(!scheduler.is_done());
    scheduler.opened(0, 0);
    assert!(scheduler.is_done());
}

#[test]
fn what_is_put_back_is_taken_first_and_keeps_its_failures() {
    let (mut scheduler, now) = race(MB);
    assert_eq!((scheduler.failed(0), scheduler.failed(0)), (0, 1));
    scheduler.put_back(0);
    assert!(!scheduler.is_done() && scheduler.current(0).is_none());
    assert_eq!(scheduler.assign(1, now, LATENCY), Assignment::Transfer);
    assert_eq!(scheduler.current(1), Some(chunk(0, MB..5 * MB, 2)));
    scheduler.advance(1, 1, now);
    assert_eq!(scheduler.failed(1), 0);
}
