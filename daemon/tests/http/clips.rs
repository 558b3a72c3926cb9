//! `/api/video/*` but for saving from a chat.

use std::time::Duration;

use clipmill::config::ClipStart;
use clipmill_core::{Phase, Progress};
use clipmill_storage::Want;
use http::Method;
use serde_json::{Value, json};

use crate::world::{GOOD, PRIVATE, Person, World, bearer, save_body};

fn changed(owner: &Person, field: &str, value: Value) -> Value {
    let mut body = save_body(owner);
    body[field] = value;
    body
}

#[tokio::test]
async fn save_answers_as_promised() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let token = world.public_token().await;
    let save = async |body| world.post("/api/video/save", &token, body).await;
    let mut good = save_body(&ada);
    good["start_time"] = json!("1.5");
    good["additional_message"] = json!("a\u{7}b");
    good["clip_offset"] = json!(30);
    let body = save(good).await.expect(201);
    assert_eq!(body["message"], "Video info saved successfully");
    let id = body["video_id"].as_str().unwrap();
    let status = world.get(&format!("/api/video/status/{id}"), &ada.token).await.expect(200);
    assert_eq!(status["start_time"], 1.5);
    assert_eq!(status["end_time"], json!(120));
    assert_eq!(status["additional_message"], "a b");
    assert_eq!(status["url"], format!("https://www.youtube.com/watch?v={GOOD}"));
    for (field, value, code) in [
        ("url", Value::Null, "missing_field"),
        ("url", json!("https://example.org/video.mp4"), "invalid_url"),
        ("url", json!("file:///etc/passwd"), "invalid_url"),
        ("url", json!("https://user:pw@media.test/a"), "invalid_url"),
        ("url", json!("-oProxyCommand=x"), "invalid_url"),
        ("start_time", Value::Null, "missing_field"),
        ("start_time", json!(-1), "invalid_time_range"),
        ("start_time", json!("one"), "invalid_request"),
        ("start_time", json!(120), "invalid_time_range"),
        ("end_time", Value::Null, "missing_field"),
        ("end_time", json!(3661), "invalid_time_range"),
        ("user_id", Value::Null, "missing_field"),
        ("user_id", json!("507f1f77bcf86cd799439011"), "invalid_user"),
        ("user_id", json!("me"), "invalid_user"),
    ] {
        save(changed(&ada, field, value)).await.refused(400, code);
    }
    let reply = world.post("/api/video/save", "", save_body(&ada)).await;
    reply.refused(401, "missing_token");
    world.wait(chrono::TimeDelta::hours(24));
    save(save_body(&ada)).await.refused(401, "token_expired");
}

#[tokio::test]
async fn every_spelling_of_an_address_is_taken() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let token = world.public_token().await;
    for url in [
        format!("https://www.youtube.com/watch?v={GOOD}"),
        format!("https://www.youtube.com/watch?t=1&v={GOOD}"),
        format!("youtube.com/watch?v={GOOD}"),
        format!("https://youtu.be/{GOOD}?si=x"),
        format!("https://www.youtube.com/embed/{GOOD}"),
        format!("https://www.youtube.com/v/{GOOD}"),
        format!("https://www.youtube.com/live/{GOOD}"),
        format!("https://www.youtube.com/shorts/{GOOD}"),
    ] {
        let reply = world.post("/api/video/save", &token, changed(&ada, "url", json!(url))).await;
        let id = reply.expect(201)["video_id"].as_str().unwrap().to_owned();
        let record = world.record(&id).await.unwrap();
        let clipmill_storage::Origin::Clip(clip) = record.origin else { panic!() };
        assert_eq!(clip.youtube_video_id.as_deref(), Some(GOOD), "{url}");
        assert_eq!(clip.url, format!("https://www.youtube.com/watch?v={GOOD}"));
    }
    let other = changed(&ada, "url", json!("media.test/film.mp4#t=3"));
    let reply = world.post("/api/video/save", &token, other).await;
    let id = reply.expect(201)["video_id"].as_str().unwrap().to_owned();
    let status = world.get(&format!("/api/video/status/{id}"), &ada.token).await.expect(200);
    assert_eq!(status["url"], "https://media.test/film.mp4");
}

