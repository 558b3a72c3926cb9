//! The real daemon with its files in a bucket.

use std::process::Command;
use std::time::{Duration, Instant};

use clipmill_tests::api::{Account, http};
use clipmill_tests::daemon::{Daemon, program};
use clipmill_tests::media::Clip;
use clipmill_tests::s3::{Asked, S3, WRITER};
use clipmill_tests::tool;
use reqwest::{Client, Method, Response};
use serde_json::json;

use crate::support::{assert_codecs, assert_exact, numbers, served};

/// A daemon with its files below `mill` in the bucket.
fn start(s3: &S3, more: &str) -> Daemon {
    Daemon::start_with(&format!("{}{more}", s3.section("mill")), &WRITER)
}

fn files(s3: &S3) -> Vec<String> {
    s3.names_in("mill/files")
}

fn uploads(s3: &S3) -> Vec<String> {
    s3.names_in("mill/uploads")
}

/// A client that shows redirects instead of following them.
fn stubborn() -> Client {
    // Made by the other one: the provider of cryptography.
    let _ = http();
    let builder = Client::builder().no_proxy().tls_certs_only([]);
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn ask(account: &Account, daemon: &Daemon, method: Method, path: &str) -> Response {
    let request = stubborn().request(method, daemon.url(path)).bearer_auth(&account.token);
    request.send().await.unwrap()
}

async fn encode(account: &Account, clip: &Clip) -> String {
    let uploaded = account.upload(&clip.file(), "mine.mkv").await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let id = uploaded.body["encode_id"].as_str().unwrap().to_owned();
    let start = json!({ "video_codec": "h264", "quality_preset": "medium" });
    let started = account.post(&format!("/api/encode/start/{id}"), &start).await;
    assert_eq!(started.status, 200, "{started:?}");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn clips_and_uploads_live_in_the_bucket() {
    let (server, clip) = served();
    let s3 = S3::new();
    let daemon = start(&s3, "");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 61.5, 64.25).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.mp4");
    account.download_to(&id, &json!({}), &file).await;
    assert_exact(&file, &clip, 61.5, 64.25);
    assert_eq!(files(&s3).len(), 1);
    let whole = std::fs::read(&file).unwrap();

    let path = format!("/api/video/download/{id}");
    let part = account.request(Method::GET, &path).header("range", "bytes=100-299").send();
    let part = part.await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 100-299/{}", whole.len()));
    let version = part.headers()["etag"].clone();
    assert_eq!(part.bytes().await.unwrap(), &whole[100..300]);
    let tail = account.request(Method::GET, &path).header("range", "bytes=-10");
    let tail = tail.header("if-range", version).send().await.unwrap();
    assert_eq!(tail.bytes().await.unwrap(), &whole[whole.len() - 10..]);
    let head = account.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], whole.len().to_string().as_str());

    // Another rendition replaces the first one.
    let other = folder.path().join("clip.webm");
    account.download_to(&id, &json!({ "format_preference": "webm" }), &other).await;
    assert_codecs(&other, &["vp9", "opus"]);
    assert_eq!(files(&s3).len(), 1, "the older rendition is gone");

    let short = Clip::new(320, 180, 5);
    let encoded = encode(&account, &short).await;
    assert_eq!((files(&s3).len(), uploads(&s3)), (2, vec![format!("{encoded}.mkv")]));
    let got = account.request(Method::GET, &format!("/api/encode/download/{encoded}"));
    std::fs::write(&file, got.send().await.unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!(numbers(&file), (0..short.frames).collect::<Vec<_>>());

    // Nothing of it is on the daemon's own disk.
    for name in ["files", "uploads", "work"] {
        assert_eq!(daemon.names_in(name), Vec::<String>::new(), "{name}");
    }

    // A record whose object is gone says so, and takes the upload along when it goes.
    std::fs::remove_file(s3.folder().join("mill/files").join(&files(&s3)[0])).unwrap();
    let gone = account.get(&path).await;
    assert_eq!((gone.status, &gone.body["code"]), (404, &json!("file_gone")), "{gone:?}");
    let delete = account.request(Method::DELETE, &format!("/api/video/{encoded}"));
    assert!(delete.send().await.unwrap().status().is_success());
    assert_eq!((files(&s3), uploads(&s3)), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_go_when_their_time_is_over() {
    let (server, _) = served();
    let s3 = S3::new();
    let daemon = start(&s3, "[retention]\nminutes = 0.08\nsweep_minutes = 0.01");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    assert_eq!(account.download(&id, &json!({})).await.status(), 200);
    let encoded = encode(&account, &Clip::new(320, 180, 5)).await;
    for path in [format!("/api/video/status/{id}"), format!("/api/encode/status/{encoded}")] {
        account.wait_for(&path, |body| body["code"] == "not_found").await;
    }
    let since = Instant::now();
    while !(files(&s3).is_empty() && uploads(&s3).is_empty()) {
        assert!(since.elapsed() < Duration::from_secs(10), "{:?}{:?}", files(&s3), uploads(&s3));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_sent_to_the_bucket_when_it_is_configured() {
    let (server, clip) = served();
    let s3 = S3::new();
    // The file lives for a shorter time than an address would.
    let more = "redirect = true\nredirect_seconds = 600\n[retention]\nminutes = 2";
    let daemon = start(&s3, more);
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 10.0, 12.5).await;
    let path = format!("/api/video/download/{id}");
    let file = tempfile::NamedTempFile::new().unwrap();

    // After a POST the client must GET; the first one makes the file.
    for (method, status) in [(Method::POST, 303), (Method::POST, 303), (Method::GET, 302)] {
        let told = ask(&account, &daemon, method.clone(), &path).await;
        assert_eq!(told.status(), status, "{method}");
        assert_eq!(told.headers()["cache-control"], "no-store");
        let to = url::Url::parse(told.headers()["location"].to_str().unwrap()).unwrap();
        assert!(to.as_str().starts_with(&s3.endpoint()), "{to}");
        let life = to.query_pairs().find(|(name, _)| name == "X-Amz-Expires").unwrap().1;
        let life: u64 = life.parse().unwrap();
        assert!((30..=120).contains(&life), "{life} s, of a file that goes after 120");
        let got = http().get(to).send().await.unwrap();
        assert_eq!(got.status(), 200);
        let name = format!("attachment; filename=\"video_{id}.mp4\"");
        assert_eq!(got.headers()["content-disposition"], name.as_str());
        assert_eq!(got.headers()["content-type"], "video/mp4");
        std::fs::write(file.path(), got.bytes().await.unwrap()).unwrap();
        assert_exact(file.path(), &clip, 10.0, 12.5);
    }

    // A client that follows gets the file, or the part that it wants, whatever it asked with.
    let whole = std::fs::read(file.path()).unwrap();
    let followed = account.download(&id, &json!({})).await;
    assert_eq!(followed.bytes().await.unwrap(), whole);
    let part = account.request(Method::GET, &path).header("range", "bytes=5-9").send();
    let part = part.await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), &whole[5..10]);
    // An address is good for a GET only, so a HEAD is answered here.
    let head = ask(&account, &daemon, Method::HEAD, &path).await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], whole.len().to_string().as_str());

    let encoded = encode(&account, &Clip::new(320, 180, 5)).await;
    let path = format!("/api/encode/download/{encoded}");
    assert_eq!(ask(&account, &daemon, Method::POST, &path).await.status(), 303);
    let got = account.request(Method::POST, &path).send().await.unwrap();
    let name = got.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(name, "attachment; filename=\"mine_h264_medium.mp4\"");

    // What is gone is told here, not by the service.
    for name in files(&s3) {
        std::fs::remove_file(s3.folder().join("mill/files").join(name)).unwrap();
    }
    let gone = ask(&account, &daemon, Method::POST, &path).await;
    assert_eq!(gone.status(), 404);
    assert!(gone.text().await.unwrap().contains("file_gone"));
    assert!(!daemon.log().contains("X-Amz-Signature"), "addresses are secrets");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_away_is_waited_for_and_told() {
    let (server, clip) = served();
    let s3 = S3::new();
    let daemon = start(&s3, "[workers]\nmax_attempts = 1");
    let account = Account::register(&daemon).await;
    let first = account.save(&server.url("/main.mp4"), 1.0, 2.0).await;
    assert_eq!(account.download(&first, &json!({})).await.status(), 200);
    let uploaded = account.upload(&Clip::new(320, 180, 5).file(), "mine.mp4").await;
    let encoded = uploaded.body["encode_id"].as_str().unwrap().to_owned();

    s3.away(true);
    // Who asks is told to come again; what was received is not kept half.
    let away = account.get(&format!("/api/video/download/{first}")).await;
    assert_eq!((away.status, &away.body["code"]), (503, &json!("artifact_store")), "{away:?}");
    let refused = account.upload(&Clip::new(320, 180, 5).file(), "other.mp4").await;
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("artifact_store")));
    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
    let ready = account.get("/readyz").await;
    assert_eq!(ready.status, 503);
    let problems = ready.body["problems"].to_string();
    assert!(problems.contains("artifact store") && !problems.contains("127.0.0.1"), "{problems}");

    // Work waits, and counts no failed attempt: there is only one.
    let second = account.save(&server.url("/main.mp4"), 20.0, 22.0).await;
    let path = format!("/api/video/download/{second}");
    for path in [path.clone(), format!("/api/encode/start/{encoded}")] {
        let want = json!({ "video_codec": "h264", "quality_preset": "medium" });
        let body = if path.contains("encode") { want } else { json!({}) };
        let request = account.request(Method::POST, &path).header("prefer", "respond-async");
        let request = request.header("content-type", "application/json").body(body.to_string());
        assert_eq!(request.send().await.unwrap().status(), 202);
    }
    let since = Instant::now();
    while !daemon.log().contains("waits for the artifact store") {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing waits");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    s3.away(false);
    account.wait_for("/readyz", |body| body["ready"] == true).await;
    for path in [format!("/api/video/status/{second}"), format!("/api/encode/status/{encoded}")] {
        let ended = account
            .wait_for(&path, |body| body["status"] == "completed" || body["status"] == "failed")
            .await;
        assert_eq!(ended["status"], "completed", "{ended}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&second, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 20.0, 22.0);
    assert_eq!(files(&s3).len(), 3);
    assert_eq!(uploads(&s3).len(), 1, "the refused upload is not there");
    // Two clips and one encode: nothing was made twice.
    let metrics = http().get(daemon.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let made = "clipmill_stage_seconds_count{stage=\"transcode\"} 3";
    assert!(metrics.contains(made), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_goes_in_parts_and_comes_back_for_its_encode() {
    let s3 = S3::new();
    let daemon = start(&s3, "");
    let account = Account::register(&daemon).await;
    let clip = Clip::new(320, 180, 5);
    // A film with a long tail of nothing, as players forgive it.
    let large = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(clip.file(), large.path()).unwrap();
    let free = [&(20_u32 << 20).to_be_bytes()[..], b"free", &vec![0; (20 << 20) - 8]].concat();
    let mut all = std::fs::read(large.path()).unwrap();
    all.extend(free);
    std::fs::write(large.path(), &all).unwrap();
    let uploaded = account.upload(large.path(), "large.mp4").await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    assert_eq!((s3.count(Asked::Begin), s3.count(Asked::Part)), (1, 3));
    let kept = s3.folder().join("mill/uploads").join(&uploads(&s3)[0]);
    assert!(std::fs::read(kept).unwrap() == all);
    let id = uploaded.body["encode_id"].as_str().unwrap();
    // The way to the encoder breaks off, and goes on.
    s3.cut(5 << 20, 2);
    let start = json!({ "video_codec": "h264", "quality_preset": "medium" });
    let started = account.post(&format!("/api/encode/start/{id}"), &start).await;
    assert_eq!(started.status, 200, "{started:?}");
    let got = account.request(Method::GET, &format!("/api/encode/download/{id}")).send().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), got.unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!(numbers(file.path()), (0..clip.frames).collect::<Vec<_>>());
    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
}

#[test]
fn a_daemon_does_not_start_on_a_bucket_that_it_can_not_use() {
    let s3 = S3::new();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let [id, _] = WRITER;
    let guessed = [id, ("AWS_SECRET_ACCESS_KEY", "guessed")];
    for (section, variables, word) in [
        (s3.section("mill"), guessed, "refuses the credentials"),
        (s3.section("mill").replace("s3://clips", "s3://other"), WRITER, "no bucket `other`"),
        (s3.section("mill").replace("http://", "https://"), WRITER, "can't be reached"),
        ("[artifacts]\nredirect = true\n".to_owned(), WRITER, "artifacts.redirect"),
    ] {
        std::fs::write(&config, section).unwrap();
        let ended = Command::new(program())
            .args(["serve", "--listen", "127.0.0.1:0", "--data", "data"])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", tool::search_path())
            .envs(variables)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && told.contains(word), "`{word}` is not in: {told}");
        assert!(!told.contains("guessed"), "{told}");
    }
}
