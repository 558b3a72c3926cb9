//! The command line, without a server.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use clipmill_tests::daemon::{Daemon, program};
use clipmill_tests::media::Clip;
use clipmill_tests::tool;
use serde_json::Value;

use crate::support::{assert_codecs, assert_exact, numbers, served};

fn clipmill(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .current_dir(folder)
        .env("PATH", tool::search_path())
        .env("CLIPMILL_NETWORK_ALLOW", "127.0.0.0/8")
        .env("CLIPMILL_AUTH_BCRYPT_COST", "4")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn clip_writes_exactly_the_frames() {
    let (server, clip) = served();
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("/main.mp4");
    let made = clipmill(
        folder.path(),
        &["clip", &url, "--from", "1:02.5", "--to", "0:01:04", "-o", "out.mp4"],
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(text(&made.stdout).starts_with("out.mp4"));
    assert_exact(&folder.path().join("out.mp4"), &clip, 62.5, 64.0);

    let again =
        clipmill(folder.path(), &["clip", &url, "--from", "1", "--to", "2", "-o", "out.mp4"]);
    assert_eq!(again.status.code(), Some(2), "an existing file is not overwritten");
    let local = clip.file();
    let local = local.to_str().unwrap();
    let made = clipmill(folder.path(), &["clip", local, "--from", "3.2", "--to", "4", "--json"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let events: Vec<Value> =
        text(&made.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let done = events.last().unwrap();
    assert_eq!(done["event"], "done");
    assert_exact(&folder.path().join(done["path"].as_str().unwrap()), &clip, 3.2, 4.0);
    // Its name says what it is to be.
    let named = ["clip", local, "--from", "3.2", "--to", "3.4", "-o", "short.webm"];
    assert!(clipmill(folder.path(), &named).status.success());
    assert_codecs(&folder.path().join("short.webm"), &["vp9", "opus"]);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 3, "only the three files are there: {names:?}");
}

#[test]
fn encode_writes_the_codec() {
    let folder = tempfile::tempdir().unwrap();
    let clip = Clip::new(320, 180, 5);
    let input = clip.file();
    let input = input.to_str().unwrap();
    let arguments = ["encode", input, "--codec", "av1", "--quality", "high", "-o", "out.mp4"];
    let made = clipmill(folder.path(), &arguments);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let file = folder.path().join("out.mp4");
    assert_codecs(&file, &["av1", "aac"]);
    assert_eq!(numbers(&file).len() as u32, clip.frames);
}

#[test]
fn exit_codes_tell_what_kind_of_failure_it_was() {
    let (server, _) = served();
    let folder = tempfile::tempdir().unwrap();
    let missing = server.url("/missing.mp4");
    let there = server.url("/main.mp4");
    for (arguments, code) in [
        (vec!["clip", &missing, "--from", "1", "--to", "2"], 3),
        (vec!["clip", &there, "--from", "900", "--to", "901"], 3),
        (vec!["clip", &there, "--from", "2", "--to", "1"], 2),
        (vec!["clip", "no file and no address", "--from", "1", "--to", "2"], 2),
        (vec!["clip", "-rf", "--from", "1", "--to", "2"], 2),
        (vec!["encode", "missing.avi"], 2),
        (vec!["config", "check", "--config", "missing.toml"], 2),
    ] {
        let ended = clipmill(folder.path(), &arguments);
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {}", text(&ended.stderr));
        assert!(!ended.stderr.is_empty());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn accounts_are_made_listed_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let with_password = |arguments: &[&str], password: &str| {
        use std::io::Write as _;
        use std::process::Stdio;
        let mut child = Command::new(program())
            .args(arguments)
            .current_dir(folder.path())
            .env("CLIPMILL_AUTH_BCRYPT_COST", "4")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let add = ["user", "add", "Me@Example.org", "--password-stdin"];
    assert_eq!(with_password(&add, "short\n").status.code(), Some(2));
    let made = with_password(&add, "long enough\n");
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_eq!(with_password(&add, "long enough\n").status.code(), Some(2));
    let passwd = ["user", "passwd", "me@example.org", "--password-stdin"];
    assert!(with_password(&passwd, "another one\n").status.success());
    let list = clipmill(folder.path(), &["user", "list", "--json"]);
    let line: Value = serde_json::from_str(text(&list.stdout).trim()).unwrap();
    assert_eq!(line["email"], "me@example.org");
}

#[test]
fn doctor_lists_what_is_there_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let all = clipmill(folder.path(), &["doctor"]);
    assert!(all.status.success(), "{}", text(&all.stdout));
    for name in ["ffmpeg", "encoders", "yt-dlp", "JavaScript", "data folder", "plugins"] {
        assert!(text(&all.stdout).contains(name), "{name}");
    }
    let none = Command::new(program())
        .arg("doctor")
        .current_dir(folder.path())
        .env("PATH", folder.path())
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(5));
    let told = text(&none.stdout);
    assert!(told.contains("install ffmpeg") && told.contains("yt-dlp"), "{told}");
}

#[test]
fn the_configuration_is_checked_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "[clips]\nformat = 'avi'\nwhat = 1\n")
        .unwrap();
    let checked = clipmill(folder.path(), &["config", "check"]);
    assert_eq!(checked.status.code(), Some(2));
    let told = text(&checked.stderr);
    assert!(told.contains("clips.format") && told.contains("what"), "{told}");
    std::fs::write(folder.path().join("config.toml"), "[clips]\nformat = 'webm'\n").unwrap();
    let printed = clipmill(folder.path(), &["config", "print"]);
    assert!(text(&printed.stdout).contains("format = \"webm\""));
}

#[test]
fn what_is_no_plugin_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("text.wasm", b"hello");
    write("core.wasm", b"\0asm\x01\0\0\0");
    write("bad.toml", b"name = 'bad'\nversion = '1'\napi = '9.9'\nkind = 'source'\n");
    for (arguments, code, part) in [
        (vec!["check", "text.wasm"], 3, "not WebAssembly"),
        (vec!["check", "core.wasm"], 3, "clipmill plugin pack"),
        (vec!["check", "missing.wasm"], 3, "no such plugin"),
        (vec!["test", "text.wasm", "--url", "http://127.0.0.1/"], 3, "not WebAssembly"),
        (vec!["test", "text.wasm"], 2, "--url"),
        (vec!["pack", "text.wasm", "-o", "out.wasm"], 3, "not WebAssembly"),
        (vec!["pack", "core.wasm"], 2, "exists already"),
        (vec!["pack", "core.wasm", "--manifest", "bad.toml"], 3, "9.9"),
    ] {
        let ended = clipmill(folder.path(), &[&["plugin"], &arguments[..]].concat());
        let told = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
    let checked = clipmill(folder.path(), &["plugin", "check", "text.wasm", "--json"]);
    let told: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&told["ok"], &told["code"]), (&false.into(), &"bad_component".into()), "{told}");
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 3, "nothing else is made: {names:?}");
}

