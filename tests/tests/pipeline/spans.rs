//! Several connections to one file: every byte in its place, whatever the server does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use clipmill_core::{Code, Error, Retry};
use clipmill_pipeline::{ProgressReporter, Rendition, SourceRequest, SpanRequest};
use clipmill_tests::media::{self, Clip};
use clipmill_tests::media_server::Content;
use clipmill_tests::{Behaviour, MediaServer, tool};

use super::bench::{Bench, assert_exact, clip, format, page, remote};

const MB: usize = 1024 * 1024;

/// A server of one file that is `megabytes` long: a clip, and a box that nobody reads.
struct Large {
    server: MediaServer,
    clip: Clip,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Large {
    fn new(bench: &Bench, megabytes: usize) -> Large {
        let clip = media::silent();
        let mut bytes = std::fs::read(clip.file()).unwrap();
        let rest = megabytes * MB - bytes.len();
        bytes.extend((rest as u32).to_be_bytes());
        bytes.extend(b"free");
        // Every place has bytes of its own.
        bytes.extend(
            (0_u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).take(rest - 8),
        );
        let path = bench.folder.path().join("large.mp4");
        std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
        let server = MediaServer::new();
        server.file("/large.mp4", &path);
        bench.offers(10.0, vec![format("v", &clip, &server.url("/large.mp4"))]);
        Large { server, clip, path, bytes }
    }

    /// Everything arrives, byte for byte.
    async fn assert_whole(&self, bench: &Bench) {
        let got = whole(bench).await.unwrap();
        assert!(std::fs::read(got).unwrap() == self.bytes, "other bytes");
    }
}

/// Fetches all of it, and tells where it is.
async fn whole(bench: &Bench) -> Result<PathBuf, Error> {
    let everything = SourceRequest::Remote { url: page(), span: SpanRequest::Whole };
    let ask =
        bench.ask(everything, Rendition::Encode { codec: "h264".into(), quality: "medium".into() });
    let file = ask.folder.join("video.source");
    bench.pipeline.fetch(ask, &ProgressReporter::default()).await.map(|_| file)
}

/// Bytes of a file's ranges, of which none is longer than media servers like.
fn assert_short(ranges: &[&str]) {
    for range in ranges {
        let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let length = to.parse::<usize>().unwrap() + 1 - from.parse::<usize>().unwrap();
        assert!(length <= 10 * MB, "{range}");
    }
}

#[tokio::test]
async fn a_whole_file_comes_over_several_connections_in_short_ranges() {
    let bench = Bench::new().await;
    let large = Large::new(&bench, 96);
    large.server.behave("/", Behaviour::new().latency(Duration::from_millis(20)));
    large.assert_whole(&bench).await;
    let stats = large.server.stats("/large.mp4");
    assert_short(&stats.ranges());
    assert!((4..=8).contains(&stats.most_at_once), "{} at once", stats.most_at_once);
    let spare = stats.bytes_sent as f64 / large.bytes.len() as f64;
    assert!(spare < 1.05, "{spare} times the file");
    // Each connection is used again and again.
    assert!(large.server.connections() <= 12, "{} connections", large.server.connections());
}

#[tokio::test]
async fn one_connection_is_enough() {
    let bench = Bench::with(|config| config.fetch.connections = 1).await;
    let large = Large::new(&bench, 24);
    large.assert_whole(&bench).await;
    let stats = large.server.stats("/large.mp4");
    assert_short(&stats.ranges());
    assert_eq!((stats.most_at_once, stats.bytes_sent as usize), (1, large.bytes.len()));
    assert!(large.server.connections() <= 2, "{} connections", large.server.connections());
}

#[tokio::test]
async fn bytes_come_right_from_servers_that_falter() {
    let bench = Bench::with(|config| config.fetch.stall_seconds = 0.3).await;
    let large = Large::new(&bench, 12);
    for behaviour in [
        Behaviour::new().drop_after(300_000, 12),
        Behaviour::new().stall_after(200_000, 5),
        Behaviour::new().fail(503, 4),
        Behaviour::new().too_many(4, 1),
        Behaviour::new().at_most(2),
        // Of each longer answer, the first included, only this much comes.
        Behaviour::new().drop_after(65_000, 100),
    ] {
        large.server.behave("/", behaviour.clone());
        let got = whole(&bench).await.unwrap_or_else(|error| panic!("{error:?} {behaviour:?}"));
        assert!(std::fs::read(got).unwrap() == large.bytes, "{behaviour:?}");
    }
}

#[tokio::test]
async fn fewer_connections_are_used_when_the_server_wants_fewer() {
    let bench = Bench::new().await;
    let large = Large::new(&bench, 24);
    large.server.behave("/", Behaviour::new().at_most(3).throttle(4 * MB as u64));
    large.assert_whole(&bench).await;
    let stats = large.server.stats("/large.mp4");
    let refused = stats.requests.iter().filter(|seen| seen.status == 503).count();
    assert!((1..=8).contains(&refused) && stats.most_at_once <= 3, "{refused} refused");
}

#[tokio::test]
async fn a_silent_connection_is_raced() {
    // The client itself would wait for a minute.
    let bench = Bench::patient(|config| config.fetch.stall_seconds = 0.3).await;
    let large = Large::new(&bench, 12);
    for connections in [0, 100_000, 700_000] {
        large.server.behave("/", Behaviour::new().stall_after(connections, 3));
        let began = Instant::now();
        large.assert_whole(&bench).await;
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
    let alone = Bench::patient(|config| {
        (config.fetch.stall_seconds, config.fetch.connections) = (0.3, 1);
    });
    let alone = alone.await;
    let large = Large::new(&alone, 12);
    large.server.behave("/", Behaviour::new().stall_after(100_000, 1));
    large.assert_whole(&alone).await;
}

#[tokio::test]
async fn little_more_than_the_span_is_read() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let of = media::main_clip();
    server.file("/v.mp4", of.file());
    let slow = Behaviour::new().throttle(400_000).latency(Duration::from_millis(40));
    server.behave("/", slow);
    bench.offers(90.0, vec![format("v", &of, &server.url("/v.mp4"))]);
    let ask = bench.ask(remote(20.3, 81.0), clip("mp4"));
    let fetched = bench.pipeline.fetch(ask, &ProgressReporter::default()).await.unwrap();
    let stats = server.stats("/v.mp4");
    let (index, span) = needed(&of.file(), 20.3, 81.0);
    // An index is looked for in the first 256 KiB at once.
    let index = index.max(256 * 1024);
    let spare = stats.bytes_sent as f64 / (index + span) as f64;
    assert!(spare <= 1.05, "{spare} times {index} + {span} bytes: {:?}", stats.ranges());
    assert_eq!(fetched.received_bytes, stats.bytes_sent);
    assert!((5..=8).contains(&stats.most_at_once), "{} at once", stats.most_at_once);
}

/// Bytes before the first sample, and from the keyframe before a span to its last sample.
fn needed(file: &Path, start: f64, end: f64) -> (u64, u64) {
    let args = ["-v", "error", "-show_entries", "packet=stream_index,pts_time,pos,size,flags"];
    let rest = ["-of", "csv=p=0", file.to_str().unwrap()];
    let output = tool::run("ffprobe", args.iter().chain(&rest)).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let packets: Vec<(bool, f64, u64, u64, bool)> = text
        .lines()
        .map(|line| line.split(',').collect::<Vec<&str>>())
        .filter(|words| words.len() > 4)
        .map(|words| {
            let number = |n: usize| words[n].parse::<u64>().unwrap();
            (
                words[0] == "0",
                words[1].parse().unwrap(),
                number(3),
                number(2),
                words[4].starts_with('K'),
            )
        })
        .collect();
    let key = packets.iter().filter(|packet| packet.0 && packet.4 && packet.1 <= start);
    let from = key.map(|packet| packet.2).max().unwrap();
    let within = packets.iter().filter(|packet| packet.0 && packet.1 < end);
    let to = within.map(|packet| packet.2 + packet.3).max().unwrap();
    (packets.iter().map(|packet| packet.2).min().unwrap(), to - from)
}

#[tokio::test]
async fn a_redirect_is_followed_once_while_its_target_works() {
    let (bench, server, of) = (Bench::new().await, MediaServer::new(), media::main_clip());
    // The first target works for two requests.
    let asked = Arc::new(AtomicU32::new(0));
    let (counter, file) = (Arc::clone(&asked), of.file());
    server.route("/node/1", move |_| {
        let before = counter.fetch_add(1, Ordering::Relaxed);
        let content = Content::file(&file);
        Some(if before < 2 { content } else { content.status(403) })
    });
    server.file("/node/2", of.file());
    let (one, two) = (server.url("/node/1"), server.url("/node/2"));
    server.behave("/v.mp4", Behaviour::new().redirect(&two));
    bench.offers(90.0, vec![format("v", &of, &server.url("/v.mp4"))]);
    let made = bench.make(remote(50.2, 51.0), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(50.2, 51.0), 1e-4);
    assert_eq!(server.stats("/v.mp4").count(), 1);
    assert!(server.stats("/node/2").count() > 1);
    // A target that ceases to work is asked for anew, and the source is not bothered.
    server.behave("/v.mp4", Behaviour::new().redirect(&one));
    let moved = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&moved);
    server.route("/moves.mp4", move |_| {
        let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
        let to = if first { &one } else { &two };
        Some(Content::bytes("text/plain", "").status(302).header("location", to))
    });
    bench.offers(90.0, vec![format("v", &of, &server.url("/moves.mp4"))]);
    *bench.source.resolved.lock().unwrap() = 0;
    let ask = bench.ask(remote(20.3, 81.0), clip("mp4"));
    bench.pipeline.fetch(ask, &ProgressReporter::default()).await.unwrap();
    assert!(moved.load(Ordering::Relaxed) > 1 && asked.load(Ordering::Relaxed) > 2);
    assert_eq!(*bench.source.resolved.lock().unwrap(), 1);
}

