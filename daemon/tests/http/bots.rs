//! `/api/video/save/stream/{token}/{video_id}`

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use clipmill_storage::Origin;
use http::Method;

use crate::world::{GOOD, Person, Reply, SLOW, World};

async fn clip(world: &World, method: Method, path: &str, agent: &str) -> Reply {
    world.send(world.request(method, path).header("user-agent", agent)).await
}

async fn prepared() -> (World, Person, String) {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let token = world.public_token().await;
    (world, ada, token)
}

#[tokio::test]
async fn everyone_but_bots_gets_json() {
    let (world, ada, token) = prepared().await;
    let path = format!("/api/video/save/stream/{token}/{GOOD}");
    let query = format!("user_id={}&message=nice%20save&offset=30&duration=45.5", ada.id);
    for method in [Method::GET, Method::POST] {
        let reply = clip(&world, method, &format!("{path}?{query}"), "curl/8").await;
        let body = reply.expect(201);
        assert_eq!(body["message"], "Video clip saved successfully");
        assert_eq!(body["youtube_video_id"], GOOD);
        let record = world.record(body["video_id"].as_str().unwrap()).await.unwrap();
        let Origin::Clip(saved) = record.origin else { panic!() };
        let moment = saved.moment.unwrap();
        assert_eq!(moment.at.timestamp_millis(), world.now().timestamp_millis());
        assert_eq!((moment.offset, moment.duration), (30.0, 45.5));
        assert_eq!(saved.span, None);
        assert_eq!(saved.clip_offset, Some(30.0));
        assert_eq!(saved.additional_message.as_deref(), Some("nice save"));
    }
    let get = async |path: String| clip(&world, Method::GET, &path, "curl/8").await;
    let plain = get(format!("{path}?user_id={}", ada.id)).await.expect(201);
    let record = world.record(plain["video_id"].as_str().unwrap()).await.unwrap();
    let Origin::Clip(saved) = record.origin else { panic!() };
    let moment = saved.moment.unwrap();
    assert_eq!((moment.offset, moment.duration), (60.0, 120.0));

    get(path.clone()).await.refused(400, "missing_field");
    get(format!("{path}?user_id=nobody")).await.refused(400, "invalid_user");
    for bad in ["offset=-1", "offset=x", "duration=0", "duration=99999", "offset=1e9"] {
        get(format!("{path}?user_id={}&{bad}", ada.id)).await.refused(400, "invalid_number");
    }
    let other = format!("/api/video/save/stream/{token}/nonsense?user_id={}", ada.id);
    get(other).await.refused(400, "invalid_video_id");
    let forged = format!("/api/video/save/stream/a.b.c/{GOOD}?user_id={}", ada.id);
    get(forged).await.refused(401, "invalid_token");
    let private = format!("/api/video/save/stream/{}/{GOOD}?user_id={}", ada.token, ada.id);
    get(private).await.refused(401, "invalid_token");
    let put = clip(&world, Method::PUT, &path, "curl/8").await;
    put.refused(405, "method_not_allowed");
    assert_eq!(put.header("allow"), "GET, POST");
}

#[tokio::test]
async fn a_live_chat_id_names_the_video() {
    let (world, ada, token) = prepared().await;
    let mut message = vec![0x0a, 13, 0x0a, 11];
    message.extend_from_slice(GOOD.as_bytes());
    message.extend_from_slice(&[0x2a, 39, 0x0a, 24]);
    message.extend_from_slice(b"UC0123456789abcdefghijkl");
    message.extend_from_slice(&[0x12, 11]);
    message.extend_from_slice(GOOD.as_bytes());
    let chat = STANDARD.encode(&message).replace('=', "%3D").replace('/', "%2F");
    let path = format!("/api/video/save/stream/{token}/{chat}?user_id={}", ada.id);
    let body = clip(&world, Method::GET, &path, "curl/8").await.expect(201);
    assert_eq!(body["youtube_video_id"], GOOD);
}

#[track_caller]
fn line(reply: &Reply) -> String {
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(reply.header("cache-control"), "no-store");
    let line = reply.text();
    assert!(line.chars().count() < 200 && !line.contains(char::is_control), "{line}");
    line
}