#[test]
fn a_running_daemon_tells_of_its_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let listed = |data: &Path| {
        let output = Command::new(program())
            .args(["plugin", "list", "--json"])
            .current_dir(folder.path())
            .env("CLIPMILL_FOLDERS_DATA", data)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap()
    };
    let names = |all: &[Value]| -> Vec<String> {
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let config = "[plugins]\norder = ['http', 'av1']\ndisable = ['h265']\n";
    let mut daemon = Daemon::start(config);
    let data = daemon.data();
    assert_eq!(names(&listed(&data)), ["http", "ytdlp", "av1", "h264"]);
    std::fs::write(data.join("plugins/tube.wasm"), "half a file").unwrap();
    let began = Instant::now();
    let told = loop {
        let told = listed(&data);
        if told.len() == 5 {
            break told;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{told:?}");
    };
    let tube = told.last().unwrap();
    assert_eq!((&tube["name"], &tube["order"]), (&"tube".into(), &Value::Null));
    assert_eq!(tube["state"]["is"], "broken");
    let doctor = Command::new(program())
        .arg("doctor")
        .current_dir(folder.path())
        .env("PATH", tool::search_path())
        .env("CLIPMILL_FOLDERS_DATA", &data)
        .output()
        .unwrap();
    let told = text(&doctor.stdout);
    assert!(told.contains("1 broken") && told.contains("tube: "), "{told}");
    assert_eq!(doctor.status.code(), Some(5));

    // Without the daemon the folder is looked at, with the configuration of who looks.
    assert!(daemon.stop().success());
    let told = names(&listed(&data));
    assert_eq!(told, ["ytdlp", "http", "h264", "h265", "av1", "tube"]);
}
