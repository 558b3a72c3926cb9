//! Reading only what a span needs, from servers that misbehave.

use clipmill_core::Code;
use std::time::{Duration, Instant};

use clipmill_core::Retry;
use clipmill_core::probe::{Live, Transport};
use clipmill_pipeline::ProgressReporter;
use clipmill_tests::media::{self, frame_hashes};
use clipmill_tests::media_server::{ALWAYS, PathStats};
use clipmill_tests::{Behaviour, MediaServer};

use super::bench::{Bench, assert_exact, clip, format, remote};
use super::hls::{by_playlist, cut};

/// A bench whose source offers a clip of a minute on a server, in one file.
async fn minute() -> (Bench, MediaServer, media::Clip) {
    let (bench, server, of) = (Bench::new().await, MediaServer::new(), media::main_clip());
    server.file("/v.mp4", of.file());
    bench.offers(90.0, vec![format("v", &of, &server.url("/v.mp4"))]);
    (bench, server, of)
}

#[tokio::test]
async fn only_the_span_is_read() {
    let (bench, server, of) = minute().await;
    let made = bench.make(remote(40.5, 42.0), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(40.5, 42.0), 1e-4);
    let (sent, size) = (server.stats("/v.mp4").bytes_sent, of.file().metadata().unwrap().len());
    assert!(sent < size / 2, "{sent} of {size} bytes for 1.5 of 90 seconds");
}

#[tokio::test]
async fn a_connection_that_breaks_or_stalls_goes_on() {
    let (bench, server, of) = minute().await;
    let wanted = of.frames_between(50.2, 51.0);
    for behaviour in [
        Behaviour::new().drop_after(50_000, 3),
        Behaviour::new().stall_after(20_000, 1),
        Behaviour::new().fail(503, 2),
        Behaviour::new().too_many(1, 1),
    ] {
        server.behave("/v.mp4", behaviour);
        let made = bench.make(remote(50.2, 51.0), clip("mp4")).await.unwrap();
        assert_exact(&made.path, &of, &wanted, 1e-4);
    }
}

/// No request came in the time that a server had asked for, but those that were on their way.
fn assert_left_alone(seen: &PathStats, seconds: f64) {
    let refused = seen.requests.iter().position(|seen| seen.status == 503).unwrap();
    let since = |at: Instant| (at - seen.requests[refused].at).as_secs_f64();
    let after: Vec<f64> = seen.requests[refused..].iter().map(|seen| since(seen.at)).collect();
    assert!(after.iter().all(|at| *at < 0.3 || *at > seconds - 0.05), "{after:?}");
    assert!(after.iter().any(|at| *at > 0.3), "{after:?}");
}

