//! `POST /api/encode/upload`

use std::process::Command;

use clipmill_core::process;
use clipmill_storage::Origin;
use http::Method;
use serde_json::json;

use crate::world::{Person, Reply, World, bearer};

pub const BOUNDARY: &str = "----the-boundary";

/// A form with one file.
pub fn form(field: &str, name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; \
         filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    [head.as_bytes(), content, tail.as_bytes()].concat()
}

/// Half a second of a test picture.
pub fn video() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("v.mkv");
    let status = Command::new(process::find("ffmpeg", None).expect("ffmpeg is needed"))
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5"])
        .args(["-c:v", "mpeg4"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::read(file).unwrap()
}

pub async fn upload(world: &World, who: &Person, body: &[u8]) -> Reply {
    let request = world
        .request(Method::POST, "/api/encode/upload")
        .header("authorization", bearer(&who.token))
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body);
    world.send(request).await
}

#[tokio::test]
async fn an_upload_is_received_and_looked_at() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let video = video();
    let reply = upload(&world, &ada, &form("video", "../My Film.MKV", &video)).await;
    let body = reply.expect(201);
    assert_eq!(body["message"], "Video uploaded successfully");
    assert_eq!(body["original_filename"], "My Film.mkv");
    assert_eq!(
        body["metadata"],
        json!({"duration": 0.5, "resolution": "64x48", "original_codec": "mpeg4"})
    );
    assert!(body["file_size_mb"].is_number());
    let id = body["encode_id"].as_str().unwrap();
    let record = world.record(id).await.unwrap();
    assert_eq!(record.expires_at, Some(record.created_at + chrono::TimeDelta::hours(24)));
    let Origin::Upload(upload) = record.origin else { panic!() };
    assert_eq!(upload.input_file_path, format!("{id}.mkv"));
    assert_eq!(upload.input_size_bytes, video.len() as u64);
    let files = world.uploads();
    assert_eq!(files, [world.app.config.folders.uploads().join(format!("{id}.mkv"))]);
    assert_eq!(std::fs::read(&files[0]).unwrap(), video);
    let delete = world
        .request(Method::DELETE, &format!("/api/video/{id}"))
        .header("authorization", bearer(&ada.token));
    world.send(delete).await.expect(200);
    assert!(world.uploads().is_empty());
}

#[tokio::test]
async fn a_refused_upload_leaves_nothing() {
    let world = World::with(|config| config.uploads.max_mb = 1).await;
    let ada = world.person("ada@example.org").await;
    let large = vec![0; (1 << 20) + 1];
    let cut = form("video", "a.mp4", &[7; 4000]);
    let cut = &cut[..cut.len() - 100];
    for (body, code) in [
        (form("video", "a.mp4", &large), "file_too_large"),
        (form("video", "a.exe", b"MZ"), "invalid_file_type"),
        (form("video", "a.mp4", b"this is no video"), "not_media"),
        (form("video", "a.mp4", b""), "empty_file"),
        (form("video", "", b"x"), "no_file"),
        (form("other", "a.mp4", b"x"), "no_file"),
        (cut.to_vec(), "upload_broken"),
        (b"nonsense".to_vec(), "upload_broken"),
    ] {
        upload(&world, &ada, &body).await.refused(400, code);
        assert!(world.uploads().is_empty(), "{code}");
    }
    let list = world.get("/api/video/list", &ada.token).await.expect(200);
    assert_eq!(list["videos"], json!([]));
    let nobody = Person { id: String::new(), token: String::new() };
    upload(&world, &nobody, &form("video", "a.mp4", b"x")).await.refused(401, "missing_token");
    world.poke("/api/encode/upload", &ada.token).await.refused(400, "no_file");
    let json = world.post("/api/encode/upload", &ada.token, json!({})).await;
    json.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn only_so_many_uploads_at_a_time() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let places = world.app.signals.receiving.available_permits() as u32;
    let taken = world.app.signals.receiving.acquire_many(places).await.unwrap();
    let body = form("video", "a.mp4", b"x");
    upload(&world, &ada, &body).await.refused(503, "busy");
    drop(taken);
    upload(&world, &ada, &body).await.refused(400, "not_media");
}

#[tokio::test]
async fn what_can_not_be_written_is_our_fault() {
    let world = World::with(|config| {
        // A file stands where the folder should be.
        let place = config.folders.data.join("occupied");
        std::fs::create_dir_all(&config.folders.data).unwrap();
        std::fs::write(&place, "").unwrap();
        config.folders.work = Some(place);
    })
    .await;
    let ada = world.person("ada@example.org").await;
    let reply = upload(&world, &ada, &form("video", "a.mp4", b"x")).await;
    reply.refused(500, "upload_failed");
}
