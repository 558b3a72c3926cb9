//! The README's session, as it stands there.

use std::fs;
use std::process::Command;

use clipmill_tests::MediaServer;
use clipmill_tests::daemon::Daemon;
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
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &session])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!out.contains("\"error\""), "{out}");
    assert!(out.contains("\"status\":\"completed\"") && out.contains("\"resolutions\""), "{out}");
    assert_exact(&folder.path().join("clip.mp4"), &video_mp4(360, 65), 60.0, 62.5);
    assert_codecs(&folder.path().join("clip.webm"), &["vp9", "opus"]);
    assert_codecs(&folder.path().join("encoded.mp4"), &["hevc", "aac"]);
    assert_eq!(numbers(&folder.path().join("encoded.mp4")), (1800..1875).collect::<Vec<u32>>());
}
