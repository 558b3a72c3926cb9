//! Health, readiness, counters and the description of the interface.

use clipmill_storage::Health as _;
use http::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn health_is_told_without_a_token() {
    let world = World::new().await;
    assert_eq!(world.get("/", "").await.expect(200)["name"], "clipmill");
    for path in ["/health", "/healthz"] {
        assert_eq!(world.get(path, "").await.expect(200), json!({"status": "healthy"}));
    }
    let metrics = world.get("/metrics", "").await;
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    assert!(metrics.text().contains(r#"route="/healthz",status="200""#), "{}", metrics.text());
}

#[tokio::test]
async fn readiness_names_what_is_wrong() {
    let world = World::with(|config| {
        config.tools.yt_dlp = Some("/nowhere/yt-dlp".into());
    })
    .await;
    let body = world.get("/readyz", "").await.expect(503);
    assert_eq!(body["ready"], false);
    assert_eq!(body["problems"].as_array().unwrap().len(), 1, "{body}");
    assert!(body["problems"][0].as_str().unwrap().starts_with("yt-dlp is not there"));
    let ready = World::with(|config| {
        // Any program that is there stands for the one that is looked for.
        config.tools.yt_dlp = Some("/bin/sh".into());
    })
    .await;
    let body = ready.get("/readyz", "").await.expect(200);
    assert_eq!(body, json!({"ready": true, "problems": []}));
    ready.storage.close().await;
    assert_eq!(ready.get("/readyz", "").await.expect(503)["ready"], false);
}

/// A path of the description with values in the place of names.
fn concrete(path: &str) -> String {
    path.replace("{video_id}", "507f1f77bcf86cd799439011")
        .replace("{encode_id}", "507f1f77bcf86cd799439011")
        .replace("{token}", "a.b.c")
}

#[tokio::test]
async fn every_documented_operation_is_there() {
    let world = World::new().await;
    let document = world.get("/openapi.json", "").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            count += 1;
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let reply = world.send(world.request(method.clone(), &concrete(path))).await;
            assert_ne!(reply.status(), 405, "{method} {path}");
            assert!(reply.text() != r#"{"code":"not_found","error":"Not found"}"#, "{path}");
        }
    }
    assert!(count >= 30, "{count}");
}
