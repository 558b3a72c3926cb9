//! The cache of sessions, and what must not come back.

use std::sync::Arc;

use clipmill_core::Time;

use super::server::Server;
use super::{Redis, at, calm, live, until};
use crate::mongo::redis::Cached;
use crate::mongo::redis::sessions::Seen;
use crate::{LiveSession, token_hash};

const DAY: i64 = 24 * 3600;

async fn miss(redis: &Redis, token: &str) -> Seen {
    match redis.session(token, at(0)).await {
        Cached::Miss(seen) => seen,
        other => panic!("not a miss: {other:?}"),
    }
}

/// As whoever ends sessions calls it.
async fn forget(redis: &Redis, tokens: &[&str]) {
    let hashes: Vec<_> = tokens.iter().map(|token| token_hash(token)).collect();
    redis.forget(&hashes).await;
}

async fn hit(redis: &Redis, token: &str, now: Time) -> (LiveSession, bool, Seen) {
    match redis.session(token, now).await {
        Cached::Live { session, fresh, seen } => (session, fresh, seen),
        other => panic!("not there: {other:?}"),
    }
}

async fn is_unknown(redis: &Redis, token: &str) -> bool {
    matches!(redis.session(token, at(0)).await, Cached::Unknown)
}

#[tokio::test]
async fn a_session_is_read_back_by_another_node_and_believed_for_five_seconds() {
    let server = Server::start();
    let (one, other) = (calm(&server).await, calm(&server).await);
    let session = live(at(100));
    let seen = miss(&one, "token").await;
    one.remember("token", seen, &session, at(10)).await;
    for (now, believed) in [(10, true), (14, true), (15, false), (9, false)] {
        let (found, fresh, _) = hit(&other, "token", at(now)).await;
        assert_eq!((&found, fresh), (&session, believed), "at {now}");
    }
    let (_, _, seen) = hit(&other, "token", at(20)).await;
    other.remember("token", seen, &session, at(20)).await;
    assert!(hit(&one, "token", at(21)).await.1);
}

#[tokio::test]
async fn keys_and_lifetimes_are_the_reference_services() {
    let server = Server::start();
    let redis = calm(&server).await;
    // SHA-256 of "token".
    let key = "session:3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0";
    let session = live(at(30 * DAY));
    let seen = miss(&redis, "token").await;
    redis.remember("token", seen, &session, at(0)).await;
    let value: String = server.ask(&format!("GET {key}"));
    let value: serde_json::Value = serde_json::from_str(&value).unwrap();
    assert_eq!(value["user_id"], session.user_id.to_string());
    assert_eq!(value["email"], "somebody@example.org");
    let left: i64 = server.ask(&format!("TTL {key}"));
    assert!((7 * DAY - 60..=7 * DAY).contains(&left), "{left} s");

    for (token, expires_at) in [("short", at(100)), ("over", at(40))] {
        let seen = miss(&redis, token).await;
        redis.remember(token, seen, &live(expires_at), at(40)).await;
    }
    let short = redis.names.session(&token_hash("short"));
    let left: i64 = server.ask(&format!("TTL {short}"));
    assert!((30..=60).contains(&left), "{left} s");
    miss(&redis, "over").await;
}

#[tokio::test]
async fn what_was_read_before_a_session_ended_is_not_written_after() {
    let server = Server::start();
    let (one, other) = (calm(&server).await, calm(&server).await);
    let session = live(at(100));

    // A reader that found nothing, then asked the database, and is slow.
    let slow = miss(&one, "first").await;
    forget(&other, &["first"]).await;
    assert!(is_unknown(&one, "first").await);
    one.remember("first", slow, &session, at(0)).await;
    assert!(is_unknown(&one, "first").await);

    // One that found an old entry and asked again.
    let seen = miss(&one, "second").await;
    one.remember("second", seen, &session, at(0)).await;
    let (_, fresh, slow) = hit(&one, "second", at(50)).await;
    assert!(!fresh);
    forget(&other, &["second", "third"]).await;
    one.remember("second", slow, &session, at(50)).await;
    assert!(is_unknown(&one, "second").await);

    // One that was overtaken by another reader changes nothing either.
    let (slow, quick) = (miss(&one, "fourth").await, miss(&other, "fourth").await);
    other.remember("fourth", quick, &session, at(9)).await;
    one.remember("fourth", slow, &live(at(90)), at(1)).await;
    assert_eq!(hit(&one, "fourth", at(9)).await.0, session);
}

#[tokio::test]
async fn entries_of_the_reference_service_and_rubbish_are_replaced() {
    let server = Server::start();
    let redis = calm(&server).await;
    let session = live(at(100));
    let reference = format!(r#"{{"user_id":"{}","email":"a@example.org"}}"#, session.user_id);
    for (number, value) in [reference.as_str(), "", "{", "null", "\u{fffd}\u{0}"].iter().enumerate()
    {
        let token = format!("token {number}");
        let mut set = ::redis::cmd("SET");
        set.arg(redis.names.session(&token_hash(&token))).arg(value).arg("EX").arg(600);
        let _: () = server.run(&set);
        let seen = miss(&redis, &token).await;
        redis.remember(&token, seen, &session, at(0)).await;
        assert_eq!(hit(&redis, &token, at(1)).await.0, session);
    }
    // A key of another kind is no reason to stumble, and does not count against Redis.
    let _: () = server.ask(&format!("RPUSH {} x", redis.names.session(&token_hash("list"))));
    assert!(is_unknown(&redis, "list").await);
    assert_eq!(redis.problem().await, None);
    forget(&redis, &["list"]).await;
    assert!(is_unknown(&redis, "list").await);
}

#[tokio::test]
async fn forgetting_goes_on_when_the_caller_leaves() {
    let server = Server::start();
    let redis = Arc::new(calm(&server).await);
    let tokens: Vec<_> = (0..300).map(|number| format!("token {number}")).collect();
    let hashes: Vec<_> = tokens.iter().map(|token| token_hash(token)).collect();
    let forgetting = redis.forget(&hashes);
    // Polled once, then dropped.
    tokio::select! {
        biased;
        () = forgetting => panic!("it was too quick"),
        () = std::future::ready(()) => {}
    }
    until("all are marked", async || {
        let mut unknown = 0;
        for token in &tokens {
            unknown += u32::from(is_unknown(&redis, token).await);
        }
        unknown == 300
    })
    .await;
}
