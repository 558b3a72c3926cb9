//! Redis goes away, hangs, misbehaves, and comes back.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, span};

use super::proxy::Proxy;
use super::server::Server;
use super::{Pace, QUICK, Redis, at, calm, is_woken, keep, new_id, progress, quick, timed, until};
use crate::mongo::redis::Cached;
use crate::token_hash;

const MINUTE: Duration = Duration::from_secs(60);
/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_millis(1500);
/// For who must not lose patience only because the machine is busy.
const PATIENT: Pace = Pace { patience: Duration::from_secs(2), ..QUICK };

async fn until_it_is_back(redis: &Redis) {
    until("Redis is back", async || redis.problem().await.is_none()).await;
}

async fn is_unknown(redis: &Redis, token: &str) -> bool {
    matches!(redis.session(token, at(0)).await, Cached::Unknown)
}

#[tokio::test]
async fn a_killed_server_is_done_without_and_used_again() {
    let mut server = Server::start();
    let (one, other) = (quick(&server).await, quick(&server).await);
    let id = new_id();
    keep(&one, "token").await;
    one.set_progress(id, &progress(10.0)).await;
    assert_eq!(one.count("key", MINUTE, at(0)).await, 1);
    assert_eq!(one.count("key", MINUTE, at(0)).await, 2);

    server.kill();
    let problem = one.problem().await.unwrap();
    let expected = format!("Redis at {} can't be reached: Connection refused", server.at());
    assert!(problem.starts_with(&expected), "{problem}");
    assert!(is_unknown(&one, "token").await);
    // The node does by itself what it can.
    one.set_progress(id, &progress(20.0)).await;
    assert_eq!(one.progress(id).await, Some(progress(20.0)));
    assert_eq!(other.progress(id).await, None);
    for expected in 1..=3 {
        assert_eq!(one.count("key", MINUTE, at(0)).await, expected);
    }
    one.wake().await;
    assert!(is_woken(&one).await);
    one.forget(&[token_hash("token"), token_hash("gone")]).await;
    keep(&one, "late").await;

    server.start_again();
    for node in [&one, &other] {
        until_it_is_back(node).await;
    }
    // What ended meanwhile is known before anything is read.
    for token in ["token", "gone"] {
        assert!(is_unknown(&other, token).await);
    }
    assert!(matches!(other.session("late", at(0)).await, Cached::Miss(_)));
    assert_eq!(one.progress(id).await, None);
    one.set_progress(id, &progress(30.0)).await;
    assert_eq!(other.progress(id).await, Some(progress(30.0)));
    assert_eq!(one.count("key", MINUTE, at(0)).await, 1);
    assert_eq!(other.count("key", MINUTE, at(0)).await, 2);
    // Each coming back ends a wait. After that it is the message that does.
    other.wait(Duration::from_millis(500)).await;
    one.wake().await;
    assert!(is_woken(&other).await);
    assert!(server.keys().iter().all(|key| server.ask::<i64>(&format!("PTTL {key}")) != -1));
}

