//! The session of the README, over HTTP: everything that one box does.

use clipmill_tests::MediaServer;
use clipmill_tests::api::{Account, http};
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::{ntsc, sixty, variable_rate, webm};
use reqwest::Method;
use serde_json::json;

use crate::support::{assert_codecs, assert_exact, numbers, served};

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_span_comes_back_as_exactly_its_frames() {
    let (server, clip) = served();
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let me = account.get("/api/auth/me").await;
    assert_eq!(me.body["user"]["id"], json!(account.user_id));

    let id = account.save(&server.url("/main.mp4"), 61.5, 64.25).await;
    let status = account.get(&format!("/api/video/status/{id}")).await.body;
    assert_eq!(status["status"], "pending");
    assert_eq!(status["start_time"], json!(61.5));
    assert_eq!(status["file_available"], json!(false));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.mp4");
    account.download_to(&id, &json!({}), &file).await;
    assert_exact(&file, &clip, 61.5, 64.25);
    assert_codecs(&file, &["h264", "aac"]);

    let status = account.get(&format!("/api/video/status/{id}")).await.body;
    assert_eq!(status["status"], "completed");
    assert_eq!(status["file_available"], json!(true));
    let list = account.get("/api/video/list").await.body;
    assert_eq!(list["videos"][0]["video_id"], json!(id));

    // The same again is the same file, at once; another format is another file.
    let again = account.download(&id, &json!({})).await;
    assert_eq!(again.bytes().await.unwrap(), std::fs::read(&file).unwrap());
    let other = folder.path().join("clip.webm");
    account.download_to(&id, &json!({ "format_preference": "webm" }), &other).await;
    assert_exact(&other, &clip, 61.5, 64.25);
    assert_codecs(&other, &["vp9", "opus"]);

    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
    assert_eq!(daemon.names_in("files").len(), 1, "the older rendition is gone");

    let metrics = http().get(daemon.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for counted in [
        "clipmill_queue_depth 0",
        "clipmill_bytes_total{flow=\"Fetched\"}",
        "clipmill_bytes_total{flow=\"Served\"}",
        "clipmill_stage_seconds_count{stage=\"transcode\"} 2",
        "route=\"/api/video/save\"",
    ] {
        assert!(metrics.contains(counted), "{counted} is not in\n{metrics}");
    }
    assert!(!daemon.log().contains(&account.token) && !daemon.log().contains(&account.public));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_source_is_cut_exactly() {
    let server = MediaServer::new();
    let daemon = Daemon::start("[workers]\ncount = 2");
    let account = Account::register(&daemon).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, clip, start, end) in [
        ("ntsc.mp4", ntsc(), 7.007, 9.5),
        ("ntsc.mp4", ntsc(), 1001.0 / 30000.0 * 100.0, 1001.0 / 30000.0 * 131.0),
        ("sixty.mp4", sixty(), 12.345, 13.0),
        ("variable.mp4", variable_rate(), 3.3, 6.1),
        ("webm.webm", webm(), 21.5, 23.0),
        // From the beginning, and beyond the end.
        ("ntsc.mp4", ntsc(), 0.0, 0.5),
        ("sixty.mp4", sixty(), 19.5, 25.0),
        // A single frame.
        ("sixty.mp4", sixty(), 5.0, 5.01),
    ] {
        server.file(&format!("/{name}"), clip.file());
        let id = account.save(&server.url(&format!("/{name}")), start, end).await;
        let file = folder.path().join(format!("{id}.mp4"));
        account.download_to(&id, &json!({}), &file).await;
        assert_exact(&file, &clip, start, end);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_span_is_fetched() {
    let (server, clip) = served();
    let whole = std::fs::metadata(clip.file()).unwrap().len();
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 60.0, 63.0).await;
    assert_eq!(account.download(&id, &json!({})).await.status(), 200);
    let sent = server.stats("/main.mp4").bytes_sent;
    assert!(sent < whole / 2, "{sent} of {whole} bytes were fetched for 3 of 90 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_served_in_parts_and_by_head() {
    let (server, _) = served();
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    let path = format!("/api/video/download/{id}");
    let whole = account.download(&id, &json!({})).await;
    let header = |name: &str| whole.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "video/mp4");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-disposition"), format!("attachment; filename=\"video_{id}.mp4\""));
    let length: u64 = header("content-length").parse().unwrap();
    let whole = whole.bytes().await.unwrap();
    assert_eq!(whole.len() as u64, length);

    let part = account.request(Method::GET, &path).header("range", "bytes=100-299").send();
    let part = part.await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 100-299/{length}"));
    assert_eq!(part.bytes().await.unwrap(), whole.slice(100..300));
    let tail = account.request(Method::GET, &path).header("range", "bytes=-10").send();
    assert_eq!(tail.await.unwrap().bytes().await.unwrap(), whole.slice(whole.len() - 10..));
    let beyond = format!("bytes={length}-");
    let beyond = account.request(Method::GET, &path).header("range", beyond).send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    let head = account.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], length.to_string().as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_records_go_when_their_time_is_over() {
    let (server, _) = served();
    let daemon = Daemon::start("[retention]\nminutes = 0.08\nsweep_minutes = 0.01");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    assert_eq!(account.download(&id, &json!({})).await.status(), 200);
    let upload = account.upload(&clip_of_five_seconds(), "mine.mp4").await;
    let encode = upload.body["encode_id"].as_str().unwrap().to_owned();
    let start = json!({ "video_codec": "h264", "quality_preset": "medium" });
    assert_eq!(account.post(&format!("/api/encode/start/{encode}"), &start).await.status, 200);

    account.wait_for(&format!("/api/video/status/{id}"), |body| body["code"] == "not_found").await;
    let gone = format!("/api/encode/status/{encode}");
    account.wait_for(&gone, |body| body["code"] == "not_found").await;
    for folder in ["files", "uploads", "work"] {
        assert_eq!(daemon.names_in(folder), Vec::<String>::new(), "{folder}");
    }
    // A clip that nobody asked for yet has no end.
    let waiting = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(account.get(&format!("/api/video/status/{waiting}")).await.status, 200);
}

fn clip_of_five_seconds() -> std::path::PathBuf {
    clipmill_tests::media::Clip::new(320, 180, 5).file()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_read_is_not_cut_off() {
    let (server, _) = served();
    let daemon = Daemon::start("[retention]\nminutes = 0.06\nsweep_minutes = 0.01");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 10.0, 40.0).await;
    let mut reading = account.download(&id, &json!({})).await;
    assert_eq!(reading.status(), 200);
    let length = reading.content_length().unwrap();
    let mut bytes = reading.chunk().await.unwrap().unwrap().to_vec();
    account.wait_for(&format!("/api/video/status/{id}"), |body| body["code"] == "not_found").await;
    while let Some(chunk) = reading.chunk().await.unwrap() {
        bytes.extend(chunk);
    }
    assert_eq!(bytes.len() as u64, length);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    assert_eq!(numbers(file.path()).len(), 900);
}
