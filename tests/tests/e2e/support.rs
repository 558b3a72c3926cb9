//! What these tests check again and again.

use std::path::Path;

use clipmill_tests::MediaServer;
use clipmill_tests::api::Account;
use clipmill_tests::media::{
    Clip, FrameReader, audio_clicks, av_offsets, main_clip, offsets, read_frames, streams,
};

/// A media server with the main clip at `/main.mp4`, and that clip.
pub fn served() -> (MediaServer, Clip) {
    let clip = main_clip();
    let server = MediaServer::new();
    server.file("/main.mp4", clip.file());
    (server, clip)
}

/// Asks for a clip without waiting for it.
pub async fn ask(account: &Account, id: &str) {
    let path = format!("/api/video/download/{id}");
    let request = account.request(reqwest::Method::POST, &path).header("prefer", "respond-async");
    assert_eq!(request.send().await.unwrap().status(), 202);
}

/// Waits until a clip is made, and not failed.
pub async fn finished(account: &Account, id: &str) {
    let path = format!("/api/video/status/{id}");
    let ended = account
        .wait_for(&path, |body| body["status"] == "completed" || body["status"] == "failed")
        .await;
    assert_eq!(ended["status"], "completed", "{ended}");
}

/// The readers that must agree: edit lists are a thing of MP4.
fn readers(file: &Path) -> Vec<(FrameReader, &'static str)> {
    let usual = (FrameReader::new(file), "players that honour edit lists");
    let is_mp4 = streams(file).unwrap()[0] != "vp9";
    let plain = (FrameReader::new(file).ignore_edit_lists(), "players that ignore them");
    if is_mp4 { vec![usual, plain] } else { vec![usual] }
}

/// Asserts that `file` holds exactly the frames of `clip` with `start <= time < end`, the first
/// one at 0, for players that honour edit lists and for those that ignore them, with the sound
/// where it belongs.
pub fn assert_exact(file: &Path, clip: &Clip, start: f64, end: f64) {
    let wanted = clip.frames_between(start, end);
    assert!(!wanted.is_empty());
    let first = clip.rate.time_of(wanted[0]);
    for (reader, players) in readers(file) {
        let frames = reader.read().unwrap();
        let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
        assert_eq!(numbers, wanted, "frames of [{start}, {end}) in {players}");
        for frame in &frames {
            let due = clip.rate.time_of(frame.number) - first;
            let off = (frame.pts - due).abs();
            assert!(off < 0.0015, "frame {} is {off} s off in {players}", frame.number);
        }
    }
    // The sound has a click at each full second, which takes some 40 ms to be measured, and none is
    // measured at the very beginning.
    let click = (start + 0.06).ceil();
    if clip.audio.is_some() && click + 0.1 < end.min(clip.seconds()) {
        assert_in_sync(file, clip);
    }
}

/// Asserts that sound is as far from its picture as in the source, within half an AAC frame.
pub fn assert_in_sync(file: &Path, clip: &Clip) {
    let mut source = av_offsets(clip.file(), clip.rate).unwrap();
    source.sort_by(f64::total_cmp);
    let usual = source[source.len() / 2];
    // The first packet of a copied sound is decoded without the one before it, and fades in.
    let mut clicks = audio_clicks(file).unwrap();
    clicks.retain(|click| click.at > 0.05);
    assert!(!clicks.is_empty(), "no click to measure");
    for offset in offsets(&read_frames(file).unwrap(), &clicks, clip.rate) {
        assert!((offset - usual).abs() < 0.0107, "sound is {offset} s off, not {usual} s");
    }
}

/// Asserts the codecs of a file, picture first.
pub fn assert_codecs(file: &Path, wanted: &[&str]) {
    assert_eq!(streams(file).unwrap(), wanted);
}

/// The numbers of all frames.
pub fn numbers(file: &Path) -> Vec<u32> {
    read_frames(file).unwrap().iter().map(|frame| frame.number).collect()
}