#[tokio::test]
async fn bots_get_one_line_whatever_happens() {
    let (world, ada, token) = prepared().await;
    let path = format!("/api/video/save/stream/{token}/{GOOD}");
    let good = format!("{path}?user_id={}&message=nice%20save", ada.id);
    for agent in
        ["Nightbot-URL-Fetcher/0.0.3", "StreamElements Bot", "Fossabot/2.0", "Streamlabs Cloudbot"]
    {
        let reply = clip(&world, Method::GET, &good, agent).await;
        assert_eq!(line(&reply), "Clip saved: nice save (-60 s)", "{agent}");
    }
    for (name, value) in [("nightbot-user", "name=a"), ("x-fossabot-channelid", "1")] {
        let reply = world.send(world.request(Method::GET, &good).header(name, value)).await;
        assert_eq!(line(&reply), "Clip saved: nice save (-60 s)");
    }
    let reply = clip(&world, Method::GET, &format!("{good}&reply=text"), "curl/8").await;
    assert_eq!(line(&reply), "Clip saved: nice save (-60 s)");
    let json = clip(&world, Method::GET, &format!("{good}&reply=json"), "Nightbot").await;
    json.expect(201);

    let bot = async |path: String| line(&clip(&world, Method::GET, &path, "Nightbot").await);
    let long = format!("{path}?user_id={}&message={}", ada.id, "%0Ax".repeat(400));
    assert!(bot(long).await.starts_with("Clip saved: x x"));
    for (path, word) in [
        (path.clone(), "user_id"),
        (format!("{path}?user_id=x"), "user_id"),
        (format!("/api/video/save/stream/{token}/what?user_id={}", ada.id), "YouTube"),
        (format!("/api/video/save/stream/nonsense/{GOOD}?user_id={}", ada.id), "token"),
        (format!("{path}?user_id={}&offset=x", ada.id), "offset"),
        (format!("/api/video/save/stream/{token}"), "address"),
        (format!("/api/video/save/stream/{token}/{GOOD}/more"), "address"),
    ] {
        let line = bot(path).await;
        assert!(line.starts_with("Clip not saved: ") && line.contains(word), "{line}");
    }
    world.wait(TimeDelta::hours(24));
    assert_eq!(
        bot(good).await,
        "Clip not saved: the token has expired - ask the streamer for a new one"
    );
}

#[tokio::test]
async fn a_link_is_added_where_the_server_has_an_address() {
    let world = World::with(|config| {
        config.server.public_url = Some("https://clips.example".to_owned());
    })
    .await;
    let ada = world.person("ada@example.org").await;
    let token = world.public_token().await;
    let path = format!("/api/video/save/stream/{token}/{GOOD}?user_id={}&message=hi", ada.id);
    let reply = clip(&world, Method::GET, &path, "Nightbot").await;
    assert_eq!(line(&reply), "Clip saved: hi (-60 s). https://clips.example");
}

#[tokio::test]
async fn the_chat_does_not_wait_for_a_source() {
    let (world, ada, token) = prepared().await;
    let path = format!("/api/video/save/stream/{token}/{SLOW}?user_id={}", ada.id);
    // More than are resolved at a time, so that the bound is no wait either.
    for _ in 0..8 {
        let began = Instant::now();
        clip(&world, Method::GET, &path, "curl/8").await.expect(201);
        // The source never answers; this bound is for slow machines, not for speed.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn bots_are_counted_by_token_and_user() {
    let world = World::with(|config| {
        config.limits.save_per_minute = 3;
        config.limits.save_per_user_per_minute = 2;
    })
    .await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let token = world.public_token().await;
    let path = |who: &Person| format!("/api/video/save/stream/{token}/{GOOD}?user_id={}", who.id);
    let save = async |who: &Person, agent: &str| clip(&world, Method::GET, &path(who), agent).await;
    for _ in 0..2 {
        assert!(line(&save(&ada, "Nightbot").await).starts_with("Clip saved"));
    }
    // The third of one user is too much, though the token may save one more.
    assert!(line(&save(&ada, "Nightbot").await).contains("too many"));
    assert!(line(&save(&bob, "Nightbot").await).contains("too many"));
    let refused = save(&ada, "curl/8").await;
    refused.refused(429, "rate_limited");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
    world.wait(TimeDelta::minutes(1));
    save(&ada, "curl/8").await.expect(201);
}
