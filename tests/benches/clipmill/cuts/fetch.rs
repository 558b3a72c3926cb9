//! A minute of a remote video, from a server that gives so much a connection.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::{Behaviour, MediaServer};
use futures_util::StreamExt as _;

use super::run::{Program, Took};
use super::{CONNECTIONS, RATE, clipmill, paced, rounds, source};
use crate::measure::{Samples, megabytes};
use crate::media;
use crate::report::{Goal, Report, Row};

/// In the middle of two GOPs.
const SPAN: (f64, f64) = (301.37, 362.11);
/// The same of the shorter WebM.
const WEBM: (f64, f64) = (61.37, 122.11);
/// Answers that are longer than this are given slowly by some networks.
const LONG: u64 = 10 << 20;
/// How slowly, bytes a second.
const SLOW: u64 = 32 << 10;
/// How long a peer is looked at that would take half an hour.
const LOOK: Duration = Duration::from_secs(20);

/// A clip of ours and what the server saw of it.
pub struct Served {
    /// The whole command.
    pub took: Took,
    /// From the first request until the last byte, seconds.
    pub fetching: f64,
    /// From the start of the command until the last byte, seconds.
    pub here: f64,
    /// Bytes of all bodies.
    pub bytes: u64,
}

/// One transport, and the path of what is asked for.
struct Kind {
    name: &'static str,
    path: &'static str,
    span: (f64, f64),
    format: &'static str,
    times: f64,
}

const KINDS: [Kind; 4] = [
    Kind { name: "MP4", path: "/v.mp4", span: SPAN, format: "mp4", times: 6.0 },
    Kind { name: "DASH", path: "/dash/index.mpd", span: SPAN, format: "mp4", times: 6.0 },
    Kind { name: "WebM", path: "/v.webm", span: WEBM, format: "webm", times: 6.0 },
    Kind { name: "HLS", path: "/hls/index.m3u8", span: SPAN, format: "mp4", times: 4.0 },
];

/// Fetches in turns with every peer and adds the rows.
pub async fn measure(report: &mut Report) {
    for peer in ["yt-dlp", "ffmpeg"] {
        if let Err(missing) = Program::named(peer) {
            report.add(Row::new("a remote minute", "s", Goal::None).missing(missing));
            return;
        }
    }
    let server = served();
    for kind in &KINDS {
        beside_ytdlp(report, &server, kind);
    }
    exact(report, &server);
    first_byte(report, &server).await;
    throttled(report, &server);
}

fn served() -> MediaServer {
    let server = MediaServer::new();
    server.file("/v.mp4", source::ten_minutes());
    server.file("/v.webm", source::webm());
    for (prefix, file) in [("/dash/", source::dash()), ("/hls/", source::hls())] {
        server.folder(prefix, file.parent().expect("a manifest is in a folder"));
    }
    server.behave("/", paced());
    server
}

/// Each transport: time, bytes, and for MP4 the lower bound.
fn beside_ytdlp(report: &mut Report, server: &MediaServer, kind: &Kind) {
    let Kind { name, path, span, format, times } = kind;
    let (mut here, mut fetching, mut whole, mut bytes) =
        (Samples::default(), Samples::default(), Samples::default(), Samples::default());
    let (mut theirs, mut copy) = (Samples::default(), Samples::default());
    for _ in 0..rounds() {
        let ours = clip_from(server, path, *span, format);
        eprintln!("  {name}: {:.2} s to the last byte, {:.2} s in all", ours.here, ours.took.wall);
        here.push(ours.here);
        fetching.push(ours.fetching);
        whole.push(ours.took.wall);
        bytes.push(megabytes(ours.bytes));
        theirs.push(sections(server, path, *span, false).wall);
        copy.push(bare_copy(server, path, *span, LOOK * 6).wall);
    }
    let row = |what: &str, goal| Row::new(&format!("{what} of a minute, {name}"), "s", goal);
    let goal = Goal::TimesFaster(*times);
    let to_ytdlp = row("bytes here, to yt-dlp sections", goal).ours(here.median());
    report.add(to_ytdlp.peer(Ok(theirs.median())));
    let to_copy = row("bytes here, to ffmpeg -c copy", Goal::None).ours(here.median());
    report.add(to_copy.peer(Ok(copy.median())));
    let exact = row("exact cut, to inexact yt-dlp sections", Goal::None).ours(whole.median());
    report.add(exact.peer(Ok(theirs.median())));
    let file = match *name {
        "WebM" => source::webm(),
        _ => source::ten_minutes(),
    };
    let needed = source::needed(&file, *span);
    let bound = needed as f64 / (CONNECTIONS * RATE) as f64;
    if *name == "MP4" {
        let row = row("fetching, to the lower bound", Goal::RatioAtMost(1.25));
        let note = format!(
            "from the first request to the last byte; the bound is {:.1} MB of samples at \
             {CONNECTIONS} x {:.0} MB/s, without any index or latency",
            megabytes(needed),
            megabytes(RATE)
        );
        report.add(row.ours(fetching.median()).peer(Ok(Some(bound))).note(note));
    }
    let aligned = source::aligned(&file, *span);
    let (least, note) = match *name {
        "MP4" => (aligned + source::index(&file), "samples of whole GOPs, and moov"),
        "HLS" => {
            let segments = source::needed_segments(&source::hls(), *span);
            (segments, "segments that overlap, and the playlist")
        }
        _ => (aligned, "samples of whole GOPs, without the container around them"),
    };
    let row = Row::new(
        &format!("bytes from the server, {name}, to those needed"),
        "MB",
        Goal::RatioAtMost(1.05),
    );
    let row = row.ours(bytes.median()).peer(Ok(Some(megabytes(least))));
    report.add(row.note(note.to_owned()));
}