#[tokio::test]
async fn a_server_that_hangs_costs_requests_next_to_nothing() {
    let server = Server::start();
    let redis = Arc::new(quick(&server).await);
    server.hang();
    // All that are under way when it happens lose their patience once.
    let mut calls = JoinSet::new();
    for number in 0..60 {
        let redis = redis.clone();
        calls.spawn(async move {
            match number % 4 {
                0 => timed(redis.session("token", at(0))).await.1,
                1 => timed(redis.count("key", MINUTE, at(0))).await.1,
                2 => timed(redis.set_progress(new_id(), &progress(1.0))).await.1,
                _ => timed(redis.wake()).await.1,
            }
        });
    }
    for took in calls.join_all().await {
        assert!(took < QUICK.patience + SLACK, "{took:?}");
    }
    until("the attempt to connect again failed", async || {
        timed(redis.session("token", at(0))).await.1 < Duration::from_millis(50)
    })
    .await;
    // Nothing waits any more, while attempts go on.
    let mut took = Vec::new();
    for _ in 0..200 {
        took.push(timed(redis.session("token", at(0))).await.1);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    took.sort_unstable();
    assert!(took[100] < Duration::from_millis(5), "{took:?}");
    assert!(took[190] < Duration::from_millis(100), "{took:?}");
    let problem = redis.problem().await.unwrap();
    assert!(problem.contains("does not answer within"), "{problem}");

    server.go_on();
    until_it_is_back(&redis).await;
    let other = calm(&server).await;
    until("wakes arrive again", async || {
        other.wake().await;
        timed(redis.wait(Duration::from_secs(1))).await.1 < Duration::from_millis(900)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_during_an_outage_is_not_seen_alive_after_it() {
    let server = Server::start();
    let redis = Arc::new(quick(&server).await);
    keep(&redis, "token").await;
    server.hang();
    until("it is done without", async || {
        timed(redis.session("token", at(0))).await.1 < Duration::from_millis(50)
    })
    .await;
    // Redis is told nothing of it, and what it holds stays.
    let many = (0..5_000).map(|number| format!("other {number}"));
    let hashes: Vec<_> = many.chain(["token".to_owned()]).map(|token| token_hash(&token)).collect();
    redis.forget(&hashes).await;
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let redis = redis.clone();
        readers.spawn(async move {
            while redis.connection.error().is_some() {
                assert!(is_unknown(&redis, "token").await);
                tokio::task::yield_now().await;
            }
            assert!(is_unknown(&redis, "token").await);
            assert!(is_unknown(&redis, "other 0").await);
        });
    }
    server.go_on();
    readers.join_all().await;
    assert!(matches!(redis.session("somebody", at(0)).await, Cached::Miss(_)));
}

#[tokio::test]
async fn connections_that_are_lost_without_a_trace_are_replaced() {
    let server = Server::start();
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let proxy = Proxy::to(server.at()).await;
    let redis = Redis::open_at(&proxy.url(), "", PATIENT).await.unwrap();
    assert_eq!(redis.count("key", MINUTE, at(0)).await, 1);
    proxy.lose_connections();
    // One call loses its patience. The next has a new connection.
    let (_, took) = timed(redis.count("key", MINUTE, at(0))).await;
    assert!(took < PATIENT.patience + SLACK, "{took:?}");
    assert_eq!(redis.count("key", MINUTE, at(0)).await, 2);
    assert_eq!(lines.all(), Vec::<String>::new());
    // The idle channel notices by itself.
    let other = calm(&server).await;
    until("wakes arrive again", async || {
        other.wake().await;
        timed(redis.wait(Duration::from_secs(1))).await.1 < Duration::from_millis(900)
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_was_closed_for_being_idle_costs_nothing() {
    let server = Server::start();
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let redis = Redis::open_at(&server.url(), "", PATIENT).await.unwrap();
    for expected in 1..=3 {
        let _: i64 = server.ask("CLIENT KILL TYPE normal");
        assert_eq!(redis.count("key", MINUTE, at(0)).await, expected);
    }
    assert_eq!(redis.problem().await, None);
    assert_eq!(lines.all(), Vec::<String>::new());
}

#[tokio::test]
async fn an_outage_is_told_in_two_lines() {
    let mut server = Server::start();
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let redis = quick(&server).await;
    server.kill();
    for _ in 0..50 {
        redis.count("key", MINUTE, at(0)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.start_again();
    until_it_is_back(&redis).await;
    let told = lines.all();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("WARN Redis can't be reached: Connection refused"), "{told:?}");
    assert!(told[1].starts_with("INFO Redis is back"), "{told:?}");
}

#[tokio::test]
async fn a_server_that_only_answers_is_a_problem_too() {
    let server = Server::start();
    let redis = quick(&server).await;
    for (change, words, back) in [
        ("REPLICAOF 127.0.0.1 1", "is a replica", "REPLICAOF NO ONE"),
        ("CONFIG SET maxmemory 1", "answers: OOM", "CONFIG SET maxmemory 0"),
        ("CONFIG SET requirepass new", "refused the credentials", ""),
    ] {
        let _: () = server.ask(change);
        // A changed password hinders only who connects anew.
        if back.is_empty() {
            let mut kill = ::redis::cmd("CLIENT");
            kill.arg("KILL").arg("TYPE").arg("normal");
            let client = ::redis::Client::open(server.url_as(":new")).unwrap();
            kill.exec(&mut client.get_connection().unwrap()).unwrap();
        }
        let id = new_id();
        redis.set_progress(id, &progress(1.0)).await;
        assert_eq!(redis.progress(id).await, Some(progress(1.0)), "{change}");
        let problem = redis.problem().await.unwrap();
        assert!(problem.contains(words), "{problem}");
        if !back.is_empty() {
            let _: () = server.ask(back);
            until_it_is_back(&redis).await;
        }
    }
}

#[tokio::test]
async fn dropped_calls_leave_the_connection_in_order() {
    let server = Server::start();
    let redis = Arc::new(calm(&server).await);
    let ids: Vec<_> = (0..100).map(|_| new_id()).collect();
    for (number, &id) in ids.iter().enumerate() {
        redis.set_progress(id, &progress(number as f64)).await;
    }
    for round in 0..20 {
        let mut calls = JoinSet::new();
        for &id in &ids {
            let redis = redis.clone();
            calls.spawn(async move { redis.progress(id).await });
        }
        tokio::time::sleep(Duration::from_micros(round * 50)).await;
        drop(calls);
        let number = round as usize;
        assert_eq!(redis.progress(ids[number]).await, Some(progress(number as f64)));
    }
    assert_eq!(redis.problem().await, None);
}

#[tokio::test]
async fn nothing_is_left_when_the_handle_is_dropped() {
    let server = Server::start();
    let (one, other) = (quick(&server).await, quick(&server).await);
    assert_eq!(connections(&server), 4);
    drop(one);
    until("its connections are closed", async || connections(&server) == 2).await;
    // Also while it tries to come back.
    let _: () = server.ask("CONFIG SET maxmemory 1");
    other.count("key", MINUTE, at(0)).await;
    assert!(other.problem().await.is_some());
    drop(other);
    until("its connections are closed", async || connections(&server) == 0).await;
    tokio::time::sleep(3 * QUICK.pause).await;
    assert_eq!(connections(&server), 0);
}

/// How many connections there are besides the one that asks.
fn connections(server: &Server) -> usize {
    let list: String = server.ask("CLIENT LIST");
    let ids: HashSet<_> = list.lines().map(|line| line.split(' ').next()).collect();
    ids.len() - 1
}

/// Lines of this thread's log, from `INFO` on.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.target().contains("redis")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(format!("{} {}", event.metadata().level(), message.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
