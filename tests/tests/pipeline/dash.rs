//! Streams in segments by their manifests.

use clipmill_core::probe::{Format, Transport};
use clipmill_tests::{MediaServer, media, tool};

use super::bench::{Bench, format};
use super::hls::cut;

#[tokio::test]
async fn manifests_of_every_kind() {
    let (bench, server) = (Bench::new().await, MediaServer::new());
    let of = media::fragmented();
    let kinds: [(&str, &[&str]); 4] = [
        ("numbers", &["-use_timeline", "0", "-use_template", "1"]),
        ("times", &["-use_timeline", "1", "-use_template", "1"]),
        ("list", &["-use_timeline", "0", "-use_template", "0"]),
        ("file", &["-single_file", "1", "-global_sidx", "1"]),
    ];
    for (name, args) in kinds {
        let folder = bench.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let (from, to) = (of.file(), folder.join("m.mpd"));
        let begin = ["-v", "error", "-i", from.to_str().unwrap(), "-c", "copy"];
        let rest = ["-f", "dash", "-seg_duration", "5", to.to_str().unwrap()];
        tool::run("ffmpeg", [&begin, args, &rest].concat()).unwrap();
        server.folder("/d/", &folder);
        let url = server.url("/d/m.mpd");
        let transport = Transport::Dash { url: url.parse().unwrap(), headers: Default::default() };
        bench.offers(30.0, vec![Format { transport, ..format("d", &of, &url) }]);
        for span in [(9.2, 11.1), (0.0, 1.5), (28.4, 40.0)] {
            server.reset_stats();
            cut(&bench, &of, span).await;
            let fetched = server.stats_under("/d/").bytes_sent;
            let whole: u64 = std::fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap().metadata().unwrap().len())
                .sum();
            assert!(fetched < whole / 2, "{fetched} of {whole} bytes of {name}");
        }
    }
}
