//! The README's sessions, as they stand there.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use clipmill_tests::MediaServer;
use clipmill_tests::cluster::{database, server as test_server};
use clipmill_tests::daemon::{Daemon, program};
use clipmill_tests::media::video_mp4;
use clipmill_tests::tool;
use clipmill_tests::youtube::{Video, YouTube};

use crate::support::{assert_codecs, assert_exact, numbers};

/// The first block of shell commands under a heading.
fn commands(heading: &str) -> String {
    let readme = fs::read_to_string(tool::workspace().join("README.md")).unwrap();
    let section = readme.split(heading).nth(1).expect("the heading is there");
    let block = section.split("```sh\n").nth(1).expect("a block of commands follows");
    block.split("```").next().unwrap().to_owned()
}

/// Runs commands in a folder; answers what they printed.
fn run(session: &str, folder: &Path, environment: &[(&str, &str)]) -> String {
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", session])
        .current_dir(folder)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    out
}

/// Digits that make three free ports with 1, 2 and 3 behind them.
fn free_ports() -> String {
    let free = |port: &u32| TcpListener::bind(("127.0.0.1", *port as u16)).is_ok();
    let digits = (2000..6500).find(|digits| (1..=3).all(|last| free(&(digits * 10 + last))));
    digits.expect("three free ports in a row").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_with_curl_does_what_it_says() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video("dQw4w9WgXcQ", Video::with_heights("A title", 65, &[360]));
    let plugins = youtube.plugin_dir().to_str().unwrap().to_owned();
    let daemon = Daemon::start_with("", &[("CLIPMILL_TOOLS_YT_DLP_PLUGIN_DIRS", &plugins)]);
    let folder = tempfile::tempdir().unwrap();
    let session =
        commands("## A session with curl").replace("http://localhost:5000", &daemon.url(""));
    assert!(session.contains(&daemon.url("/api")));
    let out = run(&session, folder.path(), &[]);
    assert!(!out.contains("\"error\""), "{out}");
    assert!(out.contains("\"status\":\"completed\"") && out.contains("\"resolutions\""), "{out}");
    assert_exact(&folder.path().join("clip.mp4"), &video_mp4(360, 65), 60.0, 62.5);
    assert_codecs(&folder.path().join("clip.webm"), &["vp9", "opus"]);
    assert_codecs(&folder.path().join("encoded.mp4"), &["hevc", "aac"]);
    assert_eq!(numbers(&folder.path().join("encoded.mp4")), (1800..1875).collect::<Vec<u32>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_with_a_cluster_does_what_it_says() {
    let server = MediaServer::new();
    let youtube = YouTube::new(&server);
    youtube.video("dQw4w9WgXcQ", Video::with_heights("A title", 65, &[360]));
    let plugins = youtube.plugin_dir().to_str().unwrap().to_owned();
    let name = format!("readme{}", std::process::id());
    let (mongodb, redis) = ("mongodb://127.0.0.1:27017/clipmill", "redis://127.0.0.1:6379/0");
    let shown = commands("## Cluster");
    assert!(shown.contains(mongodb) && shown.contains(redis));
    let session = shown
        .replace(mongodb, &database(&test_server("CLIPMILL_TEST_MONGODB_URI"), &name))
        .replace(redis, &test_server("CLIPMILL_TEST_REDIS_URI"))
        .replace("127.0.0.1:500", &format!("127.0.0.1:{}", free_ports()));
    let bin = program().parent().unwrap().to_str().unwrap().to_owned();
    let path = format!("{bin}:{}", tool::search_path().to_str().unwrap());
    let prefix = format!("{name}:");
    let environment = [
        ("PATH", path.as_str()),
        ("CLIPMILL_STORAGE_REDIS_PREFIX", &prefix),
        ("CLIPMILL_TOOLS_YT_DLP_PLUGIN_DIRS", &plugins),
        ("CLIPMILL_NETWORK_ALLOW", "127.0.0.0/8"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let out = run(&session, folder.path(), &environment);
    assert_eq!(out.matches("\"ready\":true").count(), 3, "{out}");
    assert!(out.contains("\"status\":\"completed\""), "{out}");
    assert_exact(&folder.path().join("clip.mp4"), &video_mp4(360, 65), 60.0, 62.5);
    for node in ["node1", "node2", "node3"] {
        let log = fs::read_to_string(folder.path().join(format!("{node}.log"))).unwrap();
        assert!(log.contains("stopped"), "{log}");
    }
}
