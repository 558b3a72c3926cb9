//! Faults, by causing them.

use std::time::Duration;

use clipmill_tests::Behaviour;
use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use serde_json::json;

use crate::support::{ask, assert_exact, finished, numbers, served};

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_while_fetching_finishes_after_its_start() {
    let (server, clip) = served();
    server.behave("/main.mp4", Behaviour::new().throttle(40_000));
    let mut daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 50.0, 58.0).await;
    ask(&account, &id).await;
    let path = format!("/api/video/status/{id}");
    account.wait_for(&path, |body| body["progress"]["current_phase"] == "downloading").await;
    daemon.kill();
    server.behave_well();
    daemon.start_again();
    let account = account.at(&daemon);
    finished(&account, &id).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 50.0, 58.0);
    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
    assert_eq!(daemon.names_in("files").len(), 1);
}

/// An upload whose encode takes some seconds, and its encode under way.
async fn slow_encode(account: &Account) -> (String, Clip) {
    let clip = Clip::new(640, 360, 20);
    let uploaded = account.upload(&clip.file(), "long.mp4").await;
    let id = uploaded.body["encode_id"].as_str().unwrap().to_owned();
    let path = format!("/api/encode/start/{id}");
    let body = json!({ "video_codec": "h265", "quality_preset": "high" });
    let request = account.request(reqwest::Method::POST, &path).header("prefer", "respond-async");
    let request = request.header("content-type", "application/json").body(body.to_string());
    assert_eq!(request.send().await.unwrap().status(), 202);
    let status = format!("/api/encode/status/{id}");
    account.wait_for(&status, |body| body["progress"].as_f64().is_some_and(|p| p > 5.0)).await;
    (id, clip)
}

