//! What all nodes see: counters, progress, the wake-up; and what it costs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::server::Server;
use super::{CALM, Redis, at, calm, is_quiet, is_woken, keep, new_id, progress};
use crate::token_hash;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn counters_lose_nothing_between_two_nodes() {
    let server = Server::start();
    let nodes = [Arc::new(calm(&server).await), Arc::new(calm(&server).await)];
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        for node in nodes.clone() {
            calls.spawn(async move { node.count("login", MINUTE, at(20)).await });
        }
    }
    let mut counts = calls.join_all().await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn counters_count_per_key_and_window_whatever_they_are() {
    let server = Server::start();
    let redis = calm(&server).await;
    let long = "x".repeat(100_000);
    for key in ["", "a b\r\n\0*{}", "\u{1F44D}", &long] {
        for (window, now, expected) in [
            (MINUTE, at(0), 1),
            (MINUTE, at(59), 2),
            (MINUTE, at(60), 1),
            (2 * MINUTE, at(60), 1),
            (Duration::ZERO, at(0), 1),
            (Duration::from_nanos(1), at(0), 2),
            (Duration::MAX, at(0), 1),
            (Duration::MAX, at(-3_000_000_000), 1),
        ] {
            assert_eq!(redis.count(key, window, now).await, expected, "{window:?} at {now}");
        }
    }
    assert!(server.keys().iter().all(|key| key.len() < 200));
}

#[tokio::test]
async fn progress_is_seen_by_the_other_node() {
    let server = Server::start();
    let (one, other) = (calm(&server).await, calm(&server).await);
    let id = new_id();
    assert_eq!(other.progress(id).await, None);
    one.set_progress(id, &progress(12.5)).await;
    assert_eq!(other.progress(id).await, Some(progress(12.5)));
    let value: String = server.ask(&format!("GET progress:{id}"));
    assert!(value.contains(r#""current_phase":"encoding""#), "{value}");
    // As the reference service writes it.
    let theirs = r#"{"current_phase":"downloading","download_progress":45.2,"encoding_progress":0,"speed":null,"eta":null,"fps":null}"#;
    let _: () = server.ask(&format!("SET progress:{id} {theirs} EX 3600"));
    assert_eq!(one.progress(id).await.unwrap().download_progress, 45.2);
    other.clear_progress(id).await;
    assert_eq!(one.progress(id).await, None);
}

#[tokio::test]
async fn a_wake_ends_all_waits_on_every_node() {
    let server = Server::start();
    let (one, other) = (calm(&server).await, calm(&server).await);
    let (woken, ()) = tokio::join!(
        async { tokio::join!(is_woken(&one), is_woken(&one), is_woken(&other), is_woken(&other)) },
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            one.wake().await;
        }
    );
    assert_eq!(woken, (true, true, true, true));
}

#[tokio::test]
async fn a_wake_before_the_wait_is_not_missed_and_comes_once() {
    let server = Server::start();
    let (one, other) = (calm(&server).await, calm(&server).await);
    // The first wait takes the wake before the message comes back to its sender.
    let ((), woken) = tokio::join!(one.wake(), is_woken(&one));
    assert!(woken && is_quiet(&one).await);
    assert!(is_woken(&other).await);
    // A message that arrives during a wait ends that wait and the next one.
    assert!(is_quiet(&other).await || is_quiet(&other).await);
}

#[tokio::test]
async fn a_lost_channel_comes_back_and_wakes() {
    let server = Server::start();
    let (one, other) = (calm(&server).await, calm(&server).await);
    assert!(is_quiet(&one).await);
    let _: i64 = server.ask("CLIENT KILL TYPE pubsub");
    // Something may have been missed.
    assert!(is_woken(&one).await);
    assert!(is_woken(&other).await);
    assert_eq!(one.problem().await, None);
    other.wake().await;
    assert!(is_woken(&one).await);
}

#[tokio::test]
async fn deployments_that_share_a_server_do_not_meet() {
    let server = Server::start();
    let first = calm(&server).await;
    let database = Redis::open_at(&format!("{}/1", server.url()), "", CALM).await.unwrap();
    let prefix = Redis::open_at(&server.url(), "other:", CALM).await.unwrap();
    let id = new_id();
    first.wake().await;
    first.set_progress(id, &progress(1.0)).await;
    assert_eq!(first.count("key", MINUTE, at(0)).await, 1);
    for other in [&database, &prefix] {
        assert!(is_quiet(other).await);
        assert_eq!(other.progress(id).await, None);
        assert_eq!(other.count("key", MINUTE, at(0)).await, 1);
    }
    prefix.set_progress(id, &progress(2.0)).await;
    assert!(server.keys().contains(&format!("other:progress:{id}")));
}

#[tokio::test]
async fn every_key_ends() {
    let server = Server::start();
    let redis = calm(&server).await;
    keep(&redis, "token").await;
    redis.forget(&[token_hash("other")]).await;
    redis.set_progress(new_id(), &progress(50.0)).await;
    for window in [MINUTE, Duration::MAX] {
        redis.count("key", window, at(0)).await;
        redis.count("key", window, at(0)).await;
    }
    redis.wake().await;
    let keys = server.keys();
    assert!(keys.len() >= 5, "{keys:?}");
    for key in keys {
        let left: i64 = server.ask(&format!("PTTL {key}"));
        // -2: it ended meanwhile; -1: it never does.
        assert_ne!(left, -1, "{key} never ends");
    }
}

#[tokio::test]
async fn an_idle_node_asks_next_to_nothing() {
    let server = Server::start();
    let _redis = Redis::open(&server.url(), "").await.unwrap();
    let before = commands(&server);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let after = commands(&server);
    // A test of the channel every 15 s.
    assert!(after - before <= 1, "{} commands in 4 s", after - before);
}

/// How many commands the server ran, besides the questions for this.
fn commands(server: &Server) -> u64 {
    let text: String = server.ask("INFO commandstats");
    let calls: HashMap<_, _> = text
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls: u64 = rest.split(',').next()?.parse().ok()?;
            // The test's own driver introduces itself.
            (name != "info" && !name.starts_with("client")).then_some((name, calls))
        })
        .collect();
    assert!(calls.contains_key("subscribe"), "{text}");
    calls.values().sum()
}
