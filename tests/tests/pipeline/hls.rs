//! Streams in segments by their playlists.

use clipmill_plugins::media::{Format, Transport};
use clipmill_tests::MediaServer;
use clipmill_tests::media::{self, Clip, av_offsets};

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
            let fetched: Vec<String> = server
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
