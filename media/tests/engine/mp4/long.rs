//! Spans of long files: what is found is what the whole index says, and what it
//! takes to find it does not grow with the file.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clipmill_media::{ClipFile, ClipPart, Media, ReadAt, Sample, SpanSelection, Track, mp4};

use super::far::{Far, Took};
use super::film::{Film, PLAIN, Sparse, chance, loud};

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
        // Several pictures in a chunk, and many tracks.
        Film { rate: 60, sounds: 3, text: true, ..half },
        Film { varied: true, uneven: true, group: 400, between: 3, wide: true, ..half },
        Film { varied: true, between: 4, holes: true, ..half },
        // What sounds the same again and again, or for a long time.
        Film { loud: |packet| loud(packet % 300), ..half },
        Film { loud: |packet| loud(packet % 30_000), wide: true, ..half },
        Film { loud: |packet| if packet % 9000 < 6000 { 9 } else { loud(packet) }, ..half },
    ];
    for film in films {
        let file = Far::new(film.made());
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
    let film = Film { seconds: 1500, ..PLAIN }.made();
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
        let begun = Instant::now();
        let file = Far::new(film.with(head));
        let _ = mp4::locate(&file, &want(700.0, 720.0)).await;
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(file.took().requests < 1000, "{at} {round}: {:?}", file.took());
    }
}

async fn minute(film: &Sparse, start: f64) -> Took {
    let file = Far::new(film.with(film.head.clone()));
    let located = mp4::locate(&file, &want(start, start + 60.0)).await.unwrap();
    assert_eq!(located.media.tracks.len(), 2);
    file.took()
}

#[tokio::test(start_paused = true)]
async fn ten_hours() {
    let short = minute(&PLAIN.made(), 301.0).await;
    let long = Film { seconds: 36_000, ..PLAIN }.made();
    assert!(long.head.len() > 30_000_000);
    // The offsets of pictures are counted from the nearer end; nothing else is.
    let spans = [
        (100, 50, 300),
        (301, 50, 350),
        (18_000, 200, 3200),
        (28_878, 80, 1500),
        (35_900, 50, 400),
    ];
    for (start, time, bytes) in spans {
        let took = minute(&long, f64::from(start)).await;
        let most = short.time + Duration::from_millis(time);
        assert!(took.time < most, "{took:?} at {start}, {short:?}");
        assert!(took.bytes < bytes << 10, "{took:?} at {start}");
    }
    // Without reordered pictures nothing is counted.
    for rate in [30, 60] {
        let plain = Film { seconds: 36_000, rate, between: 0, ..PLAIN }.made();
        for start in [301, 18_000, 35_900] {
            let took = minute(&plain, f64::from(start)).await;
            assert!(took.time < short.time + Duration::from_millis(50), "{took:?} at {start}");
            assert!(took.bytes < 400 << 10, "{took:?} at {start}");
        }
    }
}
