//! Calls: `claims`, `resolve`, and the instance that each of them gets.

use std::time::Instant;

use clipmill_plugins::ResolveOptions;
use clipmill_tests::MediaServer;
use clipmill_tests::media_server::Content;
use serde_json::json;
use url::Url;

use super::{Host, client};
use crate::measure::{Samples, microseconds, quick};
use crate::report::{Goal, Report, Row};

const VIDEO: &str = "9c9de5e8-0a1e-484a-b099-e80766180a6d";

/// Asks the Rust example, and the same server through the bare client.
pub async fn measure(report: &mut Report) {
    let rounds = if quick() { 300 } else { 3_000 };
    let server = MediaServer::new();
    let video = json!({
        "uuid": VIDEO, "name": "A video", "duration": 60, "isLive": false,
        "files": [{ "resolution": { "id": 720 }, "fileUrl": "https://a.example/x.mp4", "size": 1 }],
    });
    let path = format!("/api/v1/videos/{VIDEO}");
    server.route(&path, move |_| Some(Content::json(&video)));
    let host = Host::with(&["peertube"]).await;
    let source = host.registry.sources().pop().unwrap();
    let page: Url = server.url(&format!("/w/{VIDEO}")).parse().unwrap();
    let api: Url = server.url(&path).parse().unwrap();
    let bare = client();

    host.calls.take();
    for _ in 0..rounds {
        assert!(source.claims(&page).await);
    }
    let claims = host.calls.take();
    let (mut ours, mut peer) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        let began = Instant::now();
        source.resolve(&page, ResolveOptions { fresh: true }).await.unwrap();
        ours.push(microseconds(began.elapsed()));
        let began = Instant::now();
        let body = bare.get(&api, &Default::default(), None).await.unwrap();
        let body = body.bytes(1 << 20).await.unwrap();
        let _: serde_json::Value = serde_json::from_slice(&body).unwrap();
        peer.push(microseconds(began.elapsed()));
    }
    let made: Samples = claims.iter().map(|call| microseconds(call.instantiate)).collect();
    let claims: Samples = claims.iter().map(|call| microseconds(call.duration)).collect();
    for (name, ours, peer) in [
        ("plugin: instance of its own, p50", made.median(), None),
        ("plugin: claims, p50", claims.median(), None),
        ("plugin: claims, p99", claims.quantile(0.99), None),
        ("plugin: resolve, p50, to the HTTP request in it", ours.median(), peer.median()),
        (
            "plugin: resolve, p99, to the HTTP request in it",
            ours.quantile(0.99),
            peer.quantile(0.99),
        ),
    ] {
        report.add(Row::new(name, "us", Goal::None).ours(ours).peer(Ok(peer)));
    }
}
