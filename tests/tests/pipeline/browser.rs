//! Chromium plays the results to their end and finds each frame: the seams of a cut are where a
//! browser would stumble.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clipmill_tests::media::{AudioCodec, Clip, Packaging, Structure, VideoCodec};
use clipmill_tests::media_server::Content;
use clipmill_tests::{MediaServer, tool};
use serde_json::{Value, json};

use super::bench::{Bench, clip, local};

/// How long the browser may take for everything.
const PATIENCE: Duration = Duration::from_secs(150);

/// The first frame, and the first one after the last: frames before a keyframe, three keyframes,
/// and a last one that others refer to.
const FRAMES: (u32, u32) = (41, 130);

/// Frames after the first to look at: around the keyframes, and the ends.
const PLACES: [u32; 9] = [50, 18, 19, 20, 48, 49, 87, 88, 0];

#[tokio::test]
async fn chromium_plays_and_seeks() {
    let small = Clip { gop: 30, ..Clip::new(320, 180, 6) };
    let webm = |codec| Clip {
        video: Some(codec),
        audio: Some(AudioCodec::Opus),
        packaging: Packaging::File("webm"),
        ..small.clone()
    };
    let clips = [
        ("mp4", small.clone()),
        ("mp4", Clip { structure: Structure::Open, ..small.clone() }),
        ("webm", webm(VideoCodec::Vp9)),
        ("webm", webm(VideoCodec::Av1)),
    ];
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let mut work = Vec::new();
    for (number, (format, of)) in clips.iter().enumerate() {
        let before = |frame: u32| of.rate.time_of(frame) - 0.005;
        let span = (before(FRAMES.0), before(FRAMES.1));
        let made = bench.make(local(of.file(), Some(span)), clip(format)).await.unwrap();
        let src = format!("/{number}.{format}");
        server.file(&src, &made.path);
        let seeks = PLACES.map(|place| of.rate.time_of(place) + of.rate.time_of(1) / 2.0);
        work.push(json!({ "src": src, "seeks": seeks }));
    }
    let told = tokio::task::spawn_blocking(move || watch(&server, &json!(work))).await.unwrap();
    assert_eq!(told.len(), clips.len(), "{told:?}");
    for (told, (_, of)) in told.iter().zip(&clips) {
        assert_eq!(told["error"], Value::Null, "{told} {of:?}");
        assert_eq!((&told["first"], &told["last"]), (&json!(FRAMES.0), &json!(FRAMES.1 - 1)));
        assert_eq!(told["seeks"], json!(PLACES.map(|place| FRAMES.0 + place)), "{told}");
        let length = of.rate.time_of(FRAMES.1 - FRAMES.0);
        let duration = told["duration"].as_f64().unwrap();
        assert!((duration - length).abs() < 0.05, "{duration} s instead of {length} s: {told}");
        // A busy machine leaves out frames, but time never goes back and never stands.
        let times = told["times"].as_array().unwrap().iter().map(|time| time.as_f64().unwrap());
        let times: Vec<f64> = times.collect();
        assert!(times.len() > 5 && times.is_sorted(), "{times:?}");
    }
}

/// Lets the browser do the work; answers what it tells.
fn watch(server: &MediaServer, work: &Value) -> Vec<Value> {
    let work = work.clone();
    let page = |_: &_| Some(Content::bytes("text/html", include_str!("player.html")));
    server.route("/player.html", page);
    server.route("/work.json", move |_| Some(Content::json(&work)));
    server.route("/told", |_| Some(Content::json(&json!({}))));
    server.route("/done", |_| Some(Content::json(&json!({}))));
    let _browser = Browser::open(&server.url("/player.html"));
    let began = Instant::now();
    while server.stats("/done").count() == 0 {
        assert!(began.elapsed() < PATIENCE, "the browser hangs: {:?}", server.stats("/told"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let told = server.stats("/told");
    let read = |target: &str| {
        let (_, text) = target.split_once('?').unwrap();
        let (_, text) = url::form_urlencoded::parse(format!("x={text}").as_bytes())
            .next()
            .map(|(name, text)| (name.into_owned(), text.into_owned()))
            .unwrap();
        serde_json::from_str(&text).unwrap()
    };
    told.requests.iter().map(|seen| read(&seen.target)).collect()
}

/// A browser with a profile of its own, ended with its children when dropped.
struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
}

const FLAGS: [&str; 13] = [
    "--headless",
    // Tests may run as root, where its sandbox does not work; it sees nothing but our own page.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
];

impl Browser {
    fn open(url: &str) -> Browser {
        use std::os::unix::process::CommandExt as _;
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new(program())
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Browser { child, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.iter().find_map(|name| tool::find(name).ok());
    found.expect("a Chromium; `scripts/tools.sh test` installs it")
}
