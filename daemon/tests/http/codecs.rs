//! A codec of a plugin, which encodes by itself: from the list of codecs to
//! the file, which outlives the plugin.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clipmill::worker::Pool;
use clipmill_core::probe::{Container, Probe};
use clipmill_core::{Code, Error};
use clipmill_plugins::{
    Codec, CodecDescription, Encoders, FrameEncoder, FrameFormat, FramePlan, Handler, PcmBlock,
    Plan, RawFrame,
};
use serde_json::{Value, json};

use crate::uploads::{form, upload, video};
use crate::world::{Person, Reply, World};

/// Writes frames as they are.
struct Plain;

struct Encoder;

#[async_trait]
impl Codec for Plain {
    fn describe(&self) -> CodecDescription {
        CodecDescription {
            name: "plain".into(),
            qualities: vec!["only".into()],
            container: Container::Other,
            mime: "video/x-yuv4mpeg".into(),
            extension: "y4m".into(),
            offered: true,
        }
    }

    async fn plan(&self, probe: &Probe, quality: &str, _: &Encoders) -> Result<Plan, Error> {
        assert_eq!(quality, "only");
        let video = probe.video.as_ref().unwrap();
        Ok(Plan::Frames(FramePlan {
            width: video.width,
            height: video.height,
            pixel_format: FrameFormat::Yuv420p,
            frame_rate: video.average_rate.unwrap(),
            audio: None,
        }))
    }

    async fn begin(
        &self,
        plan: &FramePlan,
        _quality: &str,
    ) -> Result<(Box<dyn FrameEncoder>, Bytes), Error> {
        let (width, height, rate) = (plan.width, plan.height, plan.frame_rate);
        let head = format!("YUV4MPEG2 W{width} H{height} F{}:{} Ip C420\n", rate.num, rate.den);
        Ok((Box::new(Encoder), head.into()))
    }
}

#[async_trait]
impl FrameEncoder for Encoder {
    async fn push_video(&mut self, frame: RawFrame) -> Result<Bytes, Error> {
        Ok([b"FRAME\n", &frame.data[..]].concat().into())
    }

    async fn push_audio(&mut self, _: PcmBlock) -> Result<Bytes, Error> {
        Err(Error::never(Code::CodecFailed, "nobody asked for sound"))
    }

    async fn finish(self: Box<Self>) -> Result<Bytes, Error> {
        Ok(Bytes::new())
    }
}

async fn uploaded(world: &World, who: &Person) -> String {
    let reply = upload(world, who, &form("video", "my film.mkv", &video())).await;
    reply.expect(201)["encode_id"].as_str().unwrap().to_owned()
}

async fn start(world: &World, who: &Person, id: &str, quality: &str) -> Reply {
    let body = json!({"video_codec": "plain", "quality_preset": quality});
    world.post(&format!("/api/encode/start/{id}"), &who.token, body).await
}

#[tokio::test]
async fn a_plugin_s_codec_is_listed_works_and_its_file_outlives_it() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let id = uploaded(&world, &ada).await;
    start(&world, &ada, &id, "only").await.refused(400, "invalid_codec");
    world.app.engine.registry.set_plugins(vec![Handler::Codec(Arc::new(Plain))]);
    let listed = world.get("/api/encode/codecs", "").await.expect(200);
    assert_eq!(listed["codecs"]["plain"], json!(["only"]));
    start(&world, &ada, &id, "high").await.refused(400, "invalid_quality");

    let pool = Pool::start(&world.app);
    let done = start(&world, &ada, &id, "only").await.expect(200);
    assert_eq!(done["status"], "completed");
    pool.stop(Duration::from_secs(10)).await;
    world.app.engine.registry.set_plugins(Vec::new());
    let file = world.poke(&format!("/api/encode/download/{id}"), &ada.token).await;
    assert_eq!(file.status().as_u16(), 200);
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"my film_plain_only.y4m\""
    );
    let head = "YUV4MPEG2 W64 H48 F10:1 Ip C420\n";
    assert!(file.0.body().starts_with(head.as_bytes()));
    assert_eq!(file.0.body().len(), head.len() + 5 * (6 + 64 * 48 * 3 / 2));
}

#[tokio::test]
async fn files_are_served_as_what_they_are() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    world.app.engine.registry.set_plugins(vec![Handler::Codec(Arc::new(Plain))]);
    for (extension, media_type) in [("gif", "image/gif"), ("webm", "video/webm")] {
        let id = uploaded(&world, &ada).await;
        let (reply, _) =
            tokio::join!(start(&world, &ada, &id, "only"), world.finish_next(extension, b"bytes"));
        reply.expect(200);
        let file = world.poke(&format!("/api/encode/download/{id}"), &ada.token).await;
        assert_eq!(file.header("content-type"), media_type);
        let name = format!("attachment; filename=\"my film_plain_only.{extension}\"");
        assert_eq!(file.header("content-disposition"), name);
    }
}

#[tokio::test]
async fn a_codec_that_goes_away_is_waited_for() {
    let world = World::with(|config| {
        config.clips.wait_seconds = 0;
        config.workers.max_attempts = 2;
        config.workers.backoff_seconds = 1;
    })
    .await;
    let ada = world.person("ada@example.org").await;
    let id = uploaded(&world, &ada).await;
    world.app.engine.registry.set_plugins(vec![Handler::Codec(Arc::new(Plain))]);
    start(&world, &ada, &id, "only").await.expect(202);
    world.app.engine.registry.set_plugins(Vec::new());
    let pool = Pool::start(&world.app);
    let status = format!("/api/encode/status/{id}");
    let until = async |wanted: &str, code: Value| {
        for _ in 0..500 {
            let body = world.get(&status, &ada.token).await.expect(200);
            if body["status"] == wanted && body["error_code"] == code {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{}", world.get(&status, &ada.token).await.text());
    };
    let failed = until("processing", json!("unknown_codec")).await;
    assert_eq!(failed["error_message"], "there is no codec named plain here now");
    // It is back before the last attempt.
    world.app.engine.registry.set_plugins(vec![Handler::Codec(Arc::new(Plain))]);
    world.wait(chrono::TimeDelta::seconds(2));
    until("completed", Value::Null).await;
    pool.stop(Duration::from_secs(10)).await;
}
