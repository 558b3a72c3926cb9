//! The real yt-dlp takes our YouTube for YouTube.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use clipmill_tests::media::{self, av_offsets, read_frames};
use clipmill_tests::youtube::{Live, Refusal, Video};
use clipmill_tests::{MediaServer, YouTube};
use serde_json::Value;

const ID: &str = "clipmill-01";

fn resolve(youtube: &YouTube, url: &str) -> Value {
    let output = youtube.ytdlp(&["-J", url]).unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn formats_come_as_youtube_has_them() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video(ID, Video::with_heights("Many sizes", 2, &[240, 480, 720, 1080, 1440, 2160]));

    let info = resolve(&youtube, &youtube.url(ID));
    assert_eq!(info["id"], ID);
    assert_eq!(info["title"], "Many sizes");
    assert_eq!(info["duration"], 2);
    assert_eq!(info["extractor"], "youtube");
    assert_eq!(info["is_live"], false);
    let mut formats: Vec<(&str, &str, u64)> = Vec::new();
    for format in info["formats"].as_array().unwrap() {
        let text = |field: &str| format[field].as_str().unwrap_or_default();
        assert_ne!(text("vcodec") == "none", text("acodec") == "none", "{format}");
        assert!(text("url").contains("?expire="), "{format}");
        formats.push((text("format_id"), text("ext"), format["height"].as_u64().unwrap_or(0)));
    }
    formats.sort_by_key(|(id, ..)| id.parse::<u32>().unwrap());
    let expected = [
        ("133", "mp4", 240),
        ("135", "mp4", 480),
        ("136", "mp4", 720),
        ("137", "mp4", 1080),
        ("140", "m4a", 0),
        ("242", "webm", 240),
        ("244", "webm", 480),
        ("247", "webm", 720),
        ("248", "webm", 1080),
        ("251", "webm", 0),
        ("271", "webm", 1440),
        ("313", "webm", 2160),
    ];
    assert_eq!(formats, expected);
    assert_eq!(youtube.times_resolved(ID), 1);
}

#[test]
fn every_way_to_write_the_address_is_answered() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video(ID, Video::new("Addresses", 5.0).format("18", &media::main_clip()));
    for form in ["youtu.be/", "www.youtube.com/shorts/", "www.youtube.com/live/"] {
        let info = resolve(&youtube, &format!("https://{form}{ID}"));
        assert_eq!(info["id"], ID, "{form}");
    }
}

#[test]
fn streams_say_when_they_began() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    let began = 1_790_000_000;
    let stream = Video::new("Stream", 30.0).format("300", &media::hls_fmp4());
    youtube.video(ID, stream.clone().live(Live::Since(began)));
    let info = resolve(&youtube, &youtube.url(ID));
    assert_eq!((&info["is_live"], &info["live_status"]), (&true.into(), &"is_live".into()));
    assert_eq!(info["release_timestamp"], began);
    assert_eq!(info["duration"], Value::Null);

    youtube.video(ID, stream.live(Live::Was(began)));
    let info = resolve(&youtube, &youtube.url(ID));
    assert_eq!((&info["is_live"], &info["was_live"]), (&false.into(), &true.into()));
    assert_eq!(info["release_timestamp"], began);
}

#[test]
fn refusals_have_the_words_of_the_real_extractor() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    for refusal in Refusal::ALL {
        youtube.refuse(ID, refusal);
        let error = youtube.ytdlp(&["-J", &youtube.url(ID)]).unwrap_err();
        assert_eq!(error.reason, "exit status: 1", "{error}");
        let expected = format!("ERROR: [youtube] {ID}: {}", refusal.words());
        assert!(error.stderr.contains(&expected), "{refusal:?}: {}", error.stderr);
    }
    let unknown = youtube.ytdlp(&["-J", "https://youtu.be/nosuchvideo"]).unwrap_err();
    assert!(unknown.stderr.contains("nosuchvideo: Video unavailable"), "{unknown}");
}

#[test]
fn downloads_are_merged_by_the_real_program() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    let video = Video::new("Merged", 20.0)
        .format("134", &media::video_mp4(360, 20))
        .format("140", &media::audio_m4a(20))
        .format("93", &media::hls_ts());
    youtube.video(ID, video);
    let folder = tempfile::tempdir().unwrap();
    let merged = folder.path().join("merged.mp4");
    let to = merged.display().to_string();
    youtube.ytdlp(&["-q", "-f", "134+140", "-o", &to, &youtube.url(ID)]).unwrap();
    let frames = read_frames(&merged).unwrap();
    assert_eq!(frames.len(), 600);
    let offsets = av_offsets(&merged, media::Rate::FPS_30).unwrap();
    assert!(offsets.iter().all(|offset| offset.abs() < 0.003), "{offsets:?}");
    let picture = server.stats(&youtube.media_path(ID, "134"));
    assert!(picture.bytes_sent > 10_000, "{picture:?}");

    let playlist = folder.path().join("playlist.mp4");
    let to = playlist.display().to_string();
    youtube.ytdlp(&["-q", "-f", "93", "-o", &to, &youtube.url(ID)]).unwrap();
    assert_eq!(read_frames(&playlist).unwrap().len(), 900);
}