#[tokio::test]
async fn formats_of_a_saved_clip_are_found_out_in_the_background() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = world.clip(&ada).await;
    let path = format!("/api/video/status/{id}");
    for _ in 0..200 {
        let status = world.get(&path, &ada.token).await.expect(200);
        if status["available_formats"] == json!(["1440p", "1080p"]) {
            return;
        }
        assert_eq!(status["available_formats"], Value::Null);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never found out");
}

#[tokio::test]
async fn work_can_start_with_saving() {
    let world = World::with(|config| config.clips.start = ClipStart::OnSave).await;
    let ada = world.person("ada@example.org").await;
    let id = world.clip(&ada).await;
    assert_eq!(world.claim().await.video.id.to_string(), id);
}

#[tokio::test]
async fn status_and_list_tell_the_state() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let id = world.clip(&ada).await;
    let path = format!("/api/video/status/{id}");
    let status = world.get(&path, &ada.token).await.expect(200);
    assert_eq!(status["video_id"], id.as_str());
    assert_eq!(status["status"], "pending");
    assert_eq!(status["start_time"], json!(60));
    assert_eq!(status["file_available"], false);
    assert!(status["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(status.get("progress"), None);
    assert_eq!(status["error_message"], Value::Null);

    let async_download = world
        .request(Method::POST, &format!("/api/video/download/{id}"))
        .header("authorization", bearer(&ada.token))
        .header("prefer", "respond-async");
    let body = world.send(async_download).await.expect(202);
    assert_eq!(body["message"], "Video is currently being processed");
    assert_eq!(body["status"], "processing");
    let claimed = world.claim().await;
    let status = world.get(&path, &ada.token).await.expect(200);
    assert_eq!(status["status"], "processing");
    assert_eq!(status["progress"]["current_phase"], "initializing");
    let progress = Progress {
        current_phase: Phase::Downloading,
        download_progress: 45.2,
        encoding_progress: 0.0,
        speed: Some("2.3x".to_owned()),
        eta: Some("03:24".to_owned()),
        fps: Some(45.2),
    };
    world.app.storage.set_progress(claimed.video.id, &progress).await.unwrap();
    let status = world.get(&path, &ada.token).await.expect(200);
    let expected = json!({"current_phase": "downloading", "download_progress": 45.2,
        "encoding_progress": 0, "speed": "2.3x", "eta": "03:24", "fps": 45.2});
    assert_eq!(status["progress"], expected);

    world.get(&path, &bob.token).await.refused(403, "not_owner");
    world.get(&path, "").await.refused(401, "missing_token");
    for missing in ["507f1f77bcf86cd799439011", "nonsense"] {
        let path = format!("/api/video/status/{missing}");
        world.get(&path, &ada.token).await.refused(404, "not_found");
    }

    world.wait(chrono::TimeDelta::seconds(1));
    let second = world.clip(&ada).await;
    let list = world.get("/api/video/list", &ada.token).await.expect(200);
    let ids: Vec<_> = list["videos"].as_array().unwrap().iter().map(|v| &v["video_id"]).collect();
    assert_eq!(ids, [second.as_str(), id.as_str()]);
    assert_eq!(list["videos"][1]["status"], "processing");
    assert_eq!(list.get("next"), None);
    assert_eq!(world.get("/api/video/list", &bob.token).await.expect(200)["videos"], json!([]));
    world.get("/api/video/list", "").await.refused(401, "missing_token");
    let first = world.get("/api/video/list?limit=1", &ada.token).await.expect(200);
    assert_eq!(first["videos"][0]["video_id"], second.as_str());
    let next = first["next"].as_str().unwrap();
    let rest = world.get(&format!("/api/video/list?before={next}"), &ada.token).await.expect(200);
    assert_eq!(rest["videos"].as_array().unwrap().len(), 1);
    assert_eq!(rest["videos"][0]["video_id"], id.as_str());
    for query in ["limit=0", "limit=x", "before=x"] {
        let path = format!("/api/video/list?{query}");
        world.get(&path, &ada.token).await.refused(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn a_download_makes_waits_and_sends() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = world.clip(&ada).await;
    let path = format!("/api/video/download/{id}");
    // Without a body, waiting for the work.
    let (reply, _) =
        tokio::join!(world.poke(&path, &ada.token), world.finish_next("mp4", b"0123456789"));
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.header("content-type"), "video/mp4");
    let disposition = format!("attachment; filename=\"video_{id}.mp4\"");
    assert_eq!(reply.header("content-disposition"), disposition);
    assert_eq!(reply.header("content-length"), "10");
    assert_eq!(reply.header("accept-ranges"), "bytes");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert!(reply.header("etag").starts_with('"'));
    assert_eq!(reply.text(), "0123456789");

    // Again, with an empty object and with the same preferences.
    for body in [json!({}), json!({"format_preference": "mp4", "resolution_preference": "1080p"})] {
        assert_eq!(world.post(&path, &ada.token, body).await.text(), "0123456789");
    }
    let status = world.get(&format!("/api/video/status/{id}"), &ada.token).await.expect(200);
    assert_eq!(status["file_available"], true);
    assert_eq!(status["file_size_bytes"], 10);

    // Other preferences are another rendition.
    let webm = json!({"format_preference": "webm", "resolution_preference": "best"});
    let (reply, _) =
        tokio::join!(world.post(&path, &ada.token, webm), world.finish_next("webm", b"webm"));
    assert_eq!(reply.header("content-type"), "video/webm");
    assert_eq!(reply.text(), "webm");
    assert_eq!(
        world.record(&id).await.unwrap().want(),
        Some(Want::Clip { format: "webm".to_owned(), resolution: "best".to_owned() })
    );
}

#[tokio::test]
async fn parts_of_a_file_and_its_head() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = world.clip(&ada).await;
    let path = format!("/api/video/download/{id}");
    world.get(&path, &ada.token).await.refused(409, "not_ready");
    let (whole, _) =
        tokio::join!(world.poke(&path, &ada.token), world.finish_next("mp4", b"0123456789"));
    let etag = whole.header("etag").to_owned();
    let with = |method, name, value: &str| {
        world.request(method, &path).header("authorization", bearer(&ada.token)).header(name, value)
    };
    for method in [Method::POST, Method::GET] {
        let part = world.send(with(method, "range", "bytes=2-4")).await;
        assert_eq!(part.status(), 206);
        assert_eq!(part.header("content-range"), "bytes 2-4/10");
        assert_eq!(part.header("content-length"), "3");
        assert_eq!(part.text(), "234");
    }
    let behind = world.send(with(Method::GET, "range", "bytes=10-")).await;
    assert_eq!(behind.header("content-range"), "bytes */10");
    assert_eq!(behind.expect(416)["code"], "range_not_satisfiable");
    let same = with(Method::GET, "range", "bytes=-2").header("if-range", &etag);
    assert_eq!(world.send(same).await.text(), "89");
    let changed = with(Method::GET, "range", "bytes=-2").header("if-range", "\"other\"");
    assert_eq!(world.send(changed).await.status(), 200);
    let head = world.send(with(Method::HEAD, "x-any", "1")).await;
    assert_eq!((head.status().as_u16(), head.header("content-length")), (200, "10"));
    assert_eq!(head.text(), "");
    world.app.stores.files.delete(&format!("{id}.mp4")).await.unwrap();
    world.get(&path, &ada.token).await.refused(404, "file_gone");
    world.poke(&path, &ada.token).await.refused(404, "file_gone");
}

#[tokio::test]
async fn a_download_is_refused_as_promised() {
    let world = World::with(|config| config.clips.wait_seconds = 0).await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let id = world.clip(&ada).await;
    let path = format!("/api/video/download/{id}");
    world.poke(&path, &bob.token).await.refused(403, "not_owner");
    world.poke(&path, "").await.refused(401, "missing_token");
    let missing = "/api/video/download/507f1f77bcf86cd799439011";
    world.poke(missing, &ada.token).await.refused(404, "not_found");
    for (body, code) in [
        (json!({"format_preference": "avi"}), "invalid_format"),
        (json!({"resolution_preference": "480p"}), "invalid_resolution"),
        (json!({"resolution_preference": 1080}), "invalid_request"),
    ] {
        world.post(&path, &ada.token, body).await.refused(400, code);
    }
    // The wait is over at once; then the work belongs to an earlier request.
    for _ in 0..2 {
        assert_eq!(world.poke(&path, &ada.token).await.expect(202)["status"], "processing");
    }
    world.fail_next("private_video").await;
    for _ in 0..2 {
        let body = world.poke(&path, &ada.token).await.expect(500);
        assert_eq!(body["error"], "Video download failed");
        assert_eq!(body["message"], "told by the test");
        assert_eq!(body["code"], "private_video");
    }
    let status = world.get(&format!("/api/video/status/{id}"), &ada.token).await.expect(200);
    assert_eq!(status["status"], "failed");
    assert_eq!(status["error_message"], "told by the test");
}

#[tokio::test]
async fn a_failure_reaches_who_waits() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = world.clip(&ada).await;
    let path = format!("/api/video/download/{id}");
    let (reply, ()) = tokio::join!(world.poke(&path, &ada.token), world.fail_next("no_such_span"));
    assert_eq!(reply.expect(500)["code"], "no_such_span");
    let retry = format!("/api/video/retry/{id}");
    assert_eq!(world.poke(&retry, &ada.token).await.expect(202)["status"], "pending");
    world.poke(&retry, &ada.token).await.refused(409, "not_failed");
    world.finish_next("mp4", b"x").await;
    assert_eq!(world.poke(&path, &ada.token).await.text(), "x");
}

