//! The files in examples/deploy, as they are.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::media::Clip;
use clipmill_tests::tool;
use serde_json::json;

use crate::support::{assert_exact, served};

/// nginx in the foreground, killed when dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
        .concat();
    let main = format!(
        "daemon off;\npid {at}/pid;\nerror_log {at}/error.log;\nmaster_process off;\n\
         events {{}}\nhttp {{\n{temp}{site}\n}}\n"
    );
    fs::write(folder.path().join("nginx.conf"), main).unwrap();
    let child = Command::new(tool::find("nginx").unwrap())
        .args(["-p", &at.to_string(), "-c", &format!("{at}/nginx.conf"), "-e"])
        .arg(folder.path().join("error.log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _nginx = Nginx(child);
    let since = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
        assert!(since.elapsed() < Duration::from_secs(10), "nginx does not listen: {log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

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
