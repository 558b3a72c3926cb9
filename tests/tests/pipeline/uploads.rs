//! Encodes of whole files: every container, odd pictures, and what lossless means.

use clipmill_core::Code;
use clipmill_tests::media::{self, Clip, frame_hashes, read_frames, stream, streams};

use super::bench::{Bench, clip, encode, local};

async fn frames_survive(
    bench: &Bench,
    of: &Clip,
    codec: &str,
    quality: &str,
) -> std::path::PathBuf {
    let made = bench.make(local(of.file(), None), encode(codec, quality)).await.unwrap();
    let numbers: Vec<u32> =
        read_frames(&made.path).unwrap().iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, of.frames_between(0.0, of.seconds()), "{of:?}");
    made.path
}

#[tokio::test]
async fn every_container_is_taken() {
    let bench = Bench::new().await;
    for (extension, of) in media::uploads() {
        let path = frames_survive(&bench, &of, "h264", "medium").await;
        let sound = of.audio.map(|_| "aac");
        let expected: Vec<&str> = std::iter::once("h264").chain(sound).collect();
        assert_eq!(streams(&path).unwrap(), expected, "{extension}");
    }
}

#[tokio::test]
async fn odd_and_turned_pictures_come_out_upright_and_whole() {
    let bench = Bench::new().await;
    for (of, size) in [(media::odd_size(), (322, 242)), (media::rotated(), (360, 640))] {
        let path = frames_survive(&bench, &of, "h264", "high").await;
        let video = stream(&path, "video").unwrap();
        assert_eq!(
            (video["width"].as_u64(), video["height"].as_u64()),
            (Some(size.0), Some(size.1))
        );
        assert!(video.get("side_data_list").is_none(), "{video}");
    }
}

#[tokio::test]
async fn variable_rates_keep_their_times_and_silence_stays_silent() {
    let bench = Bench::new().await;
    let of = media::variable_rate();
    let path = frames_survive(&bench, &of, "h265", "medium").await;
    for (before, after) in read_frames(of.file()).unwrap().iter().zip(read_frames(&path).unwrap()) {
        assert!((before.pts - after.pts).abs() < 1e-4, "{before:?} {after:?}");
    }
    let path = frames_survive(&bench, &media::silent(), "av1", "medium").await;
    assert_eq!(streams(path).unwrap(), ["av1"]);
}

#[tokio::test]
async fn lossless_means_equal_frames() {
    let bench = Bench::new().await;
    for of in [media::silent(), media::h264_ten_bit()] {
        // A second is enough, and libaom takes its time.
        let of = Clip { width: 320, height: 180, frames: 12, ..of };
        let before = frame_hashes(of.file()).unwrap();
        assert_eq!(before.len(), 12);
        for codec in ["h264", "h265", "av1"] {
            let made = bench.make(local(of.file(), None), encode(codec, "lossless")).await.unwrap();
            assert_eq!(frame_hashes(&made.path).unwrap(), before, "{codec} {}", of.ten_bit);
        }
    }
}

#[tokio::test]
async fn what_already_fits_is_copied_and_what_is_no_video_is_refused() {
    let bench = Bench::new().await;
    let of = media::silent();
    let made = bench.make(local(of.file(), None), clip("mp4")).await.unwrap();
    assert_eq!(frame_hashes(&made.path).unwrap(), frame_hashes(of.file()).unwrap());
    let text = bench.folder.path().join("list.mp4");
    std::fs::write(&text, "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n").unwrap();
    let refused = bench.make(local(&text, None), encode("h264", "high")).await.unwrap_err();
    assert_eq!(refused.code, Code::NotMedia);
    let sound = media::audio_m4a(60);
    let refused = bench.make(local(sound.file(), None), encode("h264", "high")).await.unwrap_err();
    assert_eq!(refused.code, Code::NoVideo);
    let unknown = bench.make(local(of.file(), None), encode("h266", "high")).await.unwrap_err();
    assert_eq!(unknown.code, Code::UnknownCodec);
}
