//! What becomes of calls when the way to Redis breaks: all go on without it.

use std::time::{Duration, Instant};

use clipmill_core::{Id, Progress};
use clipmill_storage::testing::Proxy;
use clipmill_storage::{Ephemeral, Health, Mongo, Sessions};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::records::{MINUTE, at, new_id, session, user};
use crate::rooms::Room;

/// What a call may take when Redis has just gone, and when that is known.
const FIRST: Duration = Duration::from_secs(3);
const LATER: Duration = Duration::from_millis(20);
/// How long a call waits for an answer of Redis while it is thought to be there.
const PATIENCE: Duration = Duration::from_millis(300);

async fn timed<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (call.await, began.elapsed())
}

fn percent(percent: f64) -> Progress {
    Progress { download_progress: percent, ..Progress::initializing() }
}

/// Every call that asks Redis.
fn calls<'a>(
    storage: &'a Mongo,
    token: &'a str,
    job: Id,
) -> Vec<(&'static str, BoxFuture<'a, ()>)> {
    let now = chrono::Utc::now();
    vec![
        (
            "session",
            async move {
                assert!(storage.session(token, now).await.unwrap().is_some());
                assert_eq!(storage.session("unknown", now).await.unwrap(), None);
            }
            .boxed(),
        ),
        (
            "set_progress",
            async move { storage.set_progress(job, &percent(7.0)).await.unwrap() }.boxed(),
        ),
        (
            "progress",
            async move { assert_eq!(storage.progress(job).await.unwrap(), Some(percent(7.0))) }
                .boxed(),
        ),
        (
            "clear_progress",
            async move {
                storage.clear_progress(job).await.unwrap();
                assert_eq!(storage.progress(job).await.unwrap(), None);
            }
            .boxed(),
        ),
        (
            "count",
            async move { assert!(storage.count("key", MINUTE, at(0)).await.unwrap() > 0) }.boxed(),
        ),
        ("wake_workers", storage.wake_workers()),
        ("close_session", async move { storage.close_session("unknown").await.unwrap() }.boxed()),
    ]
}

async fn redis_goes_and_comes_back(room: &Room, break_it: impl AsyncFn(&Proxy)) {
    let (storage, _mongodb, redis) = room.open_behind_proxies().await;
    let other = room.open().await;
    let user = user(&storage).await;
    let (opened, job) = (session(&storage, user.id).await, new_id());
    for (_, call) in calls(&storage, &opened.token, job) {
        call.await;
    }
    assert_eq!(storage.problems().await, [""; 0]);

    break_it(&redis).await;
    for (name, call) in calls(&storage, &opened.token, job) {
        let ((), took) = timed(call).await;
        assert!(took < FIRST, "{name} took {took:?}");
    }
    let mut took = Vec::new();
    for _ in 0..30 {
        for (name, call) in calls(&storage, &opened.token, job) {
            took.push((timed(call).await.1, name));
        }
    }
    took.sort_unstable();
    // A busy machine is late now and then; but none waits for Redis any more.
    let (half, most) = (took[took.len() / 2], &took[took.len() * 9 / 10..]);
    assert!(half.0 < LATER, "{half:?}, {most:?}");
    assert!(most[0].0 < PATIENCE, "{most:?}");
    assert!(took.last().is_some_and(|last| last.0 < FIRST), "{most:?}");
    let counts = [storage.count("own", MINUTE, at(0)), storage.count("own", MINUTE, at(1))];
    for (expected, count) in (1..).zip(counts) {
        assert_eq!(count.await.unwrap(), expected);
    }
    let problems = storage.problems().await;
    let named = format!("Redis at {} ", redis.address());
    assert!(problems.len() == 1 && problems[0].starts_with(&named), "{problems:?}");
    // A wake still reaches this node's own workers.
    storage.wake_workers().await;
    let ((), took) = timed(storage.wait_for_work(Duration::from_secs(20))).await;
    assert!(took < FIRST, "{took:?}");

    redis.heal().await;
    let healed = Instant::now();
    while let [problem, ..] = &*storage.problems().await {
        assert!(healed.elapsed() < Duration::from_secs(10), "{problem}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    storage.set_progress(job, &percent(50.0)).await.unwrap();
    assert_eq!(other.progress(job).await.unwrap(), Some(percent(50.0)));
    assert!(storage.session(&opened.token, chrono::Utc::now()).await.unwrap().is_some());
    other.close_session(&opened.token).await.unwrap();
    assert_eq!(storage.session(&opened.token, chrono::Utc::now()).await.unwrap(), None);
    // Whatever woke it before: now it is the other node.
    storage.wait_for_work(Duration::from_millis(20)).await;
    let (((), took), ()) =
        tokio::join!(timed(storage.wait_for_work(Duration::from_secs(20))), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            other.wake_workers().await;
        });
    assert!(took < FIRST, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_goes_on_without_redis_and_with_it_again() {
    let (one, other) = (Room::new().await, Room::new().await);
    tokio::join!(
        redis_goes_and_comes_back(&one, async |redis| redis.cut().await),
        redis_goes_and_comes_back(&other, async |redis| redis.stall()),
    );
}
