//! `/api/encode/*` but for uploads.

use clipmill_core::Id;
use clipmill_storage::{NewVideo, Origin, Upload, Videos as _};
use http::Method;
use serde_json::{Value, json};

use crate::world::{Person, Reply, World, bearer};

/// A record of an upload, without its file.
async fn uploaded(world: &World, owner: &Person, name: &str) -> String {
    let id = Id::generate(world.now());
    let new = NewVideo {
        id,
        user_id: owner.id.parse().unwrap(),
        origin: Origin::Upload(Upload {
            original_filename: name.to_owned(),
            input_file_path: format!("{id}.avi"),
            input_size_bytes: 3 << 20,
            duration: Some(120.0),
            video_codec: None,
            audio_codec: None,
            quality_preset: None,
        }),
        created_at: world.now(),
        expires_at: None,
    };
    world.storage.insert_video(new).await.unwrap();
    id.to_string()
}

async fn start(world: &World, who: &Person, id: &str, codec: &str, quality: &str) -> Reply {
    let body = json!({"video_codec": codec, "quality_preset": quality});
    world.post(&format!("/api/encode/start/{id}"), &who.token, body).await
}

#[tokio::test]
async fn codecs_are_listed_for_everyone() {
    let world = World::new().await;
    let body = world.get("/api/encode/codecs", "").await.expect(200);
    let qualities = json!(["lossless", "high", "medium"]);
    let expected = json!({"codecs": {"h264": qualities, "h265": qualities, "av1": qualities}});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_encode_from_start_to_download() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = uploaded(&world, &ada, "Über mein Video.avi").await;
    let status = format!("/api/encode/status/{id}");
    let download = format!("/api/encode/download/{id}");
    let before = world.get(&status, &ada.token).await.expect(200);
    assert_eq!(before["status"], "pending");
    assert_eq!(before["progress"], 0);
    assert_eq!(before["video_codec"], Value::Null);
    assert_eq!(before["file_size_mb"], 3);
    world.poke(&download, &ada.token).await.refused(400, "not_started");

    let (reply, _) = tokio::join!(
        start(&world, &ada, &id, "h264", "high"),
        world.finish_next("mp4", b"encoded")
    );
    let body = reply.expect(200);
    assert_eq!(body["message"], "Video encoded successfully");
    assert_eq!(body["encode_id"], id.as_str());
    assert_eq!(body["file_size_mb"], 0);
    let again = start(&world, &ada, &id, "h264", "high").await.expect(200);
    assert_eq!(again["message"], "Video already encoded");
    assert_eq!(again["status"], "completed");

    let after = world.get(&status, &ada.token).await.expect(200);
    assert_eq!(after["status"], "completed");
    assert_eq!(after["progress"], 100);
    assert_eq!(after["video_codec"], "h264");
    assert_eq!(after["quality_preset"], "high");
    assert_eq!(after["original_filename"], "Über mein Video.avi");
    assert_eq!(after["file_available"], true);
    assert_eq!(after["duration"], 120);
    for time in ["created_at", "encoding_started_at", "encoding_completed_at"] {
        assert!(after[time].as_str().unwrap().ends_with('Z'), "{time}");
    }
    let file = world.poke(&download, &ada.token).await;
    assert_eq!(file.text(), "encoded");
    assert_eq!(file.header("content-type"), "video/mp4");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"_ber mein Video_h264_high.mp4\"; \
         filename*=UTF-8''%C3%9Cber%20mein%20Video_h264_high.mp4"
    );
    let head = world.request(Method::HEAD, &download).header("authorization", bearer(&ada.token));
    assert_eq!(world.send(head).await.header("content-length"), "7");

    // It is in the list, without the fields of a clip.
    let list = world.get("/api/video/list", &ada.token).await.expect(200);
    assert_eq!(list["videos"][0]["video_id"], id.as_str());
    for field in ["url", "start_time", "end_time"] {
        assert_eq!(list["videos"][0][field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn an_encode_is_refused_as_promised() {
    let world = World::with(|config| config.clips.wait_seconds = 0).await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let id = uploaded(&world, &ada, "myvideo.avi").await;
    start(&world, &ada, &id, "vp8", "high").await.refused(400, "invalid_codec");
    start(&world, &ada, &id, "h264", "best").await.refused(400, "invalid_quality");
    let empty = world.post(&format!("/api/encode/start/{id}"), &ada.token, json!({})).await;
    empty.refused(400, "invalid_codec");
    start(&world, &bob, &id, "h264", "high").await.refused(403, "not_owner");
    let nobody = Person { id: String::new(), token: String::new() };
    start(&world, &nobody, &id, "h264", "high").await.refused(401, "missing_token");
    let clip = world.clip(&ada).await;
    for other in ["507f1f77bcf86cd799439011", "x", &clip] {
        start(&world, &ada, other, "h264", "high").await.refused(404, "not_found");
        for what in ["status", "download"] {
            let path = format!("/api/encode/{what}/{other}");
            let reply = match what {
                "status" => world.get(&path, &ada.token).await,
                _ => world.poke(&path, &ada.token).await,
            };
            reply.refused(404, "not_found");
        }
    }
    let download = format!("/api/encode/download/{id}");
    world.get(&format!("/api/encode/status/{id}"), &bob.token).await.refused(403, "not_owner");
    world.get(&format!("/api/encode/status/{id}"), "").await.refused(401, "missing_token");
    world.poke(&download, &bob.token).await.refused(403, "not_owner");
    world.poke(&download, "").await.refused(401, "missing_token");

    for _ in 0..2 {
        let body = start(&world, &ada, &id, "av1", "medium").await.expect(202);
        assert_eq!(body["message"], "Video is currently being encoded");
        assert_eq!(body["status"], "processing");
    }
    let body = world.poke(&download, &ada.token).await.expect(202);
    assert_eq!(body["message"], "Video is still being encoded");
    assert_eq!(body["progress"], 0);
    world.fail_next("encode_failed").await;
    world.poke(&download, &ada.token).await.refused(500, "encode_failed");
    let failed = world.get(&format!("/api/encode/status/{id}"), &ada.token).await.expect(200);
    assert_eq!(failed["error_message"], "told by the test");
    // Started anew it is tried anew.
    start(&world, &ada, &id, "av1", "medium").await.expect(202);
    let cancel = format!("/api/encode/cancel/{id}");
    world.poke(&cancel, &ada.token).await.expect(200);
    world.poke(&cancel, &ada.token).await.refused(409, "not_active");
    start(&world, &ada, &id, "av1", "medium").await.expect(202);
    world.finish_next("mp4", b"bytes").await;
    world.app.stores.files.delete(&format!("{id}.mp4")).await.unwrap();
    world.poke(&download, &ada.token).await.refused(404, "file_gone");
    let upload = format!("/api/video/download/{id}");
    world.poke(&upload, &ada.token).await.refused(400, "not_a_clip");
    let formats = format!("/api/video/formats/{id}");
    world.get(&formats, &ada.token).await.refused(400, "not_a_clip");
}

#[tokio::test]
async fn a_failed_encode_reaches_who_waits() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = uploaded(&world, &ada, "a.mkv").await;
    let (reply, ()) = tokio::join!(
        start(&world, &ada, &id, "h265", "lossless"),
        world.fail_next("encode_failed")
    );
    let body = reply.expect(500);
    assert_eq!(body["error"], "Video encoding failed");
    assert_eq!(body["code"], "encode_failed");
}
