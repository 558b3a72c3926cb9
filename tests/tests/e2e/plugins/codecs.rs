//! The example codecs: one that plans for ffmpeg, one that encodes by itself.

use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::guests;
use clipmill_tests::media::{Clip, FrameReader, probe};
use reqwest::Method;
use serde_json::json;

use super::{clipmill, logged, offered, text};
use crate::support::{assert_codecs, numbers};

/// Drops both codecs into the daemon's folder.
async fn with_codecs(daemon: &Daemon) {
    for name in ["webm", "gif"] {
        guests::drop_into(&daemon.data().join("plugins"), name);
        logged(daemon, &["plugin loaded", &format!("plugin=\"{name}\"")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_become_what_plugins_add() {
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let before = offered(&account).await;
    assert!(before["webm"].is_null() && before["gif"].is_null());
    with_codecs(&daemon).await;
    let now = offered(&account).await;
    assert_eq!(now["webm"], json!(["lossless", "high", "medium"]));
    assert!(now["gif"].as_array().is_some_and(|qualities| !qualities.is_empty()), "{now}");
    assert!(now["h264"].is_array(), "the built-in ones stay");

    let clip = Clip::new(320, 180, 3);
    let folder = tempfile::tempdir().unwrap();
    for (codec, quality, kind) in [("webm", "high", "video/webm"), ("gif", "high", "image/gif")] {
        let uploaded = account.upload(&clip.file(), "Mine.mp4").await;
        let id = uploaded.body["encode_id"].as_str().unwrap().to_owned();
        let want = json!({ "video_codec": codec, "quality_preset": quality });
        let started = account.post(&format!("/api/encode/start/{id}"), &want).await;
        assert_eq!(started.status, 200, "{codec}: {started:?}");
        let path = format!("/api/encode/download/{id}");
        let response = account.request(Method::POST, &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], kind);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let disposition = response.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(disposition.contains(&format!(".{codec}")), "{disposition}");
        let file = folder.path().join(format!("out.{codec}"));
        std::fs::write(&file, response.bytes().await.unwrap()).unwrap();
    }
    let webm = folder.path().join("out.webm");
    assert_codecs(&webm, &["vp9", "opus"]);
    assert_eq!(numbers(&webm), (0..clip.frames).collect::<Vec<_>>());
    assert_gif(&folder.path().join("out.gif"), &clip);

    let wrong = json!({ "video_codec": "gif", "quality_preset": "no_such" });
    let id = account.upload(&clip.file(), "Mine.mp4").await.body["encode_id"].clone();
    let path = format!("/api/encode/start/{}", id.as_str().unwrap());
    assert_eq!(account.post(&path, &wrong).await.body["code"], "invalid_quality");
}

/// An animation that shows the clip: it loops, lasts as long, and its pictures are the clip's in
/// their order, by the numbers in their pixels.
fn assert_gif(file: &std::path::Path, clip: &Clip) {
    let shown = probe(file).unwrap();
    assert_eq!(shown["streams"][0]["codec_name"], "gif");
    let seconds: f64 = shown["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!((seconds - clip.seconds()).abs() < 0.05, "{seconds} s of {}", clip.seconds());
    let bytes = std::fs::read(file).unwrap();
    let loops = bytes.windows(11).any(|window| window == b"NETSCAPE2.0");
    assert!(bytes.starts_with(b"GIF89a") && loops, "it plays for ever");
    let frames = FrameReader::new(file).read().unwrap();
    assert!(frames.len() > clip.frames as usize / 4, "{} pictures", frames.len());
    for frame in &frames {
        let due = clip.rate.time_of(frame.number);
        assert!((frame.pts - due).abs() < 0.06, "{} is shown at {}", frame.number, frame.pts);
    }
    assert!(frames.windows(2).all(|pair| pair[0].number < pair[1].number), "in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_encodes_with_them() {
    let clip = Clip::new(320, 180, 2);
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(clip.file(), folder.path().join("in.mp4")).unwrap();
    for name in ["webm", "gif"] {
        guests::drop_into(&folder.path().join("data/plugins"), name);
    }
    let made = clipmill(folder.path(), &[], &["encode", "in.mp4", "--codec", "gif"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_gif(&folder.path().join("in_gif_high.gif"), &clip);
    let quality =
        ["encode", "in.mp4", "--codec", "webm", "--quality", "lossless", "-o", "out.webm"];
    let made = clipmill(folder.path(), &[], &quality);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_eq!(numbers(&folder.path().join("out.webm")), (0..clip.frames).collect::<Vec<_>>());
    let unknown = clipmill(folder.path(), &[], &["encode", "in.mp4", "--codec", "mpeg2"]);
    assert!(!unknown.status.success());
    assert!(text(&unknown.stderr).contains("mpeg2"), "{}", text(&unknown.stderr));
}
