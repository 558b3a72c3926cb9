//! Spans of files of every make: the small file decodes, and its frames and
//! times are those of the original.

use std::ops::Range;
use std::path::Path;

use clipmill_media::{LocalFile, Movie, Sample, Track, TrackKind, Want, mp4};

use super::made::{Packet, frames, made, materialise, packets, remade};

const H264: &str = "-c:v libx264 -preset ultrafast -g 50 -bf 2 -x264-params scenecut=0:b-adapt=0 -c:a aac -b:a 64k";

/// What `read` says of a file is what `ffprobe` says, which is `off` by some
/// ticks for pictures.
async fn agree(path: &Path, off: i64) -> Movie {
    let movie = mp4::read(&LocalFile::open(path).unwrap()).await.unwrap();
    let theirs = packets(path);
    assert_eq!(theirs.len(), movie.tracks.len(), "{path:?}");
    for (track, mut theirs) in movie.tracks.iter().zip(theirs) {
        if track.kind == TrackKind::Picture {
            theirs.iter_mut().for_each(|packet| packet.pts -= off);
        }
        let ours: Vec<_> = (track.samples.iter())
            .map(|s| Packet { pts: s.pts, size: s.size, offset: s.offset, sync: s.sync })
            .collect();
        let differs = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        assert_eq!(differs, None, "{path:?} {:?}", track.kind);
        assert_eq!(ours.len(), theirs.len(), "{path:?} {:?}", track.kind);
    }
    movie
}

/// What is checked of a file.
#[derive(Clone, Copy)]
struct Case {
    spans: &'static [(f64, f64)],
    /// Whether fragments are copied whole.
    whole: bool,
    /// Ticks by which FFmpeg misreads the pictures of the original.
    off: i64,
}

const EXACT: Case = Case { spans: SPANS, whole: false, off: 0 };
const WHOLE: Case = Case { whole: true, ..EXACT };

/// Locates spans of a file and looks at the small files.
async fn check(path: &Path, case: Case) {
    let movie = agree(path, case.off).await;
    let decoded = frames(path);
    for (start, end) in case.spans.iter().copied() {
        let file = LocalFile::open(path).unwrap();
        let want = Want { start, end, picture: true, sound: true };
        let located = mp4::locate(&file, &want).await.unwrap();
        let small = materialise(&located, path, "small.mp4");
        let again = agree(&small, 0).await;
        let small = frames(&small);
        assert_eq!(movie.tracks.len(), again.tracks.len());
        for (number, (track, found)) in movie.tracks.iter().zip(&again.tracks).enumerate() {
            assert_eq!(Track { samples: vec![], ..track.clone() }, Track { samples: vec![], ..found.clone() });
            let off = if track.kind == TrackKind::Picture { case.off } else { 0 };
            let at = |pts: i64| (track.micros(pts) - located.zero_micros) as f64 / 1e6;
            let stretch = stretch(track, found);
            complete(track, stretch.clone(), located.zero_micros, (start, end));
            if track.kind == TrackKind::Picture {
                begins(track, stretch, located.zero_micros, start, case.whole);
            }
            // Of sound only the times: a decoder that begins in the middle
            // has to find its way first.
            let hashed = track.kind == TrackKind::Picture;
            let within = |frames: &[(i64, String)], off| -> Vec<(i64, Option<String>)> {
                let all = frames.iter().map(|(pts, hash)| (pts - off, hashed.then(|| hash.clone())));
                all.filter(|(pts, _)| at(*pts) >= start && at(*pts) < end).collect()
            };
            let wanted = within(&decoded[number], off);
            assert!(!wanted.is_empty());
            assert_eq!(wanted, within(&small[number], 0), "{path:?} {start}..{end}");
        }
        let ends = movie.tracks.iter().filter_map(|track| {
            let end = |s: &Sample| track.seconds(s.pts + i64::from(s.duration));
            track.samples.iter().map(end).reduce(f64::max)
        });
        let end = ends.fold(0.0, f64::max) - located.zero_micros as f64 / 1e6;
        // Without an index, fragments don't tell how many follow.
        match located.duration {
            Some(duration) => assert!((duration - end).abs() < 0.1, "{duration} and {end}"),
            None => assert!(case.whole),
        }
    }
}

