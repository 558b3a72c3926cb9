//! Spans of files of every make: the small file decodes, and its frames and
//! times are those of the original.

use std::ops::Range;
use std::path::Path;

use clipmill_media::{
    CodecId, LocalFile, Media, MediaErrorKind, PresentedTicks, Sample, SpanSelection, Track,
    TrackKind, mp4,
};

use super::fixtures::{Counting, Packet, copied, frames, generate, packets, remux, write_clip};

const H264: &str = "-c:v libx264 -preset ultrafast -g 50 -bf 2 -x264-params scenecut=0:b-adapt=0 -c:a aac -b:a 64k";

/// What `read` says of a file is what `ffprobe` says, which is `off` by some
/// ticks for pictures.
async fn agree(path: &Path, off: i64) -> Media {
    let media = mp4::read(&LocalFile::open(path).unwrap()).await.unwrap();
    let theirs = packets(path);
    assert_eq!(theirs.len(), media.tracks.len(), "{path:?}");
    for (track, mut theirs) in media.tracks.iter().zip(theirs) {
        if track.kind == TrackKind::Video {
            theirs.iter_mut().for_each(|packet| packet.pts -= off);
        }
        let ours: Vec<_> = (track.samples.iter())
            .map(|s| Packet { pts: s.pts, size: s.size, offset: s.offset, sync: s.sync })
            .collect();
        let differs = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        assert_eq!(differs, None, "{path:?} {:?}", track.kind);
        assert_eq!(ours.len(), theirs.len(), "{path:?} {:?}", track.kind);
    }
    media
}

/// What is checked of a file.
#[derive(Clone, Copy)]
struct Case {
    spans: &'static [(f64, f64)],
    /// Whether fragments are copied whole.
    whole: bool,
    /// Most requests for the index.
    requests: usize,
    /// Ticks by which FFmpeg misreads the pictures of the original.
    off: i64,
    /// Whether keyframes are of open groups.
    open: bool,
}

const EXACT: Case = Case { spans: SPANS, whole: false, requests: 2, off: 0, open: false };
const WHOLE: Case = Case { whole: true, requests: 12, ..EXACT };

