//! Over real servers that each test starts for itself.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use clipmill_core::{Id, Phase, Progress, Time};

mod outage;
mod proxy;
mod server;
mod sessions;
mod shared;
mod start;

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use self::server::Server;
use super::pace::{PACE, Pace};
use super::{Cached, Redis};
use crate::LiveSession;

/// For what is not about time: a busy machine answers late, and connects late.
const CALM: Pace = Pace {
    patience: Duration::from_secs(20),
    attempt: Duration::from_secs(20),
    start: Duration::from_secs(60),
    ..PACE
};

/// For outages: what is asked of a request, and a quick recovery.
const QUICK: Pace = Pace {
    patience: Duration::from_millis(300),
    pause: Duration::from_millis(100),
    attempt: Duration::from_millis(500),
    start: Duration::from_secs(2),
    heartbeat: Duration::from_millis(300),
};

async fn calm(server: &Server) -> Redis {
    Redis::open_at(&server.url(), "", CALM).await.unwrap()
}

async fn quick(server: &Server) -> Redis {
    Redis::open_at(&server.url(), "", QUICK).await.unwrap()
}

fn at(seconds: i64) -> Time {
    Time::from_timestamp(1_767_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

fn new_id() -> Id {
    Id::generate(at(0))
}

fn live(expires_at: Time) -> LiveSession {
    LiveSession {
        id: new_id(),
        user_id: new_id(),
        email: "somebody@example.org".to_owned(),
        expires_at,
    }
}

/// Puts a session into the cache that is confirmed at `at(0)`, if there is none.
async fn keep(redis: &Redis, token: &str) {
    if let Cached::Miss(seen) = redis.session(token, at(0)).await {
        redis.remember(token, seen, &live(at(100)), at(0)).await;
    }
}

fn progress(percent: f64) -> Progress {
    Progress {
        current_phase: Phase::Encoding,
        encoding_progress: percent,
        ..Progress::initializing()
    }
}

/// Waits until a condition holds.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a call answers and how long it took.
async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (call.await, began.elapsed())
}

/// Whether a wait ends by a wake.
async fn is_woken(redis: &Redis) -> bool {
    timed(redis.wait(Duration::from_secs(20))).await.1 < Duration::from_secs(10)
}

/// Whether nobody wakes it for a moment.
async fn is_quiet(redis: &Redis) -> bool {
    let moment = Duration::from_millis(300);
    timed(redis.wait(moment)).await.1 >= moment
}
