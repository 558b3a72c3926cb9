//! Results that are larger than their source, and pictures that need no encode.

use std::path::{Path, PathBuf};

use clipmill_pipeline::settings::IfLarger;
use clipmill_tests::media::{frame_hashes, streams};
use clipmill_tests::tool;

use super::bench::{Bench, clip, encode, local};

/// 10 s of H.264 that was squeezed hard, with sound.
fn squeezed(folder: &Path, name: &str, sound: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let picture = "testsrc2=s=320x180:r=25:d=10,noise=alls=30:allf=t,format=yuv420p";
    let mut args = vec!["-v", "error", "-f", "lavfi", "-i", picture];
    args.extend(["-f", "lavfi", "-i", "sine=d=10:r=48000"]);
    args.extend(["-c:v", "libx264", "-preset", "veryfast", "-crf", "40"]);
    args.extend(sound);
    args.push(path.to_str().unwrap());
    tool::run("ffmpeg", args).unwrap();
    path
}

const AAC: [&str; 4] = ["-c:a", "aac", "-b:a", "48k"];

async fn bench(rule: IfLarger) -> Bench {
    Bench::with(|config| config.encode.if_larger = rule).await
}

fn size(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

#[tokio::test]
async fn what_grows_is_told() {
    let bench = bench(IfLarger::Tell).await;
    let source = squeezed(bench.folder.path(), "in.mp4", &AAC);
    let made = bench.make(local(&source, None), encode("h264", "high")).await.unwrap();
    let more = (size(&made.path) - size(&source)) * 100 / size(&source);
    assert_eq!(made.note.unwrap(), format!("the result is {more} % larger than the source"));
    let grown = bench.make(local(&made.path, None), encode("h264", "medium")).await.unwrap();
    assert!(size(&grown.path) < size(&made.path));
    assert_eq!(grown.note, None);
}

#[tokio::test]
async fn a_limit_keeps_every_codec_below_the_source() {
    let bench = bench(IfLarger::Limit).await;
    let source = squeezed(bench.folder.path(), "in.mp4", &["-c:a", "aac", "-b:a", "192k"]);
    for codec in ["h264", "h265", "av1"] {
        let made = bench.make(local(&source, None), encode(codec, "high")).await.unwrap();
        let (is, was) = (size(&made.path), size(&source));
        assert!(is <= was, "{codec}: {is} of {was}");
        assert_eq!(made.note, None);
    }
    let made = bench.make(local(&source, None), encode("h264", "lossless")).await.unwrap();
    assert!(made.note.unwrap().contains("larger than the source"));
}

#[tokio::test]
async fn the_source_s_picture_is_kept_where_it_is_what_was_asked_for() {
    let bench = bench(IfLarger::KeepSource).await;
    for (name, sound) in [("in.mp4", &AAC[..]), ("in.mkv", &["-c:a", "libvorbis"])] {
        let source = squeezed(bench.folder.path(), name, sound);
        let made = bench.make(local(&source, None), encode("h264", "high")).await.unwrap();
        assert_eq!(frame_hashes(&made.path).unwrap(), frame_hashes(&source).unwrap());
        assert_eq!(streams(&made.path).unwrap(), ["h264", "aac"]);
        assert!(made.note.unwrap().contains("the source's own picture was kept"));
    }
    let source = bench.folder.path().join("in.mp4");
    let other = bench.make(local(&source, None), encode("h265", "high")).await.unwrap();
    assert_eq!(streams(&other.path).unwrap(), ["hevc", "aac"]);
    let lossless = bench.make(local(&source, None), encode("h264", "lossless")).await.unwrap();
    assert!(lossless.note.unwrap().contains("larger than the source"));
}

#[tokio::test]
async fn a_whole_clip_encodes_only_the_sound_that_does_not_fit() {
    let bench = bench(IfLarger::Tell).await;
    let source = squeezed(bench.folder.path(), "in.mkv", &["-c:a", "libvorbis"]);
    let made = bench.make(local(&source, None), clip("mp4")).await.unwrap();
    assert_eq!(frame_hashes(&made.path).unwrap(), frame_hashes(&source).unwrap());
    assert_eq!(streams(&made.path).unwrap(), ["h264", "aac"]);
}