/// Which of a track's samples the small file has: some that follow each other.
fn stretch(track: &Track, found: &Track) -> Range<usize> {
    let what = |s: &Sample| (s.pts, s.size, s.sync, s.duration);
    let found: Vec<_> = found.samples.iter().map(what).collect();
    let known: Vec<_> = track.samples.iter().map(what).collect();
    let from = known.iter().position(|sample| Some(sample) == found.first()).unwrap();
    assert_eq!(known[from..from + found.len()], found);
    from..from + found.len()
}

/// All samples of the span are among these, of sound two more on either side.
fn complete(track: &Track, stretch: Range<usize>, zero: i64, (start, end): (f64, f64)) {
    let at = |pts: i64| (track.micros(pts) - zero) as f64 / 1e6;
    let sound = track.kind == TrackKind::Sound;
    for (number, sample) in track.samples.iter().enumerate() {
        let length = if sound { i64::from(sample.duration) } else { 0 };
        let begun = if sound { at(sample.pts + length) > start } else { at(sample.pts) >= start };
        if begun && at(sample.pts) < end {
            assert!(stretch.contains(&number), "{} of {:?} is missing", at(sample.pts), track.kind);
        }
    }
}

/// These begin with the last keyframe at or before the span; a fragment or two
/// earlier, if they are whole.
fn begins(track: &Track, stretch: Range<usize>, zero: i64, start: f64, whole: bool) {
    let at = |pts: i64| (track.micros(pts) - zero) as f64 / 1e6;
    let samples = &track.samples;
    let first = samples.iter().map(|s| s.pts).filter(|pts| at(*pts) >= start).min().unwrap();
    assert!(samples[stretch.start].sync && samples[stretch.start].pts <= first);
    let later = &samples[stretch.start + 1..];
    let later = later.iter().filter(|s| s.sync && s.pts <= first).count();
    assert!(later <= if whole { 2 } else { 0 }, "begins {later} keyframes too early");
}

const SPANS: &[(f64, f64)] = &[(0.0, 1.0), (5.3, 8.1), (9.99, 15.0)];

#[tokio::test(flavor = "multi_thread")]
async fn progressive() {
    let dir = tempfile::tempdir().unwrap();
    let end = made(dir.path(), "end.mp4", 12, H264);
    check(&end, EXACT).await;
    let front = remade(&end, "front.mp4", "IN -c copy -movflags +faststart");
    check(&front, EXACT).await;
    let mov = remade(&end, "old.mov", "IN -c copy");
    check(&mov, EXACT).await;
    let negative = remade(&end, "negative.mp4", "IN -c copy -movflags +negative_cts_offsets");
    check(&negative, EXACT).await;
    let late = remade(&end, "late.mp4", "-itsoffset 1.5 IN -c copy");
    check(&late, EXACT).await;
    let silent = remade(&end, "silent.mp4", "IN -c copy -an");
    check(&silent, EXACT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments() {
    let dir = tempfile::tempdir().unwrap();
    let source = made(dir.path(), "source.mp4", 12, H264);
    let names = [
        (
            "walked.mp4",
            "IN -c copy -movflags +frag_keyframe+empty_moov+default_base_moof+skip_trailer",
        ),
        ("fixed.mp4", "IN -c copy -movflags +frag_keyframe+empty_moov"),
        ("hybrid.mp4", "IN -c copy -movflags +frag_keyframe"),
        ("dash.mp4", "IN -c copy -movflags +dash+frag_keyframe"),
        ("index.mp4", "IN -c copy -movflags +dash+frag_keyframe+global_sidx"),
        ("apart.mp4", "IN -c copy -movflags +frag_keyframe+empty_moov+separate_moof"),
        (
            "negative.mp4",
            "IN -c copy -movflags +frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets",
        ),
        ("picture.mp4", "IN -c copy -an -movflags +dash+frag_keyframe+global_sidx"),
        ("sound.mp4", "IN -c copy -vn -movflags +dash+global_sidx -frag_duration 2000000"),
    ];
    for (name, args) in names {
        let file = remade(&source, name, args);
        // FFmpeg reads offsets below 0 in fragments as if the least were 0.
        let off = if name == "negative.mp4" { 512 } else { 0 };
        check(&file, Case { off, ..WHOLE }).await;
    }
}
