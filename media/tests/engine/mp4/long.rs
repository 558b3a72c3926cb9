//! Spans of long files: what is found is what the whole index says, and what it
//! takes to find it does not grow with the file.

use std::ops::Range;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_media::{
    ClipFile, ClipPart, Media, MediaError, ReadAt, Sample, SpanSelection, Track, mp4,
};

use super::film::{Film, PLAIN, Sparse, chance, packet_size};
use super::slow_server::{Cost, SlowServer};

fn want(start: f64, end: f64) -> SpanSelection {
    SpanSelection { start, end, video: true, audio: true }
}

/// The small file's samples, at their places in the original file.
async fn small(located: &ClipFile) -> Media {
    let (mut small, mut copied) = (Vec::new(), Vec::new());
    for part in &located.parts {
        match part {
            ClipPart::Generated(bytes) => small.extend(bytes),
            ClipPart::Copied(range) => {
                copied.push((small.len() as u64, range.clone()));
                small.resize(small.len() + part.length() as usize, 0);
            }
        }
    }
    let mut media = mp4::read(&Bytes::from(small)).await.unwrap();
    for sample in media.tracks.iter_mut().flat_map(|track| &mut track.samples) {
        let (at, range) = copied.iter().rev().find(|(at, _)| *at <= sample.offset).unwrap();
        sample.offset = sample.offset - at + range.start;
        assert!(sample.offset + u64::from(sample.size) <= range.end);
    }
    media
}

/// That what was found is what a track has, and all that is presented in the
/// span.
fn check(found: &Track, whole: &Track, want: &SpanSelection) {
    let first = found.samples[0];
    let at = whole.samples.partition_point(|sample| sample.offset < first.offset);
    let same = |sample: &Sample| (sample.offset, sample.size, sample.pts, sample.sync);
    let found = found.samples.iter().map(same);
    let range = at..at + found.len();
    assert!(
        found.eq(whole.samples[range.clone()].iter().map(same)),
        "{want:?} of {:?}",
        whole.kind
    );
    assert!(first.sync);
    // Sound begins at 0, so that the file's clock is theirs.
    let seconds = |sample: &Sample| whole.seconds(sample.pts);
    let within = |sample: &Sample| (want.start..want.end).contains(&seconds(sample));
    let missed = |samples: &[Sample]| samples.iter().any(within);
    assert!(!missed(&whole.samples[..range.start]) && !missed(&whole.samples[range.end..]));
}

async fn check_all(file: &impl ReadAt, whole: &Media, want: SpanSelection) {
    let media = small(&mp4::locate(file, &want).await.unwrap()).await;
    assert_eq!(media.tracks.len(), 2);
    check(&media.tracks[0], whole.video_track().unwrap(), &want);
    check(&media.tracks[1], whole.audio_tracks().next().unwrap(), &want);
}

/// Files whose tables are of all kinds.
#[tokio::test(start_paused = true)]
async fn windows() {
    let half = Film { seconds: 1800, ..PLAIN };
    let films = [
        // Several frames in a chunk, and many tracks.
        Film { rate: 60, audio_tracks: 3, text: true, ..half },
        Film { varied: true, uneven: true, group: 400, between: 3, wide: true, ..half },
        Film { varied: true, between: 4, holes: true, ..half },
        // What sounds the same again and again, or for a long time.
        Film { packet_size: |packet| packet_size(packet % 300), ..half },
        Film { packet_size: |packet| packet_size(packet % 30_000), wide: true, ..half },
        Film {
            packet_size: |packet| if packet % 9000 < 6000 { 9 } else { packet_size(packet) },
            ..half
        },
    ];
    for film in films {
        let file = SlowServer::new(film.index());
        let whole = mp4::read(&file.file).await.unwrap();
        let chosen = (0..12).map(|place| {
            let start = f64::from(chance(place) % 1700) + 0.37;
            (start, start + f64::from(chance(place + 100) % 90) + 0.2)
        });
        for (start, end) in chosen.chain([(0.0, 3.0), (890.0, 950.0), (1790.0, 9999.0)]) {
            check_all(&file, &whole, want(start, end)).await;
        }
    }
}