#[tokio::test]
async fn a_server_without_time_is_left_alone_for_as_long_as_it_says() {
    let (bench, server, of) = minute().await;
    // The first request, and several at the same time.
    server.behave("/v.mp4", Behaviour::new().no_time(1, 2));
    let made = bench.make(remote(50.2, 51.0), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(50.2, 51.0), 1e-4);
    assert_left_alone(&server.stats("/v.mp4"), 2.0);
    let of = media::hls_ts();
    server.folder("/x/", of.file().parent().unwrap());
    server.behave("/x/segment", Behaviour::new().no_time(3, 2));
    bench.offers(30.0, vec![by_playlist("h", &of, &server.url("/x/index.m3u8"))]);
    cut(&bench, &of, (1.3, 22.4)).await;
    assert_left_alone(&server.stats_under("/x/segment"), 2.0);
    // Longer than an attempt lasts: whoever made the job is told when to try again.
    for path in ["/x/segment", "/x/index.m3u8"] {
        server.behave_well();
        server.behave(path, Behaviour::new().no_time(ALWAYS, 900));
        let began = Instant::now();
        let refused = bench.make(remote(1.3, 22.4), clip("mp4")).await.unwrap_err();
        let wait = Retry::After(Duration::from_secs(900));
        assert_eq!((refused.code, refused.retry), (Code::SourceUnreachable, wait), "{path}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_server_without_ranges_is_read_once() {
    let (bench, server, of) = minute().await;
    server.behave("/v.mp4", Behaviour::new().without_ranges());
    let made = bench.make(remote(50.2, 51.0), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(50.2, 51.0), 1e-4);
    assert_eq!(server.stats("/v.mp4").count(), 1);
}

#[tokio::test]
async fn an_expired_address_is_renewed_once() {
    let (bench, server, of) = minute().await;
    server.file("/old.mp4", of.file());
    let gone = Behaviour::new().fail(403, u32::MAX);
    server.behave("/old.mp4", gone.clone());
    let old = Transport::Progressive {
        url: server.url("/old.mp4").parse().unwrap(),
        headers: Default::default(),
    };
    let fresh = bench.source.info.lock().unwrap().formats[0].clone();
    bench.source.info.lock().unwrap().formats[0].transport = old;
    // The source gives the same address again: there is no other.
    let refused = bench.make(remote(1.0, 2.0), clip("mp4")).await.unwrap_err();
    assert_eq!((refused.code, refused.retry), (Code::PrivateVideo, Retry::Never));
    // From its second answer on it gives a fresh one.
    *bench.source.resolved.lock().unwrap() = 0;
    *bench.source.later.lock().unwrap() = Some(fresh);
    let made = bench.make(remote(1.0, 2.0), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(1.0, 2.0), 1e-4);
    assert_eq!(*bench.source.resolved.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_file_that_changes_or_is_too_large_is_refused() {
    let (bench, server, _) = minute().await;
    server.behave("/v.mp4", Behaviour::new().change_after(1, media::ntsc().file()));
    let changed = bench.make(remote(50.2, 51.0), clip("mp4")).await.unwrap_err();
    assert_eq!((changed.code, changed.retry), (Code::SourceChanged, Retry::Later));
    let small = Bench::with(|config| config.clips.max_download_mb = 0).await;
    server.behave_well();
    small.offers(90.0, bench.source.info.lock().unwrap().formats.clone());
    let large = small.make(remote(50.2, 51.0), clip("mp4")).await.unwrap_err();
    assert_eq!((large.code, large.retry), (Code::TooLarge, Retry::Never));
}

#[tokio::test]
async fn a_finished_fetch_is_not_repeated() {
    let (bench, server, _) = minute().await;
    let (ask, progress) = (bench.ask(remote(50.2, 51.0), clip("mp4")), ProgressReporter::default());
    let first = bench.pipeline.fetch(ask.clone(), &progress).await.unwrap();
    assert_eq!(progress.watch().borrow().download_progress, 100.0);
    // It is noted while the next stage works.
    let noted = async {
        while !ask.folder.join("fetched.json").exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), noted).await.unwrap();
    drop(first);
    server.reset_stats();
    let again = bench.pipeline.fetch(ask.clone(), &progress).await.unwrap();
    assert_eq!(server.stats("/v.mp4").count(), 0);
    assert_eq!(again.available_formats, Some(Vec::new()));
    // Half of a file is no file.
    for entry in std::fs::read_dir(&ask.folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "mp4") {
            std::fs::write(path, b"cut short").unwrap();
        }
    }
    bench.pipeline.fetch(ask, &progress).await.unwrap();
    assert!(server.stats("/v.mp4").count() > 0);
}

#[tokio::test]
async fn what_has_no_plain_address_is_downloaded_by_its_source() {
    let (bench, server, of) = minute().await;
    bench.source.info.lock().unwrap().formats[0].transport = Transport::Opaque;
    *bench.source.own.lock().unwrap() = Some(of.file());
    let made = bench.make(remote(50.2, 51.0), clip("mp4")).await.unwrap();
    assert_exact(&made.path, &of, &of.frames_between(50.2, 51.0), 1e-4);
    assert!(made.note.unwrap().contains("own download"));
    assert_eq!(server.stats("/v.mp4").count(), 0);
}

#[tokio::test]
async fn a_running_stream_is_waited_for_unless_it_already_holds_the_span() {
    let (bench, _server, of) = minute().await;
    bench.source.info.lock().unwrap().live = Live::Running { began: None };
    bench.source.info.lock().unwrap().duration = None;
    let early = bench.make(remote(80.0, 95.0), clip("mp4")).await.unwrap_err();
    assert_eq!(early.code, Code::StillLive);
    assert!(matches!(early.retry, Retry::After(_)));
    let made = bench.make(remote(80.0, 81.0), clip("mp4")).await.unwrap();
    assert_eq!(frame_hashes(&made.path).unwrap().len(), of.frames_between(80.0, 81.0).len());
}