/// Serves the first bytes of a file once, and then says that the address has expired.
fn expiring(server: &MediaServer, path: &str, file: PathBuf) {
    let asked = AtomicU32::new(0);
    server.route(path, move |_| {
        let content = Content::file(&file);
        Some(if asked.fetch_add(1, Ordering::Relaxed) < 1 { content } else { content.status(410) })
    });
}

#[tokio::test]
async fn an_address_that_expires_in_the_middle_is_renewed_for_the_same_file_only() {
    let bench = Bench::new().await;
    let large = Large::new(&bench, 12);
    let fresh = bench.source.info.lock().unwrap().formats[0].clone();
    // Another file of the same length, and the same one.
    let mut other = large.bytes.clone();
    other[100] ^= 1;
    let path = bench.folder.path().join("other.mp4");
    std::fs::write(&path, other).unwrap();
    large.server.file("/other.mp4", &path);
    let wrong = format("v", &large.clip, &large.server.url("/other.mp4"));
    for (later, right) in [(wrong, false), (fresh, true)] {
        expiring(&large.server, "/old.mp4", large.path.clone());
        bench.offers(10.0, vec![format("v", &large.clip, &large.server.url("/old.mp4"))]);
        *bench.source.later.lock().unwrap() = Some(later);
        *bench.source.resolved.lock().unwrap() = 0;
        if right {
            large.assert_whole(&bench).await;
        } else {
            let error = whole(&bench).await.unwrap_err();
            assert_eq!((error.code, error.retry), (Code::SourceChanged, Retry::Later));
        }
        assert_eq!(*bench.source.resolved.lock().unwrap(), 2);
    }
}

#[tokio::test]
async fn a_file_that_changes_in_the_middle_is_refused() {
    let bench = Bench::new().await;
    let path = bench.folder.path().join("new.mp4");
    for requests in [1, 3, 6] {
        // A server of its own: another one may still count what was given up before.
        let large = Large::new(&bench, 12);
        std::fs::write(&path, vec![7; large.bytes.len()]).unwrap();
        large.server.behave("/", Behaviour::new().change_after(requests, &path));
        let error = whole(&bench).await.unwrap_err();
        assert_eq!((error.code, error.retry), (Code::SourceChanged, Retry::Later), "{requests}");
    }
}

#[tokio::test]
async fn wrong_lengths_give_the_right_bytes_or_an_error() {
    let bench = Bench::new().await;
    let large = Large::new(&bench, 3);
    for wrong in [5, -5, -60_000] {
        large.server.behave("/", Behaviour::new().wrong_length(wrong));
        match whole(&bench).await {
            Ok(got) => assert!(std::fs::read(got).unwrap() == large.bytes, "{wrong}"),
            Err(error) => assert_eq!(error.code, Code::SourceUnreachable, "{wrong}"),
        }
    }
}