/// Large tables that lie: an error or not, but quickly.
#[tokio::test(start_paused = true)]
async fn lies() {
    let film = Film { seconds: 1500, ..PLAIN }.index();
    let names = ["stts", "stss", "ctts", "stsc", "stsz", "stco", "trak", "mdhd"];
    let words = film.head.windows(4).enumerate();
    let boxes = words.filter(|(_, word)| names.iter().any(|name| name.as_bytes() == *word));
    let boxes: Vec<_> = boxes.map(|(at, _)| at).collect();
    for (at, round) in boxes.iter().flat_map(|at| (0..12).map(move |round| (*at, round))) {
        let mut head = film.head.to_vec();
        // The size, the count, and what is far into the table.
        let change = |head: &mut Vec<u8>, at: usize, value: u32| {
            if let Some(place) = head.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_be_bytes());
            }
        };
        let values = [0, 1, 0x7fff_ffff, u32::MAX, 17_000_000, 50_000];
        match round {
            0..4 => change(&mut head, at - 4, values[round]),
            4..8 => change(&mut head, at + 8, values[round - 3]),
            _ => {
                for place in 0..2000 {
                    let value = chance(place * 7 + round as u64) * [1, 0x1_0001][round % 2];
                    change(&mut head, at + 12 + 60 * place as usize, value);
                }
            }
        }
        let started = Instant::now();
        let file = SlowServer::new(film.with(head));
        let _ = mp4::locate(&file, &want(700.0, 720.0)).await;
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(file.cost().requests < 1000, "{at} {round}: {:?}", file.cost());
    }
}

async fn minute(film: &Sparse, start: f64) -> Cost {
    let file = SlowServer::new(film.with(film.head.clone()));
    let located = mp4::locate(&file, &want(start, start + 60.0)).await.unwrap();
    assert_eq!(located.media.tracks.len(), 2);
    file.cost()
}

#[tokio::test(start_paused = true)]
async fn ten_hours() {
    let short = minute(&PLAIN.index(), 301.0).await;
    let long = Film { seconds: 36_000, ..PLAIN }.index();
    assert!(long.head.len() > 30_000_000);
    // The offsets of frames are counted from the nearer end; nothing else is.
    let spans = [
        (100, 50, 300),
        (301, 50, 350),
        (18_000, 200, 3200),
        (28_878, 80, 1500),
        (35_900, 50, 400),
    ];
    for (start, time, bytes) in spans {
        let cost = minute(&long, f64::from(start)).await;
        let most = short.time + Duration::from_millis(time);
        assert!(cost.time < most, "{cost:?} at {start}, {short:?}");
        assert!(cost.bytes < bytes << 10, "{cost:?} at {start}");
    }
    // Without reordered frames nothing is counted.
    for rate in [30, 60] {
        let plain = Film { seconds: 36_000, rate, between: 0, ..PLAIN }.index();
        for start in [301, 18_000, 35_900] {
            let cost = minute(&plain, f64::from(start)).await;
            assert!(cost.time < short.time + Duration::from_millis(50), "{cost:?} at {start}");
            assert!(cost.bytes < 400 << 10, "{cost:?} at {start}");
        }
    }
}

/// A file that records which bytes are read.
struct Recorded<'a> {
    film: &'a Sparse,
    reads: Mutex<Vec<Range<u64>>>,
}

#[async_trait]
impl ReadAt for Recorded<'_> {
    fn size(&self) -> u64 {
        self.film.size()
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        self.reads.lock().unwrap().push(from..from + length as u64);
        self.film.read_at(from, length).await
    }
}

/// The `stsc` boxes of a file.
fn stsc_boxes(film: &Sparse) -> Vec<Range<u64>> {
    let words = film.head.windows(4).enumerate().filter(|(_, word)| *word == b"stsc");
    let size = |at: usize| u32::from_be_bytes(film.head[at - 4..at].try_into().unwrap());
    words.map(|(at, _)| at as u64 - 4..at as u64 - 4 + u64::from(size(at))).collect()
}

/// What resync points save: counting to the middle of a film would read half of
/// `stsc`, which is 5.7 MB in one of ten hours.
#[tokio::test]
async fn resync_points_save_most_of_stsc() {
    for hours in [3, 10] {
        let seconds = hours * 3600;
        let film = Film { seconds, ..PLAIN }.index();
        let boxes = stsc_boxes(&film);
        let size: u64 = boxes.iter().map(|of| of.end - of.start).sum();
        for part in [0.2, 0.5, 0.7] {
            let file = Recorded { film: &film, reads: Mutex::default() };
            let start = f64::from(seconds) * part;
            mp4::locate(&file, &want(start, start + 60.0)).await.unwrap();
            let reads = file.reads.into_inner().unwrap();
            let within = |read: &Range<u64>, of: &Range<u64>| {
                read.end.min(of.end).saturating_sub(read.start.max(of.start))
            };
            let each = reads.iter().flat_map(|read| boxes.iter().map(|of| within(read, of)));
            let read: u64 = each.sum();
            let counted = (size as f64 * part.min(1.0 - part)) as u64;
            assert!(read < 100_000, "{hours} h at {part}: {read} of {counted}");
        }
    }
}
