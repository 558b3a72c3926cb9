//! Exactly the frames that were asked for, and the sound with them.

use clipmill_core::{Code, OutputFormat, Resolution};
use clipmill_pipeline::Rendition;
use clipmill_tests::media::{self, Clip, av_offsets, duration, frame_hashes, streams};
use clipmill_tests::{Behaviour, MediaServer, tool};

use super::bench::{Bench, assert_exact, clip, encode, format, local, remote};

/// Sound and picture may differ by this, seconds: less than anybody sees.
const SYNC: f64 = 0.012;

async fn cut(bench: &Bench, of: &Clip, format: &str, span: (f64, f64), tolerance: f64) {
    let made = bench.make(local(of.file(), Some(span)), clip(format)).await.unwrap();
    let wanted = of.frames_between(span.0, span.1);
    assert_exact(&made.path, of, &wanted, tolerance);
    assert_eq!(made.extension, format);
    let length = duration(&made.path).unwrap();
    assert!((length - (span.1 - span.0)).abs() < 0.1, "{length} s of {span:?}");
    if of.audio.is_some() {
        let offsets = av_offsets(&made.path, of.rate).unwrap();
        assert!(!offsets.is_empty() && offsets.iter().all(|off| off.abs() < SYNC), "{offsets:?}");
    }
}

#[tokio::test]
async fn local_files_at_every_rate() {
    let bench = Bench::new().await;
    // In the middle of a long GOP, from and to times between two frames.
    cut(&bench, &media::main_clip(), "mp4", (62.31, 64.77), 1e-4).await;
    // From the first frame; to the very time of a frame, which is out.
    cut(&bench, &media::main_clip(), "mp4", (0.0, 1.5), 1e-4).await;
    // Frames 315 and 375 of 29.97 are at these very times: the first is in, the other one out.
    cut(&bench, &media::ntsc(), "mp4", (10.5105, 12.5125), 1e-4).await;
    cut(&bench, &media::sixty(), "mp4", (7.105, 9.0), 1e-4).await;
    cut(&bench, &media::variable_rate(), "mp4", (3.3, 5.7), 1e-4).await;
    cut(&bench, &media::hevc(), "mp4", (4.4, 6.2), 1e-4).await;
    cut(&bench, &media::webm(), "webm", (11.7, 13.4), 0.0011).await;
}

#[tokio::test]
async fn one_frame_is_a_clip_too_and_none_is_not() {
    let bench = Bench::new().await;
    let of = media::silent();
    let made = bench.make(local(of.file(), Some((2.0, 2.01))), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &[60], 1e-4);
    let none = bench.make(local(of.file(), Some((2.001, 2.03))), clip("mp4")).await.unwrap_err();
    assert_eq!(none.code, Code::NoSuchSpan);
    let late = bench.make(local(of.file(), Some((10.0, 12.0))), clip("mp4")).await.unwrap_err();
    assert_eq!(late.code, Code::NoSuchSpan);
    // A span that ends after the video's end gives what there is.
    let made = bench.make(local(of.file(), Some((9.5, 60.0))), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(9.5, 60.0), 1e-4);
}

/// 6 s of silent picture whose sound begins half a second late.
pub fn late_sound(bench: &Bench) -> std::path::PathBuf {
    let path = bench.folder.path().join("late.mp4");
    let (video, audio) = (media::silent().file(), media::audio_m4a(60).file());
    let args = ["-v", "error", "-i", video.to_str().unwrap(), "-itsoffset", "0.5", "-i"];
    let rest = [audio.to_str().unwrap(), "-c", "copy", "-t", "6", path.to_str().unwrap()];
    tool::run("ffmpeg", [args.as_slice(), rest.as_slice()].concat()).unwrap();
    path
}

#[tokio::test]
async fn sound_that_begins_late_stays_late() {
    let bench = Bench::new().await;
    let (of, path) = (media::silent(), late_sound(&bench));
    let cases = [
        (None, encode("h264", "medium")),
        (None, clip("mp4")),
        (Some((0.2, 4.0)), clip("mp4")),
        (Some((2.2, 4.0)), clip("webm")),
    ];
    for (span, rendition) in cases {
        let made = bench.make(local(&path, span), rendition).await.unwrap();
        let offsets = av_offsets(&made.path, of.rate).unwrap();
        let right = offsets.iter().all(|off| (off - 0.5).abs() < SYNC);
        assert!(right && offsets.len() > 1, "{offsets:?} {span:?}");
    }
}

