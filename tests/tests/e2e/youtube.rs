//! YouTube, with everything real but its network: yt-dlp resolves and errs as it does, its
//! extractor is pointed at the local server.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clipmill_tests::api::{Account, answer, http};
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::{frame_hashes, hls_ts, probe, video_mp4, video_webm};
use clipmill_tests::youtube::{Live, Refusal, Video, YouTube};
use clipmill_tests::{Behaviour, MediaServer};
use serde_json::json;

use crate::support::{assert_codecs, assert_exact, numbers};

/// A daemon whose yt-dlp asks this YouTube.
fn daemon_for(youtube: &YouTube<'_>, config: &str) -> Daemon {
    let plugins = youtube.plugin_dir().to_str().unwrap();
    Daemon::start_with(config, &[("CLIPMILL_TOOLS_YT_DLP_PLUGIN_DIRS", plugins)])
}

fn seconds_since_1970() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_of_youtube_has_the_asked_frames_in_the_asked_size() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video("dQw4w9WgXcQ", Video::with_heights("A title", 20, &[360, 720, 1080]));
    let daemon = daemon_for(&youtube, "");
    let account = Account::register(&daemon).await;
    let folder = tempfile::tempdir().unwrap();
    let id = account.save("https://youtu.be/dQw4w9WgXcQ", 6.5, 8.0).await;

    let resolutions = json!({ "url": "https://youtube.com/watch?v=dQw4w9WgXcQ" });
    let told = answer(
        http()
            .post(daemon.url("/api/video/resolutions"))
            .header("content-type", "application/json")
            .body(resolutions.to_string()),
    );
    let told = told.await;
    assert_eq!(told.status, 200);
    assert_eq!(told.body["video_id"], "dQw4w9WgXcQ");
    assert_eq!(told.body["resolutions"], json!(["1080p", "720p"]));
    for known_as in [id.as_str(), "dQw4w9WgXcQ"] {
        let formats = account.get(&format!("/api/video/formats/{known_as}")).await.body;
        assert_eq!(formats["resolutions"], json!(["1080p", "720p"]), "{formats}");
        assert_eq!(formats["formats"]["1080p"], json!(["mp4", "webm"]));
        assert_eq!(formats["extensions"], json!(["mp4", "webm"]));
    }
    for (preferences, height, codecs) in [
        (json!({}), 1080, ["h264", "aac"]),
        (json!({ "resolution_preference": "720p" }), 720, ["h264", "aac"]),
        // There is no 1440p: the best below it.
        (
            json!({ "resolution_preference": "1440p", "format_preference": "webm" }),
            1080,
            ["vp9", "opus"],
        ),
    ] {
        let file = folder.path().join(format!("{height}-{}", codecs[0]));
        account.download_to(&id, &preferences, &file).await;
        assert_exact(&file, &video_mp4(height, 20), 6.5, 8.0);
        assert_codecs(&file, &codecs);
        assert_eq!(probe(&file).unwrap()["streams"][0]["height"], json!(height));
    }
    // Formats, resolutions and three downloads share one look at the video.
    assert_eq!(youtube.times_resolved("dQw4w9WgXcQ"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn high_resolutions_as_mp4_go_through_webm_without_loss() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video("highhighhig", Video::with_heights("High", 2, &[1080, 1440]));
    let folder = tempfile::tempdir().unwrap();
    for (setting, codec) in [("lossless-h265", "hevc"), ("remux", "vp9")] {
        let daemon = daemon_for(&youtube, &format!("[clips]\nhigh_resolution_mp4 = '{setting}'"));
        let account = Account::register(&daemon).await;
        let id = account.save("https://youtube.com/shorts/highhighhig", 0.0, 1.0).await;
        let file = folder.path().join(setting);
        account.download_to(&id, &json!({ "resolution_preference": "1440p" }), &file).await;
        assert_codecs(&file, &[codec, "aac"]);
        assert_exact(&file, &video_webm(1440, 2), 0.0, 1.0);
        if codec == "hevc" {
            let source = frame_hashes(video_webm(1440, 2).file()).unwrap();
            assert_eq!(frame_hashes(&file).unwrap(), source[..30]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_own_code() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    let daemon = daemon_for(&youtube, "");
    let account = Account::register(&daemon).await;
    let mut codes = Vec::new();
    for (refusal, code) in [
        (Refusal::Private, "private_video"),
        (Refusal::Removed, "removed_video"),
        (Refusal::AgeGate, "age_restricted"),
        (Refusal::NotABot, "bot_check"),
        (Refusal::MembersOnly, "members_only"),
        (Refusal::Geo, "geo_blocked"),
    ] {
        let video = format!("{:-<11}", refusal.name().replace('_', "-"));
        let video = &video[..11];
        youtube.refuse(video, refusal);
        let id = account.save(&youtube.url(video), 1.0, 2.0).await;
        let preferences = json!({});
        let path = format!("/api/video/download/{id}");
        let failed = account.post(&path, &preferences);
        let failed = match tokio::time::timeout(Duration::from_secs(60), failed).await {
            Ok(failed) => failed,
            Err(_) => panic!("{code} takes too long"),
        };
        assert_eq!(failed.status, 500, "{code}: {failed:?}");
        assert_eq!(failed.body["code"], json!(code), "{failed:?}");
        assert!(failed.body["message"].is_string());
        codes.push(failed.body["message"].clone());
        let status = account.get(&format!("/api/video/status/{id}")).await.body;
        assert_eq!(status["status"], "failed");
        assert!(status["error_message"].is_string());
        let told = account.get(&format!("/api/video/formats/{video}")).await;
        assert_eq!(told.body["code"], json!(code), "{told:?}");
    }
    codes.dedup();
    assert_eq!(codes.len(), 6, "each has words of its own");
}

/// A live chat id as YouTube's chat gives it: base64url of a protobuf, field 1 {1: video id},
/// field 5 {1: channel, 2: video id}.
fn live_chat_id(video: &str) -> String {
    let channel = "UCclipmill0000000000test";
    let text =
        |field: u8, value: &str| [&[field << 3 | 2, value.len() as u8], value.as_bytes()].concat();
    let message =
        |field: u8, body: Vec<u8>| [vec![field << 3 | 2, body.len() as u8], body].concat();
    let first = message(1, text(1, video));
    let fifth = message(5, [text(1, channel), text(2, video)].concat());
    base64url(&[first, fifth].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_command_clips_the_moment_of_its_stream() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    // The stream began 14 s ago: 10 s before now is its fifth second.
    let began = seconds_since_1970() - 14;
    let video = Video::with_heights("Stream", 20, &[360]).live(Live::Was(began));
    youtube.video("livelivelil", video);
    let daemon = daemon_for(&youtube, "");
    let account = Account::register(&daemon).await;
    let path = format!(
        "/api/video/save/stream/{}/{}?user_id={}&message=nice%20save&offset=10&duration=4",
        account.public,
        live_chat_id("livelivelil"),
        account.user_id
    );
    // However long YouTube takes, the answer does not wait for it.
    server.behave("/youtube/", Behaviour::new().latency(Duration::from_secs(10)));
    let client = http();
    let asked = Instant::now();
    let saved_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let saved = answer(client.get(daemon.url(&path))).await;
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    server.behave_well();
    assert_eq!(saved.status, 201, "{saved:?}");
    assert_eq!(saved.body["youtube_video_id"], "livelivelil");
    let id = saved.body["video_id"].as_str().unwrap().to_owned();
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;

    let status = account.get(&format!("/api/video/status/{id}")).await.body;
    let (start, end) =
        (status["start_time"].as_f64().unwrap(), status["end_time"].as_f64().unwrap());
    let expected = saved_at - began as f64 - 10.0;
    assert!((start - expected).abs() < 0.5, "{start}, not {expected}");
    assert!((end - start - 4.0).abs() < 1e-6);
    assert_exact(file.path(), &video_mp4(360, 20), start, end);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_gets_a_line_of_text_whatever_happens() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    let daemon = daemon_for(&youtube, "");
    let account = Account::register(&daemon).await;
    let user = &account.user_id;
    let message = "x".repeat(600);
    for (token, query, headers) in [
        (account.public.as_str(), format!("user_id={user}&message=nice"), true),
        (account.public.as_str(), format!("user_id={user}&message={message}"), true),
        (account.public.as_str(), format!("user_id={user}&reply=text"), false),
        (account.token.as_str(), format!("user_id={user}"), true),
        ("nonsense", format!("user_id={user}"), true),
        (account.public.as_str(), "user_id=12345".to_owned(), true),
        (account.public.as_str(), format!("user_id={user}&offset=-4"), true),
    ] {
        let path = format!("/api/video/save/stream/{token}/dQw4w9WgXcQ?{query}");
        let mut request = http().get(daemon.url(&path));
        if headers {
            request = request.header("user-agent", "Nightbot-URL-Fetcher/0.0.3");
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with("text/plain"), "{kind}");
        let line = response.text().await.unwrap();
        assert!(line.chars().count() < 200 && !line.trim_end().contains('\n'), "{line}");
        assert!(!line.contains(token));
    }
    let list = account.get("/api/video/list").await.body;
    assert_eq!(list["videos"].as_array().map(Vec::len), Some(3), "three were saved: {list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_is_fetched_in_segments_and_cut_exactly() {
    let server = MediaServer::new();
    let clip = hls_ts();
    let playlist = clip.file();
    server.folder("/hls", playlist.parent().unwrap());
    let name = playlist.file_name().unwrap().to_str().unwrap();
    let youtube = YouTube::new(&server);
    let facts = json!({
        "ext": "mp4", "protocol": "m3u8_native", "vcodec": "avc1.640028", "acodec": "mp4a.40.2",
        "width": clip.width, "height": clip.height, "fps": 30,
    });
    let video = Video::new("HLS", clip.seconds()).format_at(
        "hls",
        &server.url(&format!("/hls/{name}")),
        facts,
    );
    youtube.video("hlshlshlshl", video);
    let daemon = daemon_for(&youtube, "");
    let account = Account::register(&daemon).await;
    let id = account.save(&youtube.url("hlshlshlshl"), 11.3, 13.0).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 11.3, 13.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_beyond_the_end_gives_what_there_is() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video("endendenden", Video::with_heights("End", 20, &[360]));
    let daemon = daemon_for(&youtube, "");
    let account = Account::register(&daemon).await;
    let id = account.save(&youtube.url("endendenden"), 19.0, 60.0).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_eq!(numbers(file.path()), (570..600).collect::<Vec<u32>>());
    let id = account.save(&youtube.url("endendenden"), 30.0, 60.0).await;
    let failed = account.post(&format!("/api/video/download/{id}"), &json!({})).await;
    assert_eq!(failed.status, 500, "{failed:?}");
    assert_eq!(failed.body["code"], "no_such_span");
}

/// URL-safe base64 without padding (RFC 4648, section 5).
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}