async fn encoded(account: &Account, id: &str, clip: &Clip) {
    let status = format!("/api/encode/status/{id}");
    let ended = account
        .wait_for(&status, |body| body["status"] == "completed" || body["status"] == "failed")
        .await;
    assert_eq!(ended["status"], "completed", "{ended}");
    let path = format!("/api/encode/download/{id}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let response = account.request(reqwest::Method::POST, &path).send().await.unwrap();
    std::fs::write(file.path(), response.bytes().await.unwrap()).unwrap();
    assert_eq!(numbers(file.path()), (0..clip.frames).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_while_encoding_finishes_after_its_start() {
    let mut daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let (id, clip) = slow_encode(&account).await;
    daemon.kill();
    no_child_outlives(&daemon).await;
    daemon.start_again();
    let account = account.at(&daemon);
    encoded(&account, &id, &clip).await;
    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
    assert_eq!(daemon.names_in("files").len(), 1);
}

/// Waits until no process names the daemon's data folder any more.
async fn no_child_outlives(daemon: &Daemon) {
    let folder = daemon.data().to_string_lossy().into_owned();
    let names_it = |entry: std::io::Result<std::fs::DirEntry>| {
        let line = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(&folder).then_some(())
    };
    for _ in 0..100 {
        if !std::fs::read_dir("/proc").unwrap().any(|entry| names_it(entry).is_some()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a child of the killed daemon still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_gives_the_job_back_uncounted() {
    let mut daemon = Daemon::start("[workers]\nmax_attempts = 1\nlease_seconds = 600");
    let account = Account::register(&daemon).await;
    let (id, clip) = slow_encode(&account).await;
    assert!(daemon.stop().success());
    assert!(daemon.log().contains("the worker gave the job back"));
    daemon.start_again();
    let account = account.at(&daemon);
    encoded(&account, &id, &clip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_behind_is_swept_at_the_start() {
    let mut daemon = Daemon::start("");
    daemon.stop();
    let orphan = "507f1f77bcf86cd799439011";
    for path in [
        format!("files/{orphan}-507f1f77bcf86cd799439012.mp4"),
        format!("uploads/{orphan}.mp4"),
        format!("uploads/{orphan}.part"),
        format!("work/{orphan}/half"),
    ] {
        let path = daemon.data().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "half a file").unwrap();
    }
    daemon.start_again();
    for folder in ["files", "uploads", "work"] {
        assert_eq!(daemon.names_in(folder), Vec::<String>::new(), "{folder}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_server_costs_time_and_never_a_frame() {
    let (server, clip) = served();
    let daemon = Daemon::start("[workers]\ncount = 2");
    let account = Account::register(&daemon).await;
    for (name, behaviour) in [
        ("drops twice", Behaviour::new().drop_after(30_000, 2)),
        ("fails twice", Behaviour::new().fail(503, 2)),
        ("too many requests", Behaviour::new().too_many(1, 1)),
        ("knows no ranges", Behaviour::new().without_ranges()),
        ("is slow to answer", Behaviour::new().latency(Duration::from_millis(150))),
    ] {
        server.behave("/main.mp4", behaviour);
        let id = account.save(&server.url("/main.mp4"), 33.3, 35.0).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        account.download_to(&id, &json!({}), file.path()).await;
        println!("a server that {name}");
        assert_exact(file.path(), &clip, 33.3, 35.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_gone_is_a_clear_error() {
    let (server, _) = served();
    let daemon = Daemon::start("[workers]\nmax_attempts = 2");
    let account = Account::register(&daemon).await;
    for (path, behaviour) in [
        ("/missing.mp4", Behaviour::new()),
        ("/main.mp4", Behaviour::new().fail(403, clipmill_tests::media_server::ALWAYS)),
    ] {
        server.behave(path, behaviour);
        let id = account.save(&server.url(path), 1.0, 2.0).await;
        for _ in 0..2 {
            let answer = account.post(&format!("/api/video/download/{id}"), &json!({})).await;
            assert_eq!(answer.status, 500, "{answer:?}");
            assert!(answer.body["code"].is_string() && answer.body["message"].is_string());
            assert!(answer.body["error"].is_string());
        }
    }
    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_stops_and_leaves_nothing() {
    let (server, _) = served();
    server.behave("/main.mp4", Behaviour::new().throttle(20_000));
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 50.0, 58.0).await;
    ask(&account, &id).await;
    let path = format!("/api/video/status/{id}");
    account.wait_for(&path, |body| body["progress"]["current_phase"] == "downloading").await;
    let cancel = account.post(&format!("/api/video/cancel/{id}"), &json!({})).await;
    assert!([200, 202].contains(&cancel.status), "{cancel:?}");
    account.wait_for(&path, |body| body["status"] == "pending").await;
    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
    let delete = account.request(reqwest::Method::DELETE, &format!("/api/video/{id}"));
    assert!(delete.send().await.unwrap().status().is_success());
    assert_eq!(account.get(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_again_and_again_finishes_in_the_end() {
    let (server, clip) = served();
    let mut daemon = Daemon::start("[workers]\nmax_attempts = 1000");
    let mut account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 20.0, 32.0).await;
    ask(&account, &id).await;
    // A walk takes about two seconds and a lease three: over the rounds, the kill hits every stage.
    for round in 0..12_u64 {
        tokio::time::sleep(Duration::from_millis(150 + 390 * (round % 10))).await;
        daemon.kill();
        daemon.start_again();
        account = account.at(&daemon);
    }
    finished(&account, &id).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 20.0, 32.0);
    assert_eq!(daemon.names_in("files").len(), 1);
    assert_eq!(daemon.names_in("work"), Vec::<String>::new());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_waited_out() {
    let (server, clip) = served();
    // Little more than the reserve that is kept free.
    let daemon = Daemon::start_in_room("[workers]\nmax_attempts = 50", 70);
    let account = Account::register(&daemon).await;
    let ballast = daemon.data().join("ballast");
    std::fs::write(&ballast, vec![1; 20 << 20]).unwrap();

    let large = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(large.path(), vec![0; 5 << 20]).unwrap();
    let refused = account.upload(large.path(), "large.mp4").await;
    assert_eq!(refused.body["code"], json!("disk_full"), "{refused:?}");
    assert_eq!(refused.status, 500);
    assert_eq!(daemon.names_in("uploads"), Vec::<String>::new());

    let id = account.save(&server.url("/main.mp4"), 20.0, 22.0).await;
    ask(&account, &id).await;
    let status = format!("/api/video/status/{id}");
    let waiting = account.wait_for(&status, |body| body["error_code"] == "disk_full").await;
    assert_eq!(waiting["status"], "processing");
    let ready = account.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body["problems"].to_string().contains("disk"), "{ready:?}");

    std::fs::remove_file(ballast).unwrap();
    finished(&account, &id).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 20.0, 22.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_hangs_does_not_hang_us() {
    let (server, clip) = served();
    let mut daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let id = account.save(&server.url("/main.mp4"), 20.0, 22.0).await;
    server.behave(
        "/main.mp4",
        Behaviour::new().stall_after(20_000, clipmill_tests::media_server::ALWAYS),
    );
    let client = (account.clone(), id.clone());
    let waiting = tokio::spawn(async move { client.0.download(&client.1, &json!({})).await });
    // Others are served meanwhile, and a stop is not held up: who waits is told to ask again.
    let path = format!("/api/video/status/{id}");
    account.wait_for(&path, |body| body["progress"]["current_phase"] == "downloading").await;
    let since = std::time::Instant::now();
    assert!(daemon.stop().success());
    assert!(since.elapsed() < Duration::from_secs(9), "{:?}", since.elapsed());
    assert_eq!(waiting.await.unwrap().status(), 202);
    server.behave_well();
    daemon.start_again();
    let account = account.at(&daemon);
    finished(&account, &id).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    account.download_to(&id, &json!({}), file.path()).await;
    assert_exact(file.path(), &clip, 20.0, 22.0);
}
