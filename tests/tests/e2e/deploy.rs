//! The files in examples/deploy, as they are.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use clipmill_tests::tool;
use serde_json::json;

use crate::nginx::Nginx;
use crate::support::{assert_exact, served};

#[tokio::test(flavor = "multi_thread")]
async fn clips_and_uploads_go_through_nginx() {
    let (server, clip) = served();
    let daemon = Daemon::start("[server]\ntrusted_proxies = [\"127.0.0.1/32\"]");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let shipped = fs::read_to_string(tool::workspace().join("examples/deploy/nginx.conf")).unwrap();
    let backend = daemon.url("").trim_start_matches("http://").to_owned();
    let site = shipped
        .replace("127.0.0.1:5000", &backend)
        .replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
        .replace("/var/log/nginx", &at.to_string());
    assert!(site.contains(&backend) && site.contains(&port.to_string()));
    let _nginx = Nginx::start(folder.path(), &site, port);

    let direct = Account::register(&daemon).await;
    let account = direct.through(&format!("http://127.0.0.1:{port}"));
    let id = account.save(&server.url("/main.mp4"), 61.5, 62.25).await;
    let file = folder.path().join("clip.mp4");
    account.download_to(&id, &json!({}), &file).await;
    assert_exact(&file, &clip, 61.5, 62.25);
    let uploaded = account.upload(&Clip::new(320, 180, 5).file(), "mine.mp4").await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");

    let stream = format!("/api/video/save/stream/{}/dQw4w9WgXcQ?user_id=x", account.public);
    account.get(&stream).await;
    let log = fs::read_to_string(folder.path().join("clipmill.log")).unwrap();
    assert!(log.contains("/api/video/download/") && !log.contains(&account.public));
}

#[cfg(target_os = "linux")]
#[test]
fn the_unit_is_valid_and_hardened() {
    let folder = tempfile::tempdir().unwrap();
    let shipped =
        fs::read_to_string(tool::workspace().join("examples/deploy/clipmill.service")).unwrap();
    let unit = shipped
        .replace("/usr/local/bin/clipmill", clipmill_tests::daemon::program().to_str().unwrap());
    let path = folder.path().join("clipmill.service");
    fs::write(&path, unit).unwrap();
    let path = path.to_str().unwrap();
    let verified = tool::run("systemd-analyze", ["verify", path]).unwrap();
    assert!(!verified.stderr.contains("clipmill.service"), "{}", verified.stderr);
    let arguments = ["security", "--offline=true", "--threshold=20", path];
    let rated = tool::run("systemd-analyze", arguments).unwrap();
    assert!(String::from_utf8_lossy(&rated.stdout).contains("Overall exposure level"));
}

/// What each daemon of a shipped cluster is told, taken as its users would take it.
#[test]
fn the_files_of_a_cluster_hold_settings_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let deploy = tool::workspace().join("examples/deploy");
    let check = |arguments: &[&str], environment: &[(String, String)]| {
        let checked = Command::new(clipmill_tests::daemon::program())
            .args(["config", "print"])
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        String::from_utf8(checked.stdout).unwrap()
    };
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let secrets = owned(&[
        ("MONGODB_URI", "mongodb://db.example.org/clipmill"),
        ("REDIS_URI", "redis://cache.example.org"),
        ("JWT_PUBLIC_SECRET", "0123456789abcdef-public"),
        ("JWT_PRIVATE_SECRET", "0123456789abcdef-private"),
    ]);
    let toml = deploy.join("cluster.toml");
    let printed = check(&["--config", toml.to_str().unwrap()], &secrets);
    assert!(printed.contains("s3://clipmill/production"), "{printed}");

    let compose = fs::read_to_string(deploy.join("compose.yml")).unwrap();
    let section = compose.split("    environment:\n").nth(1).unwrap();
    let lines = section.lines().take_while(|line| line.starts_with("      "));
    let mut environment: Vec<(String, String)> = lines
        .map(|line| line.trim().split_once(": ").unwrap())
        .map(|(name, value)| {
            let value = if value.starts_with('$') {
                format!("a secret for {name}")
            } else {
                value.to_owned()
            };
            (name.to_owned(), value)
        })
        .collect();
    assert!(environment.len() > 6, "{environment:?}");
    let printed = check(&[], &environment);
    for (name, value) in &environment {
        let secret = name.contains("SECRET") || name.ends_with("_URI");
        let ours = name.starts_with("CLIPMILL_");
        assert!(secret || !ours || printed.contains(value.as_str()), "{name} is not in\n{printed}");
    }
    environment.retain(|(name, _)| name != "JWT_PUBLIC_SECRET");
    let refused = Command::new(clipmill_tests::daemon::program())
        .args(["config", "check"])
        .current_dir(folder.path())
        .env_clear()
        .envs(environment)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("JWT_PUBLIC_SECRET"));
}
