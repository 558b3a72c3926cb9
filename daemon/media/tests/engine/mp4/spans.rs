//! Spans of files of every make: the small file decodes, and its frames and
//! times are those of the original.

use std::path::Path;

use clipmill_media::{LocalFile, Movie, TrackKind, Want, mp4};

use super::made::{Counting, Packet, copied, frames, made, materialise, packets, remade};

const H264: &str = "-c:v libx264 -preset ultrafast -g 50 -bf 2 -x264-params scenecut=0:b-adapt=0 -c:a aac -b:a 64k";

/// What `read` says of a file is what `ffprobe` says.
async fn agree(path: &Path) -> Movie {
    let movie = mp4::read(&LocalFile::open(path).unwrap()).await.unwrap();
    for (kind, stream) in [(TrackKind::Picture, "v:0"), (TrackKind::Sound, "a:0")] {
        let theirs = packets(path, stream);
        let Some(track) = movie.tracks.iter().find(|track| track.kind == kind) else {
            assert!(theirs.is_empty(), "{stream} of {path:?} was not found");
            continue;
        };
        let ours: Vec<_> = (track.samples.iter())
            .map(|s| Packet { pts: s.pts, size: s.size, offset: s.offset, sync: s.sync })
            .collect();
        if ours != theirs {
            let at = ours.iter().zip(&theirs).position(|(a, b)| a != b);
            let at = at.unwrap_or(ours.len().min(theirs.len()));
            panic!(
                "{path:?} {stream}: {} and {} packets; from {at} on {:?} and {:?}",
                ours.len(),
                theirs.len(),
                &ours[at..ours.len().min(at + 3)],
                &theirs[at..theirs.len().min(at + 3)]
            );
        }
    }
    movie
}

/// Locates spans of a file and looks at the small files.
async fn check(path: &Path, spans: &[(f64, f64)], whole_fragments: bool) {
    let movie = agree(path).await;
    let (pictures, sounds) = (frames(path, "v?"), frames(path, "a?"));
    for (start, end) in spans {
        let file = Counting::open(path);
        let want = Want { start: *start, end: *end, picture: true, sound: true };
        let located = mp4::locate(&file, &want).await.unwrap();
        let small = materialise(&located, path, "small.mp4");
        println!(
            "{path:?} {start}..{end}: {:?} read, {} parts, {} copied, zero {}, {:?} s",
            file.counted(),
            located.parts.len(),
            copied(&located),
            located.zero_micros,
            located.duration
        );
        let again = agree(&small).await;
        for track in &movie.tracks {
            let at = |pts: i64| (track.micros(pts) - located.zero_micros) as f64 / 1e6;
            let Some(same) = again.tracks.iter().find(|other| other.id == track.id) else {
                panic!("a track is missing");
            };
            let known: Vec<_> =
                track.samples.iter().map(|s| (s.pts, s.size, s.sync, s.duration)).collect();
            let here: Vec<_> =
                same.samples.iter().map(|s| (s.pts, s.size, s.sync, s.duration)).collect();
            // A stretch of the original's samples.
            let from = known.iter().position(|sample| Some(sample) == here.first()).unwrap();
            assert_eq!(known[from..from + here.len()], here);
            for sample in &track.samples {
                let length = track.seconds(sample.duration.into());
                let heard = if track.kind == TrackKind::Sound { length } else { 0.0 };
                if at(sample.pts) + heard > *start && at(sample.pts) < *end {
                    assert!(
                        here.iter().any(|other| other.0 == sample.pts),
                        "{} is missing",
                        at(sample.pts)
                    );
                }
            }
            if track.kind == TrackKind::Picture {
                assert!(here[0].2);
                let first =
                    track.samples.iter().map(|s| s.pts).filter(|pts| at(*pts) >= *start).min();
                assert!(here[0].0 <= first.unwrap());
                if !whole_fragments {
                    let between =
                        known.iter().filter(|s| s.2 && s.0 > here[0].0 && Some(s.0) <= first);
                    assert_eq!(between.count(), 0, "begins a keyframe too early");
                }
            }
            let (theirs, stream) = match track.kind {
                TrackKind::Picture => (&pictures, "v?"),
                TrackKind::Sound => (&sounds, "a?"),
            };
            let wanted: Vec<_> =
                theirs.iter().filter(|(pts, _)| (*start..*end).contains(&at(*pts))).collect();
            let decoded = frames(&small, stream);
            let found: Vec<_> =
                decoded.iter().filter(|(pts, _)| (*start..*end).contains(&at(*pts))).collect();
            if track.kind == TrackKind::Picture {
                assert!(wanted == found, "{wanted:?}\n{found:?}");
                assert!(!wanted.is_empty());
            } else {
                // Only the times: the first packets of a decoder that begins
                // in the middle are not yet right.
                let times = |of: &[&(i64, String)]| of.iter().map(|one| one.0).collect::<Vec<_>>();
                assert_eq!(times(&wanted), times(&found));
            }
        }
        let ends = movie.tracks.iter().filter_map(|track| {
            track
                .samples
                .iter()
                .map(|s| track.seconds(s.pts + i64::from(s.duration)))
                .reduce(f64::max)
        });
        let end = ends.fold(0.0, f64::max) - located.zero_micros as f64 / 1e6;
        // Without an index, fragments don't tell how many follow.
        match located.duration {
            Some(duration) => assert!((duration - end).abs() < 0.1, "{duration} and {end}"),
            None => assert!(whole_fragments),
        }
    }
}

const SPANS: &[(f64, f64)] = &[(0.0, 3.0), (7.3, 11.1), (8.0, 10.0), (17.99, 25.0)];

#[tokio::test(flavor = "multi_thread")]
async fn progressive() {
    let dir = tempfile::tempdir().unwrap();
    let end = made(dir.path(), "end.mp4", 20, H264);
    check(&end, SPANS, false).await;
    let front = remade(&end, "front.mp4", "IN -c copy -movflags +faststart");
    check(&front, SPANS, false).await;
    let mov = remade(&end, "old.mov", "IN -c copy");
    check(&mov, SPANS, false).await;
    let negative = remade(&end, "negative.mp4", "IN -c copy -movflags +negative_cts_offsets");
    check(&negative, SPANS, false).await;
    let late = remade(&end, "late.mp4", "-itsoffset 1.5 IN -c copy");
    check(&late, SPANS, false).await;
    let silent = remade(&end, "silent.mp4", "IN -c copy -an");
    check(&silent, SPANS, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments() {
    let dir = tempfile::tempdir().unwrap();
    let source = made(dir.path(), "source.mp4", 20, H264);
    let names = [
        ("walked.mp4", "IN -c copy -movflags +frag_keyframe+empty_moov+default_base_moof+skip_trailer"),
        ("fixed.mp4", "IN -c copy -movflags +frag_keyframe+empty_moov"),
        ("hybrid.mp4", "IN -c copy -movflags +frag_keyframe"),
        ("dash.mp4", "IN -c copy -movflags +dash+frag_keyframe"),
        ("index.mp4", "IN -c copy -movflags +dash+frag_keyframe+global_sidx"),
        ("apart.mp4", "IN -c copy -movflags +frag_keyframe+empty_moov+separate_moof"),
        ("negative.mp4", "IN -c copy -movflags +frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets"),
        ("picture.mp4", "IN -c copy -an -movflags +dash+frag_keyframe+global_sidx"),
        ("sound.mp4", "IN -c copy -vn -movflags +dash+global_sidx -frag_duration 2000000"),
    ];
    for (name, args) in names {
        let file = remade(&source, name, args);
        check(&file, SPANS, true).await;
    }
}
