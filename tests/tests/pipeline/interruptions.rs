//! Streams in segments that are interrupted, as by an advertisement: what comes after has a clock,
//! a description and perhaps a size of its own.

use clipmill_core::Code;
use std::collections::BTreeSet;
use std::path::Path;

use clipmill_pipeline::{SourceRequest, SpanRequest};
use clipmill_tests::media::{self, Clip, read_frames};
use clipmill_tests::{MediaServer, tool};

use super::bench::{Bench, assert_exact, clip, page, remote};
use super::hls::{by_playlist, cut};

/// Where the stream is interrupted, seconds: between two clicks.
const SEAM: f64 = 14.5;

/// A second part, as it differs from the first.
#[derive(Clone, Copy)]
struct Second {
    /// What its picture becomes.
    filter: &'static str,
    /// When its clock begins, seconds.
    clock: &'static str,
}

/// A playlist of two parts of a clip that were encoded apart from each other.
fn interrupted(folder: &Path, of: &Clip, second: Second, kind: &str) {
    let (file, frame) = (of.file(), of.frames_between(0.0, SEAM).len());
    let first = Second { filter: "null", clock: "0" };
    let mut list = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n".to_owned();
    for (name, part, from, window, sound) in [
        ("first", first, 0.0, format!("end_frame={frame}"), format!("start=0:end={SEAM}")),
        ("second", second, SEAM, format!("start_frame={frame}"), format!("start={SEAM}")),
    ] {
        let to = folder.join(name).join("index.m3u8");
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let picture = format!("trim={window},setpts=PTS-{from}/TB,{}", part.filter);
        let sound = format!("atrim={sound},asetpts=PTS-{from}/TB");
        let begin = ["-v", "error", "-copyts", "-i", file.to_str().unwrap()];
        let begin = [&begin[..], &["-vf", &picture, "-af", &sound]].concat();
        let coded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-bf", "2"];
        let times = ["-fps_mode", "passthrough", "-output_ts_offset", part.clock, "-c:a", "aac"];
        let rest = ["-hls_playlist_type", "vod", "-hls_segment_type", kind, "-hls_time", "4"];
        let args = [&begin[..], &coded, &["-sc_threshold", "0"], &times, &rest];
        tool::run("ffmpeg", [&args.concat()[..], &[to.to_str().unwrap()]].concat()).unwrap();
        for line in std::fs::read_to_string(&to).unwrap().lines() {
            match line.strip_prefix("#EXT-X-MAP:URI=\"") {
                Some(map) => list += &format!("#EXT-X-MAP:URI=\"{name}/{map}\n"),
                None if line.starts_with("#EXTINF") => list += &format!("{line}\n"),
                None if line.starts_with('#') => {}
                None => list += &format!("{name}/{line}\n"),
            }
        }
        if name == "first" {
            list += "#EXT-X-DISCONTINUITY\n";
        }
    }
    std::fs::write(folder.join("index.m3u8"), list + "#EXT-X-ENDLIST\n").unwrap();
}

/// Offers such a stream.
async fn offer(
    bench: &Bench,
    server: &MediaServer,
    name: &str,
    second: Second,
    kind: &str,
) -> Clip {
    let of = media::fragmented();
    let folder = bench.folder.path().join(name);
    interrupted(&folder, &of, second, kind);
    server.folder(&format!("/{name}/"), &folder);
    let url = server.url(&format!("/{name}/index.m3u8"));
    bench.offers(30.0, vec![by_playlist("h", &of, &url)]);
    of
}

/// Before, across, after, and from the very seam on.
const SPANS: [(f64, f64); 4] = [(9.2, 11.1), (12.3, 16.6), (21.3, 22.5), (SEAM, 16.4)];

#[tokio::test]
async fn fragments_with_a_description_of_their_own_are_joined() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    // The clock begins anew, or goes on.
    for (name, clock) in [("anew", "0"), ("on", "14.5")] {
        let second = Second { filter: "null", clock };
        let of = offer(&bench, &server, name, second, "fmp4").await;
        for span in SPANS {
            cut(&bench, &of, span).await;
        }
    }
}

#[tokio::test]
async fn an_interruption_in_another_size_is_never_taken_for_the_same() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    for kind in ["mpegts", "fmp4"] {
        let second = Second { filter: "scale=320:180", clock: "0" };
        let of = offer(&bench, &server, kind, second, kind).await;
        for span in [SPANS[0], SPANS[2], SPANS[3]] {
            cut(&bench, &of, span).await;
        }
        let made = bench.make(remote(SPANS[1].0, SPANS[1].1), clip("mp4")).await;
        if kind == "fmp4" {
            let refused = made.unwrap_err();
            assert_eq!(refused.code, Code::NotMedia);
            assert!(refused.message.contains("changes its format"), "{}", refused.message);
            continue;
        }
        // All of it in the size in which it begins.
        let made = made.unwrap();
        assert_exact(&made.path, &of, &of.frames_between(SPANS[1].0, SPANS[1].1), 1e-4);
        assert_eq!(sizes(&made.path), BTreeSet::from(["640,360".to_owned()]));
        assert!(made.note.unwrap().contains("encoded anew"));
        // Nobody asked to cut: the whole stream is copied as it is.
        let whole = SourceRequest::Remote { url: page(), span: SpanRequest::Whole };
        let whole = bench.make(whole, clip("mp4")).await.unwrap();
        let frames = read_frames(&whole.path).unwrap();
        assert!(frames.iter().map(|frame| frame.number).eq(0..of.frames));
        assert_eq!(sizes(&whole.path).len(), 2);
    }
}

/// The sizes of all frames.
fn sizes(path: &Path) -> BTreeSet<String> {
    let args = ["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=width,height"];
    let rest = ["-of", "csv=p=0", path.to_str().unwrap()];
    let told = tool::run("ffprobe", [&args[..], &rest].concat()).unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let lines = told.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
}
