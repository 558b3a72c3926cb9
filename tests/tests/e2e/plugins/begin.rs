//! From nothing to a source that answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use clipmill_tests::MediaServer;
use clipmill_tests::daemon::program;
use clipmill_tests::media_server::Content;
use clipmill_tests::tool;
use serde_json::Value;

use super::{clipmill, text};

/// Compilers that may build for WebAssembly, the newest first.
const CLANGS: &[&str] =
    &["clang-22", "clang-21", "clang-20", "clang-19", "/opt/homebrew/opt/llvm/bin/clang", "clang"];

/// Runs `make` in a folder with `clipmill` at hand.
fn make(folder: &Path) {
    let there = |clang: &&&str| Command::new(clang).arg("--version").output().is_ok();
    let clang = CLANGS.iter().find(there).expect("a clang: run scripts/tools.sh guests");
    let home = program().parent().unwrap().to_owned();
    let tools = tool::search_path();
    let path = std::iter::once(home).chain(std::env::split_paths(&tools));
    let made = Command::new("make")
        .arg(format!("CLANG={clang}"))
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path).unwrap())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}{}", text(&made.stdout), text(&made.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_source_in_c_builds_and_answers() {
    let server = MediaServer::new();
    server.route("/api/videos/7/file", |_| {
        Some(Content::bytes("text/plain", "https://files.example.org/7.mp4\n"))
    });
    let folder = tempfile::tempdir().unwrap();
    let begun = clipmill(folder.path(), &[], &["plugin", "new", "--lang", "c", "site"]);
    assert!(begun.status.success(), "{}", text(&begun.stderr));
    let site = folder.path().join("site");
    make(&site);

    // The author's part: which site it is.
    for (file, from, to) in [
        ("plugin.c", "https://example.org", server.base()),
        ("site.toml", "\"example.org\"", "\"127.0.0.1\"".to_owned()),
    ] {
        let file = site.join(file);
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.contains(from), "{written}");
        fs::write(file, written.replace(from, &to)).unwrap();
    }
    make(&site);
    let url = server.url("/videos/7");
    let arguments = ["plugin", "test", "site/site.wasm", "--url", &url, "--json"];
    let tried = |environment: &[(&str, &str)]| {
        let tried = clipmill(folder.path(), environment, &arguments);
        let told: Value = serde_json::from_slice(&tried.stdout).expect("one JSON object");
        (tried.status.code().unwrap(), told)
    };
    let (code, told) = tried(&[]);
    assert_eq!((code, &told["ok"]), (0, &true.into()), "{told}");
    let format = &told["result"]["formats"][0];
    assert_eq!(told["result"]["id"], "7");
    assert_eq!(format["transport"]["url"], "https://files.example.org/7.mp4");
    let calls = told["calls"].as_array().unwrap();
    let resolve = calls.iter().find(|call| call["call"] == "resolve").unwrap();
    assert_eq!((&resolve["requests"], &resolve["received_bytes"]), (&1.into(), &32.into()));

    // What the operator says is in force here too.
    for refusal in [("CLIPMILL_NETWORK_ALLOW", ""), ("CLIPMILL_PLUGINS_GRANT", "listed")] {
        let (code, told) = tried(&[refusal]);
        assert_eq!((code, &told["ok"]), (3, &false.into()), "{refusal:?}: {told}");
    }
    let elsewhere = clipmill(
        folder.path(),
        &[],
        &["plugin", "test", "site/site.wasm", "--url", "https://example.net/videos/7"],
    );
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(text(&elsewhere.stdout).contains("claims   no"), "{}", text(&elsewhere.stdout));
}

#[test]
fn nothing_is_written_over_and_names_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("taken")).unwrap();
    for (arguments, part) in [
        (["--lang", "c", "taken"], "exists already"),
        (["--lang", "c", "../out"], "no name"),
        (["--lang", "c", "h264"], "built in"),
        (["--lang", "rust", "7up"], "letter"),
        (["--lang", "cobol", "site"], "rust"),
    ] {
        let ended = clipmill(folder.path(), &[], &[&["plugin", "new"], &arguments[..]].concat());
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        assert!(text(&ended.stderr).contains(part), "{arguments:?}: {}", text(&ended.stderr));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