/// Exact, as yt-dlp does it: once, because that takes minutes.
fn exact(report: &mut Report, server: &MediaServer) {
    let mut whole = Samples::default();
    for _ in 0..rounds() {
        whole.push(clip_from(server, "/v.mp4", SPAN, "mp4").took.wall);
    }
    let peer = sections(server, "/v.mp4", SPAN, true).wall;
    let name = "exact minute from a server, to yt-dlp --force-keyframes-at-cuts";
    let row = Row::new(name, "s", Goal::TimesFaster(20.0));
    report.add(row.ours(whole.median()).peer(Ok(Some(peer))));
}

/// What a client waits that asks a daemon for the file and stays on the line.
async fn first_byte(report: &mut Report, server: &MediaServer) {
    let daemon = Daemon::start(&format!("[fetch]\nconnections = {CONNECTIONS}\n"));
    let account = Account::register(&daemon).await;
    let mut waited = Samples::default();
    for round in 0..rounds() {
        // Another span each time, so that nothing is there already.
        let (from, to) = (SPAN.0 + round as f64, SPAN.1 + round as f64);
        let id = account.save(&server.url("/v.mp4"), from, to).await;
        let path = format!("/api/video/download/{id}");
        let request = account.request(reqwest::Method::POST, &path).timeout(LOOK * 6);
        let began = Instant::now();
        let answer = request.send().await.expect("the daemon answers");
        assert_eq!(answer.status().as_u16(), 200, "{answer:?}");
        let piece = answer.bytes_stream().next().await.expect("the file has bytes");
        piece.expect("the download does not break");
        waited.push(began.elapsed().as_secs_f64());
    }
    let row = Row::new("first byte of an exact minute to a waiting client", "s", Goal::None);
    report.add(row.ours(waited.median()));
}

/// Where long answers are slow.
fn throttled(report: &mut Report, server: &MediaServer) {
    server.behave("/", paced().throttle_answers_over(LONG, SLOW));
    let mut whole = Samples::default();
    for _ in 0..rounds() {
        whole.push(clip_from(server, "/v.mp4", SPAN, "mp4").here);
    }
    server.reset_stats();
    let looked = bare_copy(server, "/v.mp4", SPAN, LOOK);
    let got = server.stats("/v.mp4").bytes_sent;
    let all = source::needed(&source::ten_minutes(), SPAN) + source::index(&source::ten_minutes());
    let peer = looked.wall * all as f64 / got.max(1) as f64;
    let name = "bytes here where answers over 10 MiB get 32 KiB/s, to ffmpeg -c copy";
    let row = Row::new(name, "s", Goal::TimesFaster(250.0));
    let note = format!(
        "the peer had {:.2} of {:.2} MB after {:.0} s; its time is that by bytes",
        megabytes(got),
        megabytes(all),
        looked.wall
    );
    report.add(row.ours(whole.median()).peer(Ok(Some(peer))).note(note));
    server.behave("/", Behaviour::new());
}

/// Clips, and watches the server meanwhile.
pub fn clip_from(server: &MediaServer, path: &str, span: (f64, f64), format: &str) -> Served {
    let output = media::folder().join(format!("remote.{format}"));
    let command = clipmill(&server.url(path), span, format, &output);
    server.reset_stats();
    let ended = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let (took, first, last) = thread::scope(|scope| {
        let over = Arc::clone(&ended);
        let watch = scope.spawn(move || watch(server, &over));
        let took = command.run();
        ended.store(true, Ordering::Relaxed);
        let (first, last) = watch.join().expect("watching does not panic");
        (took, first, last)
    });
    Served {
        took,
        fetching: last.duration_since(first).as_secs_f64(),
        here: last.duration_since(began).as_secs_f64(),
        bytes: server.stats_under("/").bytes_sent,
    }
}

/// When the first request came and the last byte went, to 10 ms.
fn watch(server: &MediaServer, over: &AtomicBool) -> (Instant, Instant) {
    let (mut first, mut last, mut bytes) = (None, Instant::now(), 0);
    while !over.load(Ordering::Relaxed) {
        let seen = server.stats_under("/");
        let now = Instant::now();
        if seen.bytes_sent > bytes {
            (last, bytes) = (now, seen.bytes_sent);
        }
        if seen.count() > 0 {
            first.get_or_insert(now);
        }
        thread::sleep(Duration::from_millis(10));
    }
    (first.unwrap_or(last), last)
}

fn sections(server: &MediaServer, path: &str, (from, to): (f64, f64), exact: bool) -> Took {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("sections.%(ext)s");
    let mut program = Program::named("yt-dlp")
        .unwrap_or_else(|missing| panic!("{missing}"))
        .words("--ignore-config --no-cache-dir --quiet --no-part")
        .args(["--download-sections", &format!("*{from}-{to}"), "-o"])
        .args([&output]);
    if exact {
        program = program.words("--force-keyframes-at-cuts");
    }
    let took = program.args([server.url(path)]).run();
    eprintln!("  yt-dlp{}: {:.2} s", if exact { ", exact" } else { "" }, took.wall);
    took
}

fn bare_copy(server: &MediaServer, path: &str, (from, to): (f64, f64), most: Duration) -> Took {
    let extension = if path.ends_with("webm") { "webm" } else { "mp4" };
    let output = media::folder().join(format!("bare-copy.{extension}"));
    let output: &Path = &output;
    Program::named("ffmpeg")
        .unwrap_or_else(|missing| panic!("{missing}"))
        .words(&format!("-v error -nostdin -y -ss {from} -i"))
        .args([server.url(path)])
        .words(&format!("-t {} -c copy", to - from))
        .args([output])
        .run_for(most)
}
