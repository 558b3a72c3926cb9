//! A span becomes a small valid file, of few bytes and few reads.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use clipmill_media::{
    ClipFile, ClipPart, CodecId, LocalFile, MediaError, MediaErrorKind, ReadAt, SpanSelection,
    matroska,
};

use super::inputs;
use super::judge::{Packet, frames, known, packets};

/// A file that counts what is read of it behind its first 256 KiB.
struct Counting {
    file: LocalFile,
    reads: AtomicU64,
    bytes: AtomicU64,
}

#[async_trait]
impl ReadAt for Counting {
    fn size(&self) -> u64 {
        self.file.size()
    }

    async fn read_at(&self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        if from + length as u64 > 256 * 1024 {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        }
        self.file.read_at(from, length).await
    }
}

/// Locates a span: what was found, reads, and bytes of them.
async fn locate(path: &Path, want: &SpanSelection) -> (ClipFile, u64, u64) {
    let file = LocalFile::open(path).unwrap();
    let file = Counting { file, reads: AtomicU64::new(0), bytes: AtomicU64::new(0) };
    let located = matroska::locate(&file, want).await.unwrap();
    (located, file.reads.into_inner(), file.bytes.into_inner())
}

fn whole(located: &ClipFile, path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let mut made = Vec::new();
    for part in &located.parts {
        match part {
            ClipPart::Generated(bytes) => made.extend(bytes),
            ClipPart::Copied(range) => {
                made.extend(&bytes[range.start as usize..range.end as usize])
            }
        }
    }
    made
}

/// Bytes of a span that is cut at keyframes of the stream, all tracks.
fn aligned(all: &[Packet], leader: usize, start: i64, end: i64) -> u64 {
    let keys: Vec<_> = all.iter().filter(|packet| packet.stream == leader && packet.key).collect();
    let first = keys.iter().rev().find(|key| key.pts <= start).map_or(0, |key| key.at);
    let last = keys.iter().find(|key| key.pts >= end).map_or(u64::MAX, |key| key.at);
    all.iter()
        .filter(|packet| (first..last).contains(&packet.at))
        .map(|packet| packet.size + 8)
        .sum()
}

async fn check(path: &Path, want: SpanSelection, most_reads: u64) {
    let (located, reads, bytes) = locate(path, &want).await;
    let made = whole(&located, path);
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join(format!("small.{}", located.extension));
    std::fs::write(&small, &made).unwrap();
    let case = format!("{path:?} {want:?}: {reads} reads of {bytes} bytes, {} made", made.len());

    let (source, got) = (packets(path), packets(&small));
    // The file's beginning is told without the delay of the sound's encoder,
    // which is 7 ms here for Opus.
    let opus = |stream: usize| located.media.tracks[stream].codec == CodecId::Opus;
    let block = |packet: &Packet| packet.pts + if opus(packet.stream) { 7 } else { 0 };
    let zero = source.iter().map(block).min().unwrap();
    assert_eq!(located.origin_micros, zero * 1000, "{case}");
    let millis = |seconds: f64| zero + (seconds * 1000.0).round() as i64;
    let (start, end) = (millis(want.start), millis(want.end));
    // Every wanted packet is there, with its time and size.
    let key = |packet: &Packet| (packet.stream, packet.pts, packet.size, packet.key);
    let have: BTreeSet<_> = got.iter().map(key).collect();
    let streams: Vec<usize> =
        BTreeSet::from_iter(source.iter().map(|packet| packet.stream)).into_iter().collect();
    let is_picture =
        |stream: usize| located.media.tracks[stream].kind == clipmill_media::TrackKind::Video;
    let wanted: Vec<usize> = streams
        .iter()
        .copied()
        .filter(|stream| if is_picture(*stream) { want.video } else { want.audio })
        .collect();
    for packet in source.iter().filter(|packet| wanted.contains(&packet.stream)) {
        if (start..end).contains(&packet.pts) {
            assert!(have.contains(&key(packet)), "{case}: {packet:?} is missing");
        }
    }
    // Nothing is there that was not in the source.
    let all: BTreeSet<_> = source.iter().map(key).collect();
    assert!(have.is_subset(&all), "{case}");
    // Decoding can begin before the span.
    let leader = *wanted.iter().find(|stream| is_picture(**stream)).unwrap_or(&wanted[0]);
    let mut own = source.iter().filter(|packet| packet.stream == leader);
    let begins = own.clone().map(|packet| packet.pts).min().unwrap().max(start);
    let entry = own.rfind(|packet| packet.key && packet.pts <= begins).unwrap();
    assert!(have.contains(&key(entry)), "{case}: {entry:?}");
    // Few bytes and few reads.
    let due = aligned(&source, leader, start, end);
    if is_picture(leader) {
        assert!(made.len() as u64 <= due * 21 / 20 + 16_384, "{case}: {due} due");
    } else {
        // Sound is cut at clusters, which are at most 5 seconds long.
        assert!(made.len() * 2 < source.iter().map(|packet| packet.size as usize).sum(), "{case}");
    }
    assert!(reads <= most_reads, "{case}");

    if is_picture(leader) {
        let source = known(path, &format!("0:{leader}"));
        let loose: &[&str] =
            if path.extension().unwrap() == "mkv" { &["-err_detect", "ignore_err"] } else { &[] };
        let got = frames(&small, &format!("0:{leader}"), loose);
        for (pts, hash) in source.range(start..end) {
            assert_eq!(got.get(pts), Some(hash), "{case}: frame at {pts}");
        }
    } else {
        // Pictures may begin without a keyframe; they are not wanted.
        frames(&small, &format!("0:{leader}"), &["-xerror"]);
    }
}

