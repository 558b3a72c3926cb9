//! Uploads and what becomes of them.

use std::path::Path;

use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::{
    Clip, frame_hashes, h264_ten_bit, odd_size, probe, rotated, silent, uploads, variable_rate,
};
use clipmill_tests::tool;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{assert_codecs, assert_in_sync, numbers};

/// Uploads a clip, encodes it, writes the result; answers the upload's own answer.
async fn encode(
    account: &Account,
    clip: &Clip,
    name: &str,
    codec: &str,
    quality: &str,
    to: &Path,
) -> Value {
    encode_file(account, &clip.file(), name, codec, quality, to).await
}

async fn encode_file(
    account: &Account,
    file: &Path,
    name: &str,
    codec: &str,
    quality: &str,
    to: &Path,
) -> Value {
    let uploaded = account.upload(file, name).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let id = uploaded.body["encode_id"].as_str().unwrap();
    let start = json!({ "video_codec": codec, "quality_preset": quality });
    let started = account.post(&format!("/api/encode/start/{id}"), &start).await;
    assert_eq!(started.status, 200, "{name}: {started:?}");
    let path = format!("/api/encode/download/{id}");
    let response = account.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    std::fs::write(to, response.bytes().await.unwrap()).unwrap();
    uploaded.body
}

#[tokio::test(flavor = "multi_thread")]
async fn every_upload_format_becomes_mp4() {
    let daemon = Daemon::start("[workers]\ncount = 2");
    let account = Account::register(&daemon).await;
    let folder = tempfile::tempdir().unwrap();
    for (extension, clip) in uploads() {
        let file = folder.path().join(format!("{extension}.mp4"));
        let name = format!("Mine.{}", extension.to_uppercase());
        let told = encode(&account, &clip, &name, "h264", "medium", &file).await;
        assert_eq!(told["original_filename"], json!(format!("Mine.{extension}")));
        assert_codecs(&file, &["h264", "aac"]);
        let wanted: Vec<u32> = (0..clip.frames).collect();
        assert_eq!(numbers(&file), wanted, "{extension}");
        assert_in_sync(&file, &clip);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_uploads_are_encoded_whole() {
    let daemon = Daemon::start("[workers]\ncount = 2");
    let account = Account::register(&daemon).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, clip) in [
        ("silent.mp4", silent()),
        ("odd.mkv", odd_size()),
        ("rotated.mp4", rotated()),
        ("variable.mp4", variable_rate()),
        ("ten.mp4", h264_ten_bit()),
    ] {
        let file = folder.path().join(name).with_extension("mp4");
        encode(&account, &clip, name, "h265", "medium", &file).await;
        let wanted: Vec<u32> = (0..clip.frames).filter(|number| clip.has(*number)).collect();
        assert_eq!(numbers(&file), wanted, "{name}");
        let shown = probe(&file).unwrap();
        let video = &shown["streams"][0];
        let even = |size: u32| json!(size + size % 2);
        assert_eq!(video["width"], even(clip.width), "{name}");
        assert_eq!(video["height"], even(clip.height), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lossless_means_that_decoded_frames_are_equal() {
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let folder = tempfile::tempdir().unwrap();
    let small = Clip { frames: 30, ..Clip::new(320, 180, 1) };
    let small_ten_bit = Clip { ten_bit: true, ..small.clone() };
    for clip in [small, small_ten_bit] {
        let source = frame_hashes(clip.file()).unwrap();
        for codec in ["h264", "h265", "av1"] {
            let file = folder.path().join(format!("{codec}-{}.mp4", clip.ten_bit));
            encode(&account, &clip, "small.mp4", codec, "lossless", &file).await;
            let made = frame_hashes(&file).unwrap();
            assert_eq!(made, source, "{codec}, ten bit: {}", clip.ten_bit);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_says_what_grew_and_which_hardware_failed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    // Its card works for one frame, and opens no session for a job.
    let card = folder.path().join("ffmpeg");
    let program = "#!/bin/sh\ncase \" $* \" in\n\
        *' -encoders '*) ffmpeg \"$@\"; echo ' V....D h264_nvenc made up' ;;\n\
        *'/dev/zero '*) exit 0 ;;\n\
        *' h264_nvenc '*) echo 'OpenEncodeSessionEx failed: out of memory' >&2; exit 1 ;;\n\
        *) exec ffmpeg \"$@\" ;;\nesac\n";
    std::fs::write(&card, program).unwrap();
    std::fs::set_permissions(&card, std::fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = Daemon::start(&format!(
        "[tools]\nffmpeg = {:?}\n[encode]\nhardware = \"auto\"",
        card.to_str().unwrap()
    ));
    let account = Account::register(&daemon).await;
    let clip = Clip::new(320, 180, 3);
    let (squeezed, made) = (folder.path().join("in.mp4"), folder.path().join("out.mp4"));
    let source = clip.file();
    let args = ["-v", "error", "-i", source.to_str().unwrap(), "-crf", "45", "-b:a", "32k"];
    tool::run("ffmpeg", [args.as_slice(), &[squeezed.to_str().unwrap()]].concat()).unwrap();
    let told = encode_file(&account, &squeezed, "in.mp4", "h264", "high", &made).await;
    assert_eq!(numbers(&made), (0..clip.frames).collect::<Vec<_>>());
    let path = format!("/api/encode/status/{}", told["encode_id"].as_str().unwrap());
    let status = account.get(&path).await;
    let note = status.body["note"].as_str().unwrap_or_default();
    let why = "h264_nvenc failed: the card opens no more sessions; encoded by libx264 instead";
    assert!(note.starts_with(why), "{note}");
    assert!(note.ends_with(" % larger than the source"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_no_file() {
    let daemon = Daemon::start("[uploads]\nmax_mb = 1");
    let account = Account::register(&daemon).await;
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.mp4");
    std::fs::write(&text, "this is no video").unwrap();
    let playlist = folder.path().join("list.mp4");
    std::fs::write(&playlist, "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n").unwrap();
    let large = folder.path().join("large.mp4");
    std::fs::write(&large, vec![0; 2 << 20]).unwrap();
    let good = Clip::new(320, 180, 5).file();
    for (file, name, code) in [
        (&text, "text.mp4", "not_media"),
        (&playlist, "list.mp4", "not_media"),
        (&large, "large.mp4", "file_too_large"),
        (&good, "good.exe", "invalid_file_type"),
        (&good, "no-extension", "invalid_file_type"),
    ] {
        let refused = account.upload(file, name).await;
        assert_eq!(refused.status, 400, "{name}: {refused:?}");
        assert_eq!(refused.body["code"], json!(code), "{name}");
    }
    assert_eq!(daemon.names_in("uploads"), Vec::<String>::new());
}
