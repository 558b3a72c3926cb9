//! Streams in segments by their playlists.

use clipmill_core::Code;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clipmill_core::probe::{Format, Live, Transport};
use clipmill_tests::media::{self, Clip, av_offsets};
use clipmill_tests::media_server::Content;
use clipmill_tests::{Behaviour, MediaServer, tool};

use super::bench::{Bench, assert_exact, clip, format, remote};

/// Sound and picture may differ by this, seconds: less than anybody sees.
const SYNC: f64 = 0.012;

/// A format that is reached by a playlist.
pub fn by_playlist(id: &str, of: &Clip, url: &str) -> Format {
    let transport = Transport::Hls { url: url.parse().unwrap(), headers: Default::default() };
    Format { transport, ..format(id, of, url) }
}

/// Cuts a span and looks at every frame and the sound.
pub async fn cut(bench: &Bench, of: &Clip, span: (f64, f64)) {
    let made = bench.make(remote(span.0, span.1), clip("mp4")).await;
    let made = made.unwrap_or_else(|error| panic!("{error:?} {span:?}"));
    assert_exact(&made.path, of, &of.frames_between(span.0, span.1), 1e-4);
    let offsets = av_offsets(&made.path, of.rate).unwrap();
    assert!(!offsets.is_empty(), "{span:?}");
    assert!(offsets.iter().all(|off| off.abs() < SYNC), "{offsets:?} {span:?}");
    assert!(!made.note.unwrap_or_default().contains("own download"));
}

fn serve(server: &MediaServer, of: &Clip, prefix: &str) {
    server.folder(prefix, of.file().parent().unwrap());
}

#[tokio::test]
async fn only_the_segments_of_the_span_are_fetched() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    for (name, of) in [("ts", media::hls_ts()), ("mp4", media::hls_fmp4())] {
        serve(&server, &of, &format!("/{name}/"));
        let url = server.url(&format!("/{name}/index.m3u8"));
        bench.offers(30.0, vec![by_playlist("h", &of, &url)]);
        // Within one segment, over a boundary, the very beginning, past the end.
        for span in [(9.2, 11.1), (7.5, 12.4), (0.0, 1.5), (28.4, 40.0), (12.0, 16.0)] {
            server.reset_stats();
            cut(&bench, &of, span).await;
            let fetched: BTreeSet<String> = server
                .stats_under(&format!("/{name}/segment"))
                .requests
                .iter()
                .map(|seen| seen.target.rsplit('/').next().unwrap().to_owned())
                .collect();
            // Those that hold it, and the beginning of the first one.
            let (from, to) = ((span.0 / 4.0) as usize, (span.1.min(30.0) / 4.0).ceil() as usize);
            let most = to - from + usize::from(from > 0);
            assert!(fetched.len() <= most, "{fetched:?} of {span:?}");
        }
    }
}

/// A folder of segments that ffmpeg makes of a clip; the playlist is `index.m3u8`.
fn segments(bench: &Bench, name: &str, of: &Path, args: &[&str]) -> PathBuf {
    let folder = bench.folder.path().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let (from, to) = (of.to_str().unwrap(), folder.join("index.m3u8"));
    let begin = ["-v", "error", "-i", from, "-c", "copy", "-f", "hls", "-hls_playlist_type", "vod"];
    tool::run("ffmpeg", [&begin, args, &[to.to_str().unwrap()]].concat()).unwrap();
    folder
}

async fn cuts_of(bench: &Bench, server: &MediaServer, folder: &Path, of: &Clip) {
    server.folder("/x/", folder);
    bench.offers(30.0, vec![by_playlist("h", of, &server.url("/x/index.m3u8"))]);
    for span in [(9.2, 11.1), (0.0, 1.5)] {
        cut(bench, of, span).await;
    }
}

