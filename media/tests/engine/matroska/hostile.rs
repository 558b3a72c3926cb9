//! Bytes that no muxer makes: refused, quickly, and never with a panic.

use bytes::Bytes;
use clipmill_media::{SpanSelection, matroska};

use super::inputs;

const WANT: SpanSelection = SpanSelection { start: 1.0, end: 2.0, video: true, audio: true };

async fn both(bytes: &[u8]) -> (bool, bool) {
    let bytes = Bytes::copy_from_slice(bytes);
    (matroska::read(&bytes).await.is_ok(), matroska::locate(&bytes, &WANT).await.is_ok())
}

/// The head of a file and its first frames.
fn beginning(path: &std::path::Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.truncate(12_000);
    bytes
}

#[tokio::test]
async fn files_that_end_anywhere_do_no_harm() {
    for path in [inputs::vp9(), inputs::endless(), inputs::avc()] {
        let bytes = beginning(path);
        for end in (0..bytes.len()).step_by(7) {
            let (read, _) = both(&bytes[..end]).await;
            // The head is whole after a few hundred bytes.
            assert!(end < 1000 || read, "{path:?} {end}");
            assert!(end > 200 || !read, "{path:?} {end}");
        }
    }
}

#[tokio::test]
async fn changed_bytes_do_no_harm() {
    for path in [inputs::front(), inputs::endless(), inputs::avc()] {
        let bytes = beginning(path);
        for at in (0..800).chain((800..bytes.len()).step_by(97)) {
            for value in [0x00, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] = value;
                both(&changed).await;
            }
        }
    }
}

/// A document's header and a segment of unknown size.
fn head() -> Vec<u8> {
    let mut made = vec![0x1A, 0x45, 0xDF, 0xA3, 0x87, 0x42, 0x82, 0x84];
    made.extend(b"webm");
    made.extend([0x18, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255]);
    made
}

#[tokio::test]
async fn sizes_beyond_the_file_allocate_nothing() {
    let huge = [0x01, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let ids: [&[u8]; 8] = [
        &[0x15, 0x49, 0xA9, 0x66],
        &[0x16, 0x54, 0xAE, 0x6B],
        &[0x1C, 0x53, 0xBB, 0x6B],
        &[0x11, 0x4D, 0x9B, 0x74],
        &[0x1F, 0x43, 0xB6, 0x75],
        &[0xEC],
        &[0xA3],
        &[0xA0],
    ];
    for id in ids {
        for size in
            [&huge[..], &[0x01, 255, 255, 255, 255, 255, 255, 255], &[0x0F, 255, 255, 255, 254]]
        {
            let mut made = head();
            made.extend(id);
            made.extend(size);
            made.extend([0; 64]);
            assert_eq!(both(&made).await, (false, false), "{id:?} {size:?}");
        }
    }
}

#[tokio::test]
async fn endless_nests_end() {
    // Clusters, groups and tracks of unknown size in each other.
    for nest in [&[0x1F, 0x43, 0xB6, 0x75, 0xFF][..], &[0xA0, 0xFF], &[0xAE, 0xFF], &[0xEC, 0x80]] {
        let mut made = head();
        made.extend(nest.repeat(100_000));
        assert_eq!(both(&made).await, (false, false), "{nest:?}");
        let mut made = beginning(inputs::endless());
        made.extend(nest.repeat(100_000));
        both(&made).await;
    }
}