#[tokio::test]
async fn work_is_cancelled_and_begun_again() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let id = world.clip(&ada).await;
    let (cancel, download) =
        (format!("/api/video/cancel/{id}"), format!("/api/video/download/{id}"));
    world.poke(&cancel, &ada.token).await.refused(409, "not_active");
    world.poke(&cancel, &bob.token).await.refused(403, "not_owner");
    let cancelling = async {
        while world.record(&id).await.unwrap().job.due_at.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.poke(&cancel, &ada.token).await
    };
    let (waiting, cancelled) = tokio::join!(world.poke(&download, &ada.token), cancelling);
    assert_eq!(cancelled.expect(200)["status"], "pending");
    waiting.refused(409, "cancelled");
    let (reply, _) =
        tokio::join!(world.poke(&download, &ada.token), world.finish_next("mp4", b"y"));
    assert_eq!(reply.text(), "y");
}

#[tokio::test]
async fn a_deleted_clip_is_gone_with_its_file() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let id = world.clip(&ada).await;
    let download = format!("/api/video/download/{id}");
    let _ = tokio::join!(world.poke(&download, &ada.token), world.finish_next("mp4", b"z"));
    let delete = |token: &str| {
        world
            .request(Method::DELETE, &format!("/api/video/{id}"))
            .header("authorization", bearer(token))
    };
    world.send(delete(&bob.token)).await.refused(403, "not_owner");
    world.send(delete(&ada.token)).await.expect(200);
    world.send(delete(&ada.token)).await.refused(404, "not_found");
    assert!(world.app.stores.files.open(&format!("{id}.mp4")).await.unwrap().is_none());
}

