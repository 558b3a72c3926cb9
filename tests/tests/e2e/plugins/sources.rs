//! The three example sources, from the files in the folder to exact frames.

use clipmill_tests::MediaServer;
use clipmill_tests::api::Account;
use clipmill_tests::daemon::Daemon;
use clipmill_tests::guests;
use clipmill_tests::media::video_mp4;
use serde_json::{Value, json};

use super::{clipmill, sites, text};
use crate::support::assert_exact;

/// The archive's site is a mirror here, which the operator says.
fn mirror(server: &MediaServer) -> String {
    format!(
        "[plugins.archive]\nhosts = ['127.0.0.1']\n[plugins.archive.settings]\nbase = '{}'\n",
        server.base()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_in_rust_c_and_javascript_save_exact_clips() {
    let (large, small) = (video_mp4(720, 20), video_mp4(360, 20));
    let server = MediaServer::new();
    sites::peertube(&server, &large, &small);
    sites::podcast(&server, &small);
    sites::archive(&server, &large);
    let mut daemon = Daemon::start(&mirror(&server));
    let account = Account::register(&daemon).await;
    for name in ["peertube", "podcast", "archive"] {
        guests::drop_into(&daemon.data().join("plugins"), name);
        super::logged(&daemon, &["plugin loaded", &format!("plugin=\"{name}\"")]).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let playlist = format!("/w/p/{}?playlistPosition={}", sites::PLAYLIST, sites::POSITION);
    for (n, (path, clip)) in [
        (format!("/w/{}", sites::VIDEO), &large),
        (playlist, &large),
        ("/show/feed.xml?episode=2".to_owned(), &small),
        ("/show/feed.xml?episode=first".to_owned(), &small),
        ("/details/an-item".to_owned(), &large),
    ]
    .into_iter()
    .enumerate()
    {
        let id = account.save(&server.url(&path), 3.1, 4.6).await;
        let file = folder.path().join(format!("{n}.mp4"));
        account.download_to(&id, &json!({}), &file).await;
        assert_exact(&file, clip, 3.1, 4.6);
        let formats = account.get(&format!("/api/video/formats/{id}")).await;
        assert_eq!(formats.status, 200, "{path}: {formats:?}");
    }
    let pages = server.stats_under("/api/v1/video-playlists/");
    assert!(pages.count() > 0, "the playlist is asked for");
    assert!(daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_refuses_is_told_in_its_words() {
    let server = MediaServer::new();
    sites::peertube(&server, &video_mp4(360, 20), &video_mp4(360, 20));
    sites::archive(&server, &video_mp4(360, 20));
    let daemon = Daemon::start(&mirror(&server));
    let plugins = daemon.data().join("plugins");
    for name in ["peertube", "archive"] {
        guests::drop_into(&plugins, name);
        super::logged(&daemon, &["plugin loaded", &format!("plugin=\"{name}\"")]).await;
    }
    let account = Account::register(&daemon).await;
    let beyond = format!("/w/p/{}?playlistPosition=99", sites::PLAYLIST);
    for path in [beyond.as_str(), "/details/nothing"] {
        let id = account.save(&server.url(path), 1.0, 2.0).await;
        let refused = account.get(&format!("/api/video/formats/{id}")).await;
        assert_eq!(refused.body["code"], "removed_video", "{path}: {refused:?}");
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.len() > 10 && !message.contains("127.0.0.1"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_uses_them_too() {
    let clip = video_mp4(360, 20);
    let server = MediaServer::new();
    sites::archive(&server, &clip);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), mirror(&server)).unwrap();
    guests::drop_into(&folder.path().join("data/plugins"), "archive");
    let url = server.url("/details/an-item");
    let made = clipmill(
        folder.path(),
        &[],
        &["clip", &url, "--from", "2", "--to", "0:03.5", "-o", "out.mp4"],
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_exact(&folder.path().join("out.mp4"), &clip, 2.0, 3.5);

    let wasm = folder.path().join("data/plugins/archive.wasm");
    let wasm = wasm.to_str().unwrap();
    let tried = clipmill(folder.path(), &[], &["plugin", "test", wasm, "--url", &url, "--json"]);
    assert!(tried.status.success(), "{}", text(&tried.stderr));
    let told: Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert_eq!(told["result"]["title"], "An item", "{told}");
}
