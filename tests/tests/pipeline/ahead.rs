//! The head of a cut, encoded while the rest of the file still comes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clipmill_pipeline::ProgressReporter;
use clipmill_tests::media::{self, Clip};
use clipmill_tests::{Behaviour, MediaServer, tool};

use super::bench::{Bench, assert_exact, clip, format, remote};

/// In the middle of two GOPs.
const SPAN: (f64, f64) = (1.31, 8.7);

/// 10 s with a keyframe each two.
fn many_keys() -> Clip {
    Clip { gop: 60, ..media::silent() }
}

/// A clip that was made, and when its head was written.
struct Made {
    path: PathBuf,
    /// While bytes still came.
    early: SystemTime,
    /// At the end.
    late: SystemTime,
    note: Option<String>,
}

/// Makes a clip of a file that comes so slowly that its head is ready before.
async fn slowly(bench: &Bench, server: &MediaServer, of: &Clip, file: &Path) -> Made {
    server.file("/v.mp4", file);
    let size = fs::metadata(file).unwrap().len();
    server.behave("/v.mp4", Behaviour::new().throttle((size / 12).max(1)));
    bench.offers(of.seconds(), vec![format("v", of, &server.url("/v.mp4"))]);
    let (ask, progress) =
        (bench.ask(remote(SPAN.0, SPAN.1), clip("mp4")), ProgressReporter::default());
    let head = ask.folder.join("head.mp4");
    let written = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let fetch = bench.pipeline.fetch(ask, &progress);
    let seen = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // An MP4 is whole as soon as it can be read.
            if head.is_file() && media::streams(&head).is_ok() {
                return written(&head);
            }
        }
    };
    tokio::pin!(fetch);
    let early = tokio::select! {
        biased;
        early = seen => early,
        fetched = &mut fetch => panic!("all bytes were there first: {fetched:?}"),
    };
    let cut = bench.pipeline.trim(fetch.await.unwrap()).await.unwrap();
    let made = bench.pipeline.transcode(cut, &progress).await.unwrap();
    Made { path: made.path, early, late: written(&head), note: made.note }
}

#[tokio::test]
async fn the_head_is_encoded_while_the_rest_comes() {
    let (bench, server, of) = (Bench::new().await, MediaServer::new(), many_keys());
    let made = slowly(&bench, &server, &of, &of.file()).await;
    assert_exact(&made.path, &of, &of.frames_between(SPAN.0, SPAN.1), 1e-4);
    assert_eq!(made.early, made.late, "it was encoded twice");
    assert_eq!(made.note, None);
}

#[tokio::test]
async fn what_comes_later_may_want_another_head() {
    let (bench, server, of) = (Bench::new().await, MediaServer::new(), many_keys());
    let file = two_sets(&of, bench.folder.path());
    let made = slowly(&bench, &server, &of, &file).await;
    assert_exact(&made.path, &of, &of.frames_between(SPAN.0, SPAN.1), 1e-4);
    assert_ne!(made.early, made.late, "the sets of the later frames are the head's");
    assert_eq!(made.note, None);
}

/// The same picture, of which the last seconds have parameter sets of another
/// number within their samples.
fn two_sets(of: &Clip, folder: &Path) -> PathBuf {
    let (source, all) = (of.file(), folder.join("all.h264"));
    let mut stream = Vec::new();
    for (id, frames) in [(0, "0:150"), (1, "150:300")] {
        let part = folder.join(format!("{id}.h264"));
        let (from, to) = frames.split_once(':').unwrap();
        let trim = format!("trim=start_frame={from}:end_frame={to},setpts=PTS-STARTPTS");
        let params = format!("sps-id={id}:repeat-headers=1");
        let (source, path) = (source.to_str().unwrap(), part.to_str().unwrap());
        let args = ["-v", "error", "-y", "-i", source, "-an", "-vf", &trim, "-c:v", "libx264"];
        let rest = ["-preset", "veryfast", "-bf", "0", "-g", "60", "-x264-params", &params, path];
        tool::run("ffmpeg", [args.as_slice(), rest.as_slice()].concat()).unwrap();
        stream.extend(fs::read(part).unwrap());
    }
    fs::write(&all, stream).unwrap();
    let path = folder.join("two-sets.mp4");
    let (all, made) = (all.to_str().unwrap(), path.to_str().unwrap());
    let args = ["-v", "error", "-y", "-r", "30", "-i", all, "-c", "copy", "-movflags"];
    tool::run("ffmpeg", [args.as_slice(), &["+faststart", made]].concat()).unwrap();
    path
}