#[tokio::test]
async fn byte_ranges_and_encrypted_segments_are_understood() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let of = media::fragmented();
    let time = ["-hls_time", "4"];
    let one =
        segments(&bench, "one", &of.file(), &[&time[..], &["-hls_flags", "single_file"]].concat());
    cuts_of(&bench, &server, &one, &of).await;
    let fmp4 = ["-hls_segment_type", "fmp4", "-hls_flags", "single_file"];
    let one = segments(&bench, "fmp4", &of.file(), &[&time[..], &fmp4].concat());
    cuts_of(&bench, &server, &one, &of).await;
    let (key, info) = (bench.folder.path().join("key"), bench.folder.path().join("info"));
    std::fs::write(&key, b"sixteen secrets!").unwrap();
    server.file("/key", &key);
    std::fs::write(&info, format!("{}\n{}\n", server.url("/key"), key.display())).unwrap();
    let args = [&time[..], &["-hls_key_info_file", info.to_str().unwrap()]].concat();
    let locked = segments(&bench, "locked", &of.file(), &args);
    cuts_of(&bench, &server, &locked, &of).await;
    assert!(server.stats("/key").count() > 0);
}

#[tokio::test]
async fn segments_come_from_servers_that_falter() {
    // More segments than connections.
    let bench = Bench::with(|config| config.fetch.connections = 3).await;
    let (server, of) = (MediaServer::new(), media::hls_ts());
    serve(&server, &of, "/x/");
    bench.offers(30.0, vec![by_playlist("h", &of, &server.url("/x/index.m3u8"))]);
    let faults = [
        Behaviour::new().without_ranges(),
        Behaviour::new().drop_after(50_000, 5),
        Behaviour::new().without_ranges().drop_after(50_000, 2),
        Behaviour::new().stall_after(50_000, 3),
        Behaviour::new().too_many(6, 1),
        Behaviour::new().fail(500, 3),
    ];
    for fault in faults {
        server.behave("/x/segment", fault);
        server.reset_stats();
        cut(&bench, &of, (3.3, 26.6)).await;
    }
    // No byte is asked for twice.
    server.behave("/x/segment", Behaviour::new());
    server.reset_stats();
    cut(&bench, &of, (0.0, 27.0)).await;
    let folder = of.file().parent().unwrap().to_owned();
    let size = |n| folder.join(format!("segment{n:03}.ts")).metadata().unwrap().len();
    let needed: u64 = (0..7).map(size).sum();
    let seen = server.stats_under("/x/segment");
    assert!(seen.bytes_sent as f64 <= needed as f64 * 1.05, "{} of {needed}", seen.bytes_sent);
}

#[tokio::test]
async fn a_span_goes_over_an_interruption() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let of = media::hls_ts();
    let folder = of.file().parent().unwrap().to_owned();
    // The second half of the segments has a clock of its own.
    let text = std::fs::read_to_string(of.file()).unwrap();
    let moved = bench.folder.path().join("moved");
    std::fs::create_dir_all(&moved).unwrap();
    for n in 0..8 {
        let name = format!("segment{n:03}.ts");
        let (from, to) = (folder.join(&name), moved.join(&name));
        if n < 4 {
            std::fs::copy(from, to).unwrap();
        } else {
            let mut bytes = std::fs::read(from).unwrap();
            clipmill_media::ts::shift_timestamps(&mut bytes, -7_654_321).unwrap();
            std::fs::write(to, bytes).unwrap();
        }
    }
    let (lines, mut count) = (text.lines(), 0);
    let mut list = String::new();
    for line in lines {
        if line.starts_with("#EXTINF") {
            list += if count == 4 { "#EXT-X-DISCONTINUITY\n" } else { "" };
            count += 1;
        }
        list += &format!("{line}\n");
    }
    std::fs::write(moved.join("index.m3u8"), list).unwrap();
    server.folder("/x/", &moved);
    bench.offers(30.0, vec![by_playlist("h", &of, &server.url("/x/index.m3u8"))]);
    for span in [(14.3, 18.2), (9.2, 11.1), (21.0, 22.5)] {
        cut(&bench, &of, span).await;
    }
}