fn want(start: f64, end: f64) -> SpanSelection {
    SpanSelection { start, end, video: true, audio: true }
}

#[tokio::test]
async fn spans_with_an_index_take_few_reads() {
    for path in [inputs::vp9(), inputs::front()] {
        check(path, want(7.3, 9.1), 4).await;
        check(path, want(0.0, 1.0), 4).await;
        check(path, want(22.5, 30.0), 2).await;
    }
    // Right at keyframes, and right before one.
    check(inputs::vp9(), want(4.004, 6.006), 4).await;
    check(inputs::vp9(), want(5.0, 7.99), 4).await;
    check(inputs::picture(), SpanSelection { audio: false, ..want(7.3, 9.1) }, 1).await;
    check(inputs::sound(), SpanSelection { video: false, ..want(7.3, 9.1) }, 2).await;
    check(inputs::vp9(), SpanSelection { video: false, ..want(7.3, 9.1) }, 4).await;
    check(inputs::av1(), want(3.0, 5.5), 4).await;
}

#[tokio::test]
async fn frames_that_are_shown_in_another_order_are_all_there() {
    check(inputs::avc(), want(3.0, 5.0), 4).await;
    // The last frames stand behind the keyframe that is shown after them.
    check(inputs::avc(), want(4.5, 7.99), 6).await;
    check(inputs::avc(), want(8.0, 10.0), 6).await;
}

#[tokio::test]
async fn clusters_are_cut_at_keyframes_within_them() {
    let folder = tempfile::tempdir().unwrap();
    // Our own writer tells where in a cluster a keyframe is.
    let path = &super::write::anew(inputs::quick(), folder.path()).await;
    let keys = packets(path).iter().filter(|packet| packet.stream == 0 && packet.key).count();
    let bytes = std::fs::read(path).unwrap();
    let clusters = bytes.windows(4).filter(|id| id == &[0x1F, 0x43, 0xB6, 0x75]).count();
    assert!(clusters * 2 < keys, "{clusters} clusters, {keys} keyframes");
    check(path, want(3.41, 3.49), 6).await;
    check(path, want(4.0, 4.2), 6).await;
    check(path, want(4.15, 6.85), 6).await;
    check(path, want(0.0, 0.3), 6).await;
}

#[tokio::test]
async fn an_index_may_tell_clusters_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = &inputs::voided(inputs::front(), 0xF0, 0, folder.path());
    check(path, want(7.3, 9.1), 3).await;
    check(path, want(4.004, 6.006), 4).await;
}

#[tokio::test]
async fn an_index_may_be_sparse() {
    let folder = tempfile::tempdir().unwrap();
    let whole = super::write::anew(inputs::quick(), folder.path()).await;
    std::fs::create_dir(folder.path().join("sparse")).unwrap();
    let path = &inputs::voided(&whole, 0xBB, 1, &folder.path().join("sparse"));
    let (located, reads, bytes) = locate(path, &want(1.0, 2.0)).await;
    let length: u64 = located.parts.iter().map(ClipPart::length).sum();
    let all = std::fs::metadata(path).unwrap().len();
    let end = source_end(path, 2.0);
    assert!(end * 2 < all && (end..end + all / 4).contains(&length), "{length} of {all}, {end}");
    assert!(reads < 16 && bytes < 1024 * 1024, "{reads} reads of {bytes} bytes");
}

/// Where the last frame of a span ends in the file.
fn source_end(path: &Path, end: f64) -> u64 {
    let wanted = |packet: &&Packet| (packet.pts as f64) < end * 1000.0;
    packets(path).iter().filter(wanted).map(|packet| packet.at + packet.size).max().unwrap()
}

#[tokio::test]
async fn spans_are_found_without_an_index() {
    for path in [inputs::live(), inputs::endless()] {
        check(path, want(13.3, 15.1), 24).await;
        check(path, want(0.0, 1.0), 16).await;
        check(path, want(22.9, 30.0), 24).await;
        check(path, SpanSelection { video: false, ..want(7.3, 9.1) }, 24).await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let file = LocalFile::open(inputs::vp9()).unwrap();
    let kind = async |want: SpanSelection| matroska::locate(&file, &want).await.unwrap_err().kind;
    assert_eq!(kind(want(25.0, 26.0)).await, MediaErrorKind::Nothing);
    assert_eq!(kind(want(2.0, 2.0)).await, MediaErrorKind::Nothing);
    assert_eq!(kind(want(f64::NAN, 2.0)).await, MediaErrorKind::Nothing);
    assert_eq!(
        kind(SpanSelection { video: false, audio: false, ..want(1.0, 2.0) }).await,
        MediaErrorKind::Nothing
    );
    let (located, ..) = locate(inputs::vp9(), &want(1.0, 2.0)).await;
    assert!((located.duration.unwrap() - 24.0).abs() < 0.1);
    assert_eq!(located.extension, "webm");
    assert_eq!(located.media.tracks.len(), 2);
    assert!(
        located
            .media
            .tracks
            .iter()
            .all(|track| track.samples.is_empty() && !track.config.is_empty())
    );
    assert_eq!(locate(inputs::avc(), &want(1.0, 2.0)).await.0.extension, "mkv");
}