#[tokio::test]
async fn remote_tracks_in_two_files() {
    let bench = Bench::new().await;
    let server = MediaServer::new();
    let (video, audio) = (media::video_mp4(360, 60), media::audio_m4a(60));
    server.file("/v.mp4", video.file());
    server.file("/a.m4a", audio.file());
    bench.offers(
        60.0,
        vec![
            format("v", &video, &server.url("/v.mp4")),
            format("a", &audio, &server.url("/a.m4a")),
        ],
    );
    for span in [(33.35, 35.9), (0.0, 1.2), (58.2, 70.0)] {
        remote_cut(&bench, &video, "mp4", span, 1e-4).await;
    }
    // One of them whole, because its server can't do better, and the other one in part.
    server.behave("/v.mp4", Behaviour::new().without_ranges());
    remote_cut(&bench, &video, "mp4", (41.5, 42.7), 1e-4).await;
    let (video, audio) = (media::video_webm(1080, 2), media::audio_webm(60));
    server.file("/v.webm", video.file());
    server.file("/a.webm", audio.file());
    let (v, a) = (server.url("/v.webm"), server.url("/a.webm"));
    bench.offers(2.0, vec![format("v", &video, &v), format("a", &audio, &a)]);
    remote_cut(&bench, &video, "webm", (0.0, 1.4), 0.0011).await;
}

async fn remote_cut(bench: &Bench, of: &Clip, format: &str, span: (f64, f64), tolerance: f64) {
    let made = bench.make(remote(span.0, span.1), clip(format)).await.unwrap();
    assert_exact(&made.path, of, &of.frames_between(span.0, span.1), tolerance);
    let offsets = av_offsets(&made.path, of.rate).unwrap();
    assert!(!offsets.is_empty() && offsets.iter().all(|off| off.abs() < SYNC), "{offsets:?}");
    let note = made.note.unwrap_or_default();
    assert!(note.is_empty() || note.ends_with("larger than its part of the source"), "{note}");
}

#[tokio::test]
async fn remote_files_of_every_kind() {
    let bench = Bench::new().await;
    let server = MediaServer::new();
    let span = (5.2, 6.8);
    let cases = [
        (media::hevc(), "mp4", ["h264", "aac"], 1e-4),
        (media::hevc_ten_bit(), "best", ["hevc", "aac"], 1e-4),
        (media::webm(), "webm", ["vp9", "opus"], 0.0011),
        (media::av1(), "webm", ["av1", "opus"], 0.0011),
        (media::fragmented(), "mp4", ["h264", "aac"], 1e-4),
        (media::variable_rate(), "mp4", ["h264", "aac"], 1e-4),
    ];
    for (of, wanted, codecs, tolerance) in cases {
        let name = of.file().file_name().unwrap().to_str().unwrap().to_owned();
        let path = format!("/{name}");
        server.file(&path, of.file());
        bench.offers(of.seconds(), vec![format("f", &of, &server.url(&path))]);
        let made = bench.make(remote(span.0, span.1), clip(wanted)).await;
        let made = made.unwrap_or_else(|error| panic!("{error:?} {of:?}"));
        assert_exact(&made.path, &of, &of.frames_between(span.0, span.1), tolerance);
        assert_eq!(streams(&made.path).unwrap(), codecs, "{of:?}");
        let offsets = av_offsets(&made.path, of.rate).unwrap();
        assert!(
            !offsets.is_empty() && offsets.iter().all(|off| off.abs() < SYNC),
            "{offsets:?} {of:?}"
        );
    }
}

#[tokio::test]
async fn high_webm_becomes_lossless_h265_in_mp4() {
    let bench = Bench::new().await;
    let server = MediaServer::new();
    let (video, audio) = (media::video_webm(1440, 2), media::audio_webm(60));
    server.file("/v.webm", video.file());
    server.file("/a.webm", audio.file());
    let (v, a) = (server.url("/v.webm"), server.url("/a.webm"));
    bench.offers(2.0, vec![format("v", &video, &v), format("a", &audio, &a)]);
    let best = Rendition::Clip { format: OutputFormat::Mp4, resolution: Resolution::Best };
    let made = bench.make(remote(0.9, 1.1), best).await.unwrap();
    let wanted = video.frames_between(0.9, 1.1);
    assert_exact(&made.path, &video, &wanted, 0.0011);
    assert_eq!(streams(&made.path).unwrap(), ["hevc", "aac"]);
    let (before, after) = (frame_hashes(video.file()), frame_hashes(&made.path));
    let (from, to) = (wanted[0] as usize, wanted.len());
    assert_eq!(after.unwrap(), &before.unwrap()[from..from + to]);
}