#[tokio::test]
async fn formats_and_resolutions_are_those_of_the_source() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let id = world.clip(&ada).await;
    for key in [id.as_str(), GOOD] {
        let body = world.get(&format!("/api/video/formats/{key}"), &ada.token).await.expect(200);
        let expected = json!({"video_id": GOOD, "resolutions": ["1440p", "1080p"],
            "extensions": ["mp4", "webm"], "formats": {"1440p": ["webm"], "1080p": ["mp4", "webm"]}});
        assert_eq!(body, expected);
    }
    let formats =
        async |key: &str, token: &str| world.get(&format!("/api/video/formats/{key}"), token).await;
    formats(&id, &bob.token).await.refused(403, "not_owner");
    formats(&id, "").await.refused(401, "missing_token");
    formats(GOOD, "").await.refused(401, "missing_token");
    formats("507f1f77bcf86cd799439011", &ada.token).await.refused(404, "not_found");
    formats("not-an-id", &ada.token).await.refused(400, "invalid_video_id");
    let failed = formats(PRIVATE, &ada.token).await;
    failed.refused(500, "private_video");
    assert_eq!(failed.json()["message"], "This video is private");

    let ask = async |body| world.post("/api/video/resolutions", "", body).await;
    let url = format!("https://youtube.com/watch?v={GOOD}");
    let body = ask(json!({"url": url})).await.expect(200);
    let expected = json!({"video_id": GOOD, "url": url, "resolutions": ["1440p", "1080p"]});
    assert_eq!(body, expected);
    ask(json!({})).await.refused(400, "missing_field");
    ask(json!({"url": "https://example.org/"})).await.refused(400, "invalid_url");
    let url = format!("https://youtube.com/watch?v={PRIVATE}");
    ask(json!({"url": url})).await.refused(500, "private_video");
}
