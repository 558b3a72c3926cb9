//! The cases that built-in handlers pass, over handlers that are guests.

use std::path::{Path, PathBuf};

use clipmill_core::net;
use clipmill_plugins::Source;
use clipmill_plugins::builtin::http::Http;
use clipmill_plugins::conformance::{
    codec_cases, resolved_info_is_sound, resolving_nothing_is_a_known_error, source_cases,
};
use clipmill_plugins::wasm::{Each, State};
use url::Url;

use crate::guest::Guest;
use crate::host::{Host, open_client};
use crate::server::{Answer, Server, ok};

const UUID: &str = "9c9de5e8-0a1e-484a-b099-e80766180a6d";

/// What the sites of the examples answer.
fn site(path: &str) -> Answer {
    let peertube = format!("/api/v1/videos/{UUID}");
    Answer::Send(match path {
        "/x.mp4" => "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nAccept-Ranges: bytes\r\n\
                     Content-Length: 12\r\n\r\n\0\0\0\x0cftypisom"
            .to_owned(),
        "/feed.rss" => ok(r#"<?xml version="1.0"?><rss version="2.0"><channel><title>Show</title>
            <item><title>First &amp; last</title><guid>one</guid>
            <enclosure url="https://media.example/1.mp4" type="video/mp4" length="1000"/>
            </item></channel></rss>"#),
        "/metadata/film" => ok(r#"{"metadata": {"title": "Film"}, "files": [
            {"name": "film.mp4", "source": "original", "size": "1000", "length": "10.5",
             "width": "640", "height": "360"}]}"#),
        path if path == peertube => ok(&format!(
            r#"{{"uuid": "{UUID}", "name": "Film", "duration": 10, "isLive": false,
                "state": {{"id": 1}}, "streamingPlaylists": [], "files": [
                {{"resolution": {{"id": 360}}, "size": 1000, "fps": 25,
                  "fileUrl": "https://media.example/1.mp4"}}]}}"#
        )),
        _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
    })
}

/// All cases for one source, with something and nothing to be resolved.
async fn cases(source: &dyn Source, something: &str, nothing: &str) {
    source_cases(source).await;
    resolved_info_is_sound(source, &something.parse::<Url>().unwrap()).await;
    resolving_nothing_is_a_known_error(source, &nothing.parse::<Url>().unwrap()).await;
}

#[tokio::test]
async fn built_in_handlers_pass() {
    let server = Server::start(site).await;
    let http = Http::new(open_client());
    cases(&http, &server.url("x.mp4"), &server.url("y.mp4")).await;
    codec_cases(&clipmill_plugins::builtin::codecs::H264).await;
}

#[tokio::test]
async fn plain_guests_pass() {
    let server = Server::start(site).await;
    let give_up = {
        let mut guest = Guest::source("nothing");
        let reason = guest.image.text("there is nothing here; look elsewhere");
        let error = crate::image::Record::new(96).u8(0, 1).u8(12, 1).text(16, reason);
        let at = error.place(&mut guest.image);
        guest.answers("resolve", at)
    };
    let host = Host::of(&[
        Guest::source("site"),
        give_up,
        Guest::source("broken").with("resolve", "unreachable"),
        Guest::codec("vp"),
        Guest::frames("anim"),
    ])
    .await;
    source_cases(host.source("site").as_ref()).await;
    let url = "https://site.example/x".parse().unwrap();
    resolved_info_is_sound(host.source("site").as_ref(), &url).await;
    for name in ["nothing", "broken"] {
        source_cases(host.source(name).as_ref()).await;
        let url = server.url("x").parse().unwrap();
        resolving_nothing_is_a_known_error(host.source(name).as_ref(), &url).await;
    }
    codec_cases(host.codec("vp").as_ref()).await;
    codec_cases(host.codec("anim").as_ref()).await;
    for name in ["site", "nothing", "vp", "anim"] {
        assert_eq!(host.faults(name).0, 0, "{:?}", host.faults(name));
    }
}

/// Where `scripts/guests.sh build` leaves the examples.
fn built() -> PathBuf {
    let folder = std::env::var_os("CLIPMILL_TEST_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/guests/out"),
        PathBuf::from,
    );
    assert!(folder.is_dir(), "the example plugins are not built: run scripts/guests.sh build");
    folder
}

/// A host with these examples.
async fn with_examples(names: &[&str], base: &str) -> Host {
    let settings = [("base".to_owned(), base.into())].into_iter().collect();
    // Another site of the same kind is the operator's to grant.
    let each = Each { settings, hosts: Some(vec!["*".to_owned()]) };
    let host = Host::with(|settings| drop(settings.each.insert("archive".into(), each)), &[]).await;
    for name in names {
        for end in ["wasm", "toml"] {
            let file = format!("{name}.{end}");
            let bytes = std::fs::read(built().join(&file));
            let bytes = bytes.unwrap_or_else(|_| panic!("no {file}: run scripts/guests.sh build"));
            host.write(&file, bytes);
        }
    }
    host.plugins.scan().await;
    for name in names {
        assert_eq!(host.state(name).state, State::Active, "{name}");
    }
    host
}

#[tokio::test]
async fn example_sources_pass() {
    let server = Server::start(site).await;
    let host = with_examples(&["archive", "peertube", "podcast"], &server.url("")).await;
    for (name, something, nothing) in [
        ("archive", "details/film", "details/none"),
        ("peertube", &format!("w/{UUID}"), "w/00000000-0a1e-484a-b099-e80766180a6d"),
        ("podcast", "feed.rss", "none.rss"),
    ] {
        let source = host.source(name);
        cases(source.as_ref(), &server.url(something), &server.url(nothing)).await;
        assert_eq!(host.faults(name).0, 0, "{:?}", host.faults(name));
    }
}

#[tokio::test]
async fn example_sources_survive_a_site_that_is_not_there() {
    let nowhere = "http://nothing.invalid/";
    let host = with_examples(&["archive", "peertube", "podcast"], nowhere).await;
    for (name, path) in [
        ("archive", "details/x"),
        ("peertube", "w/9c9de5e8-0a1e-484a-b099-e80766180a6d"),
        ("podcast", "feed.rss"),
    ] {
        let url = format!("{nowhere}{path}").parse().unwrap();
        resolving_nothing_is_a_known_error(host.source(name).as_ref(), &url).await;
        assert_eq!(host.faults(name).0, 0, "{:?}", host.faults(name));
    }
}

#[tokio::test]
async fn example_codecs_pass() {
    let host = with_examples(&["gif", "webm"], "").await;
    for name in ["gif", "webm"] {
        codec_cases(host.codec(name).as_ref()).await;
        assert_eq!(host.faults(name).0, 0, "{:?}", host.faults(name));
    }
}

#[tokio::test]
async fn a_client_that_reaches_nothing_is_told_by_examples() {
    let server = Server::start(site).await;
    let strict = net::Client::new(net::ClientSettings::default()).unwrap();
    let host = Host::with(|settings| settings.client = strict, &[]).await;
    for end in ["wasm", "toml"] {
        let file = format!("podcast.{end}");
        host.write(&file, std::fs::read(built().join(&file)).unwrap());
    }
    host.plugins.scan().await;
    let url = server.url("feed.rss").parse().unwrap();
    resolving_nothing_is_a_known_error(host.source("podcast").as_ref(), &url).await;
    assert!(server.requests().is_empty());
}
