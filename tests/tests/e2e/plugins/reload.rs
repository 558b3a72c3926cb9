//! Files that come, change and go under a running daemon.

use std::fs;
use std::time::Duration;

use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::guests;
use serde_json::json;

use super::{logged, offered};

/// The manifest of an example with another version.
fn version(plugins: &std::path::Path, name: &str, version: &str) {
    let built = fs::read_to_string(guests::folder().join(format!("{name}.toml"))).unwrap();
    let lines = built.lines().map(|line| match line.starts_with("version") {
        true => format!("version = '{version}'\n"),
        false => format!("{line}\n"),
    });
    fs::write(plugins.join(format!("{name}.toml")), lines.collect::<String>()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_come_change_and_go_while_the_daemon_runs() {
    let daemon = Daemon::start("");
    let account = Account::register(&daemon).await;
    let plugins = daemon.data().join("plugins");
    assert!(plugins.is_dir(), "there is a place to drop them into");

    guests::drop_into(&plugins, "webm");
    let took = logged(&daemon, &["plugin loaded", "webm"]).await;
    println!("added after {took:?}");
    assert_eq!(offered(&account).await["webm"], json!(["lossless", "high", "medium"]));

    version(&plugins, "webm", "9.8.7");
    let took = logged(&daemon, &["plugin replaced", "9.8.7"]).await;
    println!("replaced after {took:?}");

    // Half a file, as a slow copy leaves it for a while, is no reason to let the good one go.
    let whole = fs::read(plugins.join("webm.wasm")).unwrap();
    fs::write(plugins.join("webm.wasm"), &whole[..whole.len() / 2]).unwrap();
    logged(&daemon, &["does not load", "webm"]).await;
    assert!(offered(&account).await["webm"].is_array(), "the good version stays in use");
    version(&plugins, "webm", "9.9.9");
    fs::write(plugins.join("webm.wasm"), &whole).unwrap();
    logged(&daemon, &["plugin replaced", "9.9.9"]).await;

    for extension in ["wasm", "toml"] {
        fs::remove_file(plugins.join(format!("webm.{extension}"))).unwrap();
    }
    let took = logged(&daemon, &["plugin removed", "webm"]).await;
    println!("removed after {took:?}");
    assert!(offered(&account).await["webm"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_watching_a_restart_takes_them_up() {
    let mut daemon = Daemon::start("[plugins]\nwatch = false");
    let account = Account::register(&daemon).await;
    guests::drop_into(&daemon.data().join("plugins"), "webm");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(offered(&account).await["webm"].is_null());
    assert!(daemon.stop().success());
    daemon.start_again();
    let account = account.at(&daemon);
    assert!(offered(&account).await["webm"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_codec_that_is_gone_waits_for_it() {
    let daemon = Daemon::start("[workers]\ncount = 1");
    let account = Account::register(&daemon).await;
    let plugins = daemon.data().join("plugins");
    guests::drop_into(&plugins, "webm");
    logged(&daemon, &["plugin loaded", "webm"]).await;
    let clip = clipmill_tests::media::Clip::new(320, 180, 2);
    let uploaded = account.upload(&clip.file(), "Mine.mp4").await;
    let id = uploaded.body["encode_id"].as_str().unwrap().to_owned();
    for extension in ["wasm", "toml"] {
        fs::remove_file(plugins.join(format!("webm.{extension}"))).unwrap();
    }
    let want = json!({ "video_codec": "webm", "quality_preset": "medium" });
    let path = format!("/api/encode/start/{id}");
    let request = account
        .request(reqwest::Method::POST, &path)
        .header("content-type", "application/json")
        .header("prefer", "respond-async")
        .body(want.to_string());
    let answer = request.send().await.unwrap();
    // The file may go before or after the request; either way the answer is clear.
    match answer.status().as_u16() {
        400 => {
            let body: serde_json::Value =
                serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            assert_eq!(body["code"], "invalid_codec");
        }
        202 => {
            logged(&daemon, &["plugin removed", "webm"]).await;
            guests::drop_into(&plugins, "webm");
            let status = format!("/api/encode/status/{id}");
            let ended = account
                .wait_for(&status, |body| {
                    body["status"] == "completed" || body["status"] == "failed"
                })
                .await;
            assert_eq!(ended["status"], "completed", "{ended}");
        }
        other => panic!("{other}"),
    }
}