#[tokio::test]
async fn a_running_stream_is_cut_before_its_window_passes() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let of = media::hls_ts();
    let folder = of.file().parent().unwrap().to_owned();
    server.folder("/x/", &folder);
    let began = chrono::Utc::now() - chrono::TimeDelta::seconds(12);
    // Three segments are listed at any time, and a new one comes each second.
    let start = std::time::Instant::now();
    server.route("/live.m3u8", move |_| {
        let newest = 2 + start.elapsed().as_secs().min(5);
        let first = newest - 2;
        let at = began + chrono::TimeDelta::seconds(first as i64 * 4);
        let mut list = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
             #EXT-X-PROGRAM-DATE-TIME:{}\n",
            at.to_rfc3339()
        );
        for n in first..=newest {
            list += &format!("#EXTINF:{}.0,\nx/segment{n:03}.ts\n", if n == 7 { 2 } else { 4 });
        }
        Some(Content::bytes("application/vnd.apple.mpegurl", list))
    });
    bench.offers(30.0, vec![by_playlist("h", &of, &server.url("/live.m3u8"))]);
    {
        let mut info = bench.source.info.lock().unwrap();
        (info.live, info.duration) = (Live::Running { began: Some(began) }, None);
    }
    // It ends when its beginning has left the list.
    cut(&bench, &of, (2.2, 17.4)).await;
    let gone = bench.make(remote(0.5, 1.0), clip("mp4")).await.unwrap_err();
    assert_eq!(gone.code, Code::StillLive);
    let later = bench.make(remote(500.0, 510.0), clip("mp4")).await.unwrap_err();
    assert_eq!(later.code, Code::StillLive);
}

#[tokio::test]
async fn sound_apart_from_the_picture_stays_in_sync() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let of = media::fragmented();
    let folder = bench.folder.path().join("apart");
    std::fs::create_dir_all(&folder).unwrap();
    let (from, to) = (of.file(), folder.join("%v.m3u8"));
    let begin = ["-v", "error", "-i", from.to_str().unwrap(), "-map", "0:v", "-map", "0:a", "-c"];
    let map = ["copy", "-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod"];
    let rest = ["-var_stream_map", "v:0,agroup:g a:0,agroup:g,default:yes"];
    let names = ["-master_pl_name", "master.m3u8", to.to_str().unwrap()];
    tool::run("ffmpeg", [&begin[..], &map, &rest, &names].concat()).unwrap();
    server.folder("/x/", &folder);
    bench.offers(30.0, vec![by_playlist("h", &of, &server.url("/x/master.m3u8"))]);
    for span in [(13.3, 16.9), (0.0, 2.0)] {
        cut(&bench, &of, span).await;
    }
}

/// A list that plays at double speed would give frames at other times than a player
/// shows them at: the stream is not cut by it, and the note says why.
#[tokio::test]
async fn an_edit_list_that_is_not_followed_is_refused_with_the_reason() {
    let (bench, server, of) = (Bench::new().await, MediaServer::new(), media::fragmented());
    let folder = segments(&bench, "odd", &of.file(), &["-hls_segment_type", "fmp4"]);
    let init = folder.join("init.mp4");
    let mut bytes = std::fs::read(&init).unwrap();
    let words = bytes.windows(4).enumerate();
    let lists: Vec<usize> = words.filter(|(_, word)| *word == b"elst").map(|(at, _)| at).collect();
    assert!(!lists.is_empty());
    for at in lists {
        // Behind version and count; the rate is the last field of each edit.
        let size = if bytes[at + 4] == 0 { 12 } else { 20 };
        for edit in 0..usize::from(bytes[at + 11]) {
            let end = at + 12 + (edit + 1) * size;
            bytes[end - 4..end].copy_from_slice(&0x2_0000_u32.to_be_bytes());
        }
    }
    std::fs::write(&init, bytes).unwrap();
    server.folder("/odd/", &folder);
    bench.offers(30.0, vec![by_playlist("h", &of, &server.url("/odd/index.m3u8"))]);
    let reason = "an edit list does more than move a track";
    let refused = bench.make(remote(9.2, 11.1), clip("mp4")).await.unwrap_err();
    assert_eq!(refused.code, Code::NotMedia);
    assert!(refused.message.contains(reason), "{}", refused.message);
    *bench.source.own.lock().unwrap() = Some(of.file());
    let made = bench.make(remote(9.2, 11.1), clip("mp4")).await.unwrap();
    let note = made.note.unwrap();
    assert!(note.contains("own download") && note.contains(reason), "{note}");
}