/// Locates spans of a file and looks at the small files.
async fn check(path: &Path, case: Case) {
    let media = agree(path, case.off).await;
    let decoded = frames(path, false);
    for (start, end) in case.spans.iter().copied() {
        let file = Counting::open(path);
        let want = SpanSelection { start, end, video: true, audio: true };
        let located = mp4::locate(&file, &want).await.unwrap();
        let (requests, _) = file.counted();
        assert!(requests <= case.requests, "{path:?}: {requests} requests");
        let small = write_clip(&located, path, "small.mp4");
        let again = agree(&small, 0).await;
        let small = frames(&small, case.open);
        assert_eq!(media.tracks.len(), again.tracks.len());
        for (number, (track, found)) in media.tracks.iter().zip(&again.tracks).enumerate() {
            // The clip file shows what an edit hides; `presented_micros` says when that is.
            let bare = |track: &Track| Track {
                samples: vec![],
                edit: PresentedTicks::ALL,
                ..track.clone()
            };
            assert_eq!(bare(track), bare(found));
            let off = if track.kind == TrackKind::Video { case.off } else { 0 };
            let at = |pts: i64| (track.micros(pts) - located.origin_micros) as f64 / 1e6;
            let stretch = stretch(track, found);
            complete(track, stretch.clone(), located.origin_micros, (start, end));
            if track.kind == TrackKind::Video {
                begins(track, stretch, located.origin_micros, start, case.whole);
            }
            // Of sound only the times: a decoder that begins in the middle
            // has to find its way first.
            let hashed = track.kind == TrackKind::Video;
            let within = |frames: &[(i64, String)], off| -> Vec<(i64, Option<String>)> {
                // FFmpeg may cut the first packet in two where an edit list does.
                let start = if hashed { start } else { start + 0.05 };
                let all =
                    frames.iter().map(|(pts, hash)| (pts - off, hashed.then(|| hash.clone())));
                all.filter(|(pts, _)| at(*pts) >= start && at(*pts) < end).collect()
            };
            let wanted = within(&decoded[number], off);
            assert!(!wanted.is_empty());
            assert_eq!(wanted, within(&small[number], 0), "{path:?} {start}..{end}");
        }
        // All tracks from the keyframe on to the end of the span, and what
        // interleaving puts beside that.
        let from = again.tracks.iter().map(|of| of.seconds(of.samples[0].pts)).reduce(f64::min);
        let until = end + located.origin_micros as f64 / 1e6;
        let aligned = media.tracks.iter().flat_map(|track| {
            let within = move |s: &&Sample| {
                let time = track.seconds(s.pts);
                time >= from.unwrap() - 0.1 && time < until + 0.1
            };
            track.samples.iter().filter(within).map(|s| u64::from(s.size))
        });
        let most = aligned.sum::<u64>() * 21 / 20 + (16 << 10);
        assert!(case.whole || copied(&located) <= most, "{path:?}: {most} bytes");
        let ends = media.tracks.iter().filter_map(|track| {
            let end = |s: &Sample| track.seconds(s.pts + i64::from(s.duration));
            track.samples.iter().map(end).reduce(f64::max)
        });
        let end = ends.fold(0.0, f64::max) - located.origin_micros as f64 / 1e6;
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
    let sound = track.kind == TrackKind::Audio;
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
    let end = generate(dir.path(), "end.mp4", 12, H264);
    check(&end, EXACT).await;
    let front = remux(&end, "front.mp4", "IN -c copy -movflags +faststart");
    check(&front, EXACT).await;
    let mov = remux(&end, "old.mov", "IN -c copy");
    check(&mov, EXACT).await;
    let negative = remux(&end, "negative.mp4", "IN -c copy -movflags +negative_cts_offsets");
    check(&negative, EXACT).await;
    let late = remux(&end, "late.mp4", "-itsoffset 1.5 IN -c copy");
    check(&late, EXACT).await;
    let silent = remux(&end, "silent.mp4", "IN -c copy -an");
    check(&silent, EXACT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments() {
    let dir = tempfile::tempdir().unwrap();
    let source = generate(dir.path(), "source.mp4", 12, H264);
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
        let file = remux(&source, name, args);
        // FFmpeg reads offsets below 0 in fragments as if the least were 0.
        let off = if name == "negative.mp4" { 512 } else { 0 };
        check(&file, Case { off, ..WHOLE }).await;
    }
}

/// Of large fragments at the edges of a span only what is needed is copied.
#[tokio::test(flavor = "multi_thread")]
async fn large_fragments() {
    let dir = tempfile::tempdir().unwrap();
    let noise = "-vf noise=c0s=60:c0f=t -c:v libx264 -preset ultrafast -crf 12 -g 25 -bf 2 \
                 -x264-params scenecut=0:b-adapt=0 -an";
    let source = generate(dir.path(), "noise.mp4", 12, noise);
    // Three or four groups in each.
    let large = "IN -c copy -movflags +dash+global_sidx -frag_duration 4000000 \
                 -min_frag_duration 3500000";
    let file = remux(&source, "large.mp4", large);
    check(&file, Case { requests: 5, ..EXACT }).await;
    let spans = &[(3.9, 4.1), (4.3, 4.6), (11.0, 30.0)];
    check(&file, Case { requests: 5, spans, ..EXACT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codecs() {
    let dir = tempfile::tempdir().unwrap();
    let hevc = "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=none:keyint=50:bframes=2 \
                -c:a libopus -b:a 48k";
    check(&generate(dir.path(), "hevc.mp4", 12, hevc), EXACT).await;
    // Keyframes of open groups: what leads them needs the group before.
    let open = "-c:v libx264 -preset ultrafast -g 50 -bf 3 \
                -x264-params open-gop=1:scenecut=0:b-adapt=0 -c:a flac -strict -2";
    check(&generate(dir.path(), "open.mp4", 12, open), Case { open: true, ..EXACT }).await;
    let alone = generate(dir.path(), "alone.m4a", 12, "-map 1:a -c:a aac -b:a 64k");
    check(&alone, EXACT).await;
    let mpeg =
        "-c:v mpeg4 -g 25 -bf 0 -c:a libmp3lame -b:a 64k -aspect 2:1 -metadata:s:a:0 language=fra";
    check(&generate(dir.path(), "mpeg.mp4", 12, mpeg), EXACT).await;
}

/// One index for a file of two tracks: that of the picture.
#[tokio::test(flavor = "multi_thread")]
async fn shared_index() {
    let dir = tempfile::tempdir().unwrap();
    let source = generate(dir.path(), "source.mp4", 12, H264);
    let path = remux(&source, "both.mp4", "IN -c copy -movflags +dash+frag_keyframe+global_sidx");
    let mut bytes = std::fs::read(&path).unwrap();
    let second = bytes.windows(4).enumerate().filter(|(_, at)| *at == b"sidx").nth(1).unwrap().0;
    bytes[second..second + 4].copy_from_slice(b"free");
    std::fs::write(&path, bytes).unwrap();
    check(&path, WHOLE).await;
}

/// What a file says of its tracks beside the samples.
#[tokio::test]
async fn described() {
    let dir = tempfile::tempdir().unwrap();
    let opus = "-t 1 -c:v libx264 -preset ultrafast -aspect 2:1 -c:a libopus -ac 2 -metadata:s:a:0 language=fra";
    let path = generate(dir.path(), "opus.mp4", 1, opus);
    let media = mp4::read(&LocalFile::open(&path).unwrap()).await.unwrap();
    let [picture, sound] = &media.tracks[..] else { panic!("{} tracks", media.tracks.len()) };
    assert_eq!((picture.width, picture.height, picture.pixel_aspect), (320, 180, (9, 8)));
    assert_eq!(picture.presented, (360 << 16, 180 << 16));
    assert_eq!((picture.codec.clone(), picture.config[0]), (CodecId::H264, 1));
    assert_eq!(
        (sound.codec.clone(), sound.sample_rate, sound.channels),
        (CodecId::Opus, 48_000, 2)
    );
    assert_eq!(sound.language, *b"fra");
    // Version, channels, samples to skip, rate.
    assert_eq!(sound.config[..10], *b"OpusHead\x01\x02");
    assert_eq!(sound.config[10..16], [0x38, 0x01, 0x80, 0xbb, 0, 0]);
    assert_eq!(sound.samples[0].pts, -312);
    let aac = generate(dir.path(), "aac.m4a", 1, "-map 1:a -c:a aac -ac 1 -ar 44100");
    let media = mp4::read(&LocalFile::open(&aac).unwrap()).await.unwrap();
    assert_eq!(media.tracks[0].config[..2], [0x12, 0x08]);
    assert_eq!(media.tracks[0].samples[0].pts, -1024);
}

/// An index of two indexes, each of which stands before its fragments. FFmpeg
/// does not read such files: the small one is that of a plain index.
#[tokio::test(flavor = "multi_thread")]
async fn nested_index() {
    let dir = tempfile::tempdir().unwrap();
    let source = generate(dir.path(), "source.mp4", 12, H264);
    let args = "IN -c copy -an -movflags +dash+frag_keyframe+global_sidx+skip_trailer";
    let plain = remux(&source, "flat.mp4", args);
    let flat = std::fs::read(&plain).unwrap();
    let at = flat.windows(4).position(|at| at == b"sidx").unwrap() - 4;
    let size = u32::from_be_bytes(flat[at..at + 4].try_into().unwrap()) as usize;
    let word = |at: usize| u32::from_be_bytes(flat[at..at + 4].try_into().unwrap());
    let (timescale, earliest, count) = (word(at + 16), word(at + 24), word(at + 36) as usize);
    // Version 1, and the first segment right behind the index.
    assert_eq!((flat[at + 8], word(at + 20), word(at + 28), word(at + 32)), (1, 0, 0, 0));
    // Bytes and ticks of each.
    let segments = (0..count).map(|number| at + 40 + number * 12);
    let segments: Vec<(u32, u32)> = segments.map(|at| (word(at), word(at + 4))).collect();
    let sidx = |earliest: u32, entries: &[(u32, u32)]| {
        let numbers = [0, 1, timescale, earliest, 0, entries.len() as u32];
        let entries = entries.iter().flat_map(|(bytes, ticks)| [*bytes, *ticks, 0x9000_0000]);
        let body: Vec<u8> = numbers.into_iter().chain(entries).flat_map(u32::to_be_bytes).collect();
        [&(body.len() as u32 + 8).to_be_bytes()[..], b"sidx", &body].concat()
    };
    let (mut below, mut above) = (Vec::new(), Vec::new());
    let (mut from, mut time) = (at + size, earliest);
    for half in segments.chunks(segments.len().div_ceil(2)) {
        let sum = |of: fn(&(u32, u32)) -> u32| half.iter().map(of).sum::<u32>();
        let (bytes, ticks) = (sum(|segment| segment.0), sum(|segment| segment.1));
        let media = &flat[from..from + bytes as usize];
        let part = [&sidx(time, half)[..], media].concat();
        above.push((1 << 31 | part.len() as u32, ticks));
        below.extend(part);
        (from, time) = (from + bytes as usize, time + ticks);
    }
    let path = dir.path().join("nested.mp4");
    std::fs::write(&path, [&flat[..at], &sidx(0, &above), &below].concat()).unwrap();
    for (start, end) in SPANS.iter().copied() {
        let want = SpanSelection { start, end, video: true, audio: true };
        let small = async |path: &Path| {
            let located = mp4::locate(&LocalFile::open(path).unwrap(), &want).await.unwrap();
            (located.duration, std::fs::read(write_clip(&located, path, "small.mp4")).unwrap())
        };
        assert!(small(&path).await == small(&plain).await, "{start}..{end}");
    }
}

/// Nothing is found where there is nothing, and that is said as it is.
#[tokio::test]
async fn beyond() {
    let dir = tempfile::tempdir().unwrap();
    let source = generate(dir.path(), "source.mp4", 4, H264);
    let index = remux(&source, "index.mp4", "IN -c copy -movflags +dash+frag_keyframe+global_sidx");
    let walked = remux(&source, "walked.mp4", "IN -c copy -movflags +frag_keyframe+empty_moov");
    for path in [source, index, walked] {
        let file = LocalFile::open(&path).unwrap();
        for (start, end) in
            [(5.0, 6.0), (2.0, 2.0), (f64::NAN, 1.0), (-3.0, -1.0), (1e300, f64::INFINITY)]
        {
            let want = SpanSelection { start, end, video: true, audio: true };
            let error = mp4::locate(&file, &want).await.unwrap_err();
            assert_eq!(error.kind, MediaErrorKind::Nothing, "{path:?} {start}..{end}: {error}");
        }
        let want = SpanSelection {
            start: f64::NEG_INFINITY,
            end: f64::INFINITY,
            video: true,
            audio: false,
        };
        assert!(mp4::locate(&file, &want).await.is_ok());
    }
}
