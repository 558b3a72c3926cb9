//! Files that are cut short or lie: an error, never a panic, and quickly.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clipmill_media::{SpanSelection, mp4};

use super::fixtures::{generate, remux};

const WANT: SpanSelection = SpanSelection { start: 0.5, end: 1.0, video: true, audio: true };

async fn bear(bytes: Vec<u8>) -> bool {
    let bytes = Bytes::from(bytes);
    let begun = Instant::now();
    let read = mp4::read(&bytes).await;
    let located = mp4::locate(&bytes, &WANT).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    read.is_ok() && located.is_ok()
}

fn kinds() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let args =
        "-c:v libx264 -preset ultrafast -crf 51 -g 10 -bf 2 -c:a aac -b:a 16k -movflags +faststart";
    let front = generate(dir.path(), "front.mp4", 2, args);
    let index = remux(&front, "index.mp4", "IN -c copy -movflags +dash+frag_keyframe+global_sidx");
    let fixed = remux(&front, "fixed.mp4", "IN -c copy -movflags +frag_keyframe");
    [front, index, fixed].iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[tokio::test]
async fn short() {
    for whole in kinds() {
        assert!(bear(whole.clone()).await);
        let moov = whole.windows(4).position(|at| at == b"moov").unwrap();
        for length in (0..whole.len().min(moov + 6000)).step_by(7) {
            assert!(!bear(whole[..length].to_vec()).await || length > moov);
        }
        for length in (0..whole.len()).rev().step_by(97).take(100) {
            bear(whole[..length].to_vec()).await;
        }
    }
}

#[tokio::test]
async fn lies() {
    let names = [
        "mvhd", "tkhd", "mdhd", "elst", "stsd", "stts", "stss", "ctts", "stsc", "stsz", "stco",
        "trex", "sidx", "moof", "tfhd", "tfdt", "trun", "mfra", "tfra", "mfro", "esds", "avcC",
        "moov", "trak",
    ];
    for whole in kinds() {
        for name in names {
            let all = whole.windows(4).enumerate().filter(|(_, at)| *at == name.as_bytes());
            for (found, _) in all.take(4) {
                // The size in front of the name, then every field after it.
                for at in (found - 4..found + 64).filter(|at| *at != found) {
                    for value in
                        [[0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0; 4], [0, 0, 0, 1], [1, 0, 0, 0]]
                    {
                        let mut changed = whole.clone();
                        let Some(place) = changed.get_mut(at..at + 4) else { continue };
                        place.copy_from_slice(&value);
                        bear(changed).await;
                    }
                }
            }
        }
    }
}

/// A deep nest, a great many boxes, and tables that promise more than is there.
#[tokio::test]
async fn made_up() {
    let mut nest = Vec::new();
    for depth in 0..1000_u32 {
        nest.extend(((1000 - depth) * 8).to_be_bytes());
        nest.extend(if depth == 0 { b"moov" } else { b"trak" });
    }
    assert!(!bear(nest).await);
    let many = 200_000_u32;
    let mut boxes = [&(8 + many * 8).to_be_bytes()[..], b"moov"].concat();
    boxes.extend([0, 0, 0, 8].iter().chain(b"free").copied().cycle().take(many as usize * 8));
    assert!(!bear(boxes).await);
    assert!(!bear(b"\0\0\0\x08free".repeat(100_000)).await);
}
