//! Two nodes on the same servers: what one does, the other sees.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clipmill_core::{Id, Phase, Progress};
use clipmill_storage::testing::Proxy;
use clipmill_storage::{Ephemeral, LeaseHeld, Leases, Mongo, Queue, Sessions, Users, Videos};
use futures_util::future::{join, join_all};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::records::{
    MINUTE, at, claim, claimed, done, new_id, queued, read, rendition, session, user,
};
use crate::rooms::Room;

/// Reads a session on a node all the time. Answers whether it was found by a
/// read that began after it had ended.
fn reader(
    node: &Mongo,
    token: &str,
    ended: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<Option<Instant>> {
    let (node, token, ended) = (node.clone(), token.to_owned(), ended.clone());
    tokio::spawn(async move {
        loop {
            let is_over = ended.load(Ordering::SeqCst);
            let found = node.session(&token, chrono::Utc::now()).await.unwrap();
            match (found, is_over) {
                (Some(_), true) => return Some(Instant::now()),
                (None, _) => return None,
                (Some(_), false) => {}
            }
        }
    })
}

/// Ends a session on one node while both read it, and looks at the other.
async fn is_refused_at_once(one: &Mongo, other: &Mongo, user: Id, end: impl AsyncFn(&str)) {
    let session = session(one, user).await;
    let now = chrono::Utc::now();
    // In the cache before it ends.
    assert!(other.session(&session.token, now).await.unwrap().is_some());
    let ended = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = [one, other, other, other]
        .into_iter()
        .map(|node| reader(node, &session.token, &ended))
        .collect();
    tokio::task::yield_now().await;
    end(&session.token).await;
    ended.store(true, Ordering::SeqCst);
    for node in [other, one] {
        assert_eq!(node.session(&session.token, now).await.unwrap(), None);
    }
    for read in join_all(readers).await {
        assert_eq!(read.unwrap(), None, "it was found after it had ended");
    }
    assert_eq!(other.session(&session.token, now).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_on_one_node_is_refused_on_the_other_at_once() {
    let room = Room::new().await;
    let (one, other) = (room.open().await, room.open().await);
    let user = user(&one).await;
    for _ in 0..50 {
        is_refused_at_once(&one, &other, user.id, async |token| {
            one.close_session(token).await.unwrap();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_change_on_one_node_ends_sessions_on_the_other_at_once() {
    let room = Room::new().await;
    let (one, other) = (room.open().await, room.open().await);
    let user = user(&one).await;
    for round in 0..50 {
        is_refused_at_once(&one, &other, user.id, async |_| {
            let hash = format!("$2b${round}");
            assert!(one.set_password(user.id, &hash, chrono::Utc::now()).await.unwrap());
        })
        .await;
    }
}

/// What stands in Redis for a session.
async fn cached(room: &Room, token: &str) -> Option<String> {
    let client = redis::Client::open(room.settings.redis_url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut get = redis::cmd("GET");
    get.arg(format!("{}session:{hash}", room.settings.redis_prefix));
    get.query_async(&mut connection).await.unwrap()
}

/// The node that ends sessions can't tell Redis; the other one believes what it
/// has there for some seconds.
async fn sessions_end_without_redis(room: &Room, break_it: impl AsyncFn(&Proxy)) {
    let (one, _mongodb, redis) = room.open_behind_proxies().await;
    let other = room.open().await;
    let user = user(&one).await;
    let (watched, unseen) = (session(&one, user.id).await, session(&one, user.id).await);
    let now = chrono::Utc::now;
    for token in [&watched.token, &unseen.token] {
        assert!(other.session(token, now()).await.unwrap().is_some());
    }
    break_it(&redis).await;
    let began = Instant::now();
    for token in [&watched.token, &unseen.token] {
        one.close_session(token).await.unwrap();
        assert_eq!(one.session(token, now()).await.unwrap(), None);
    }
    let closed = Instant::now();
    assert!(closed - began < Duration::from_secs(3), "{:?}", closed - began);
    while other.session(&watched.token, now()).await.unwrap().is_some() {
        assert!(closed.elapsed() < Duration::from_secs(6), "it is still valid");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // Nobody has asked for the other one: what Redis says of it is what was written late.
    assert!(cached(room, &unseen.token).await.unwrap().contains(&user.email));
    redis.heal().await;
    let healed = Instant::now();
    while cached(room, &unseen.token).await.as_deref() != Some("{}") {
        assert!(healed.elapsed() < Duration::from_secs(10), "Redis was never told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(other.session(&unseen.token, now()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_on_a_node_without_redis_is_refused_soon() {
    let (one, other) = (Room::new().await, Room::new().await);
    let cut = sessions_end_without_redis(&one, async |redis| redis.cut().await);
    let stall = sessions_end_without_redis(&other, async |redis| redis.stall());
    join(cut, stall).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_counters_and_wakes_reach_the_other_node() {
    let room = Room::new().await;
    let (one, other) = (room.open().await, room.open().await);
    let id = new_id();
    for percent in [10.0, 45.2, 99.9] {
        let progress = Progress {
            current_phase: Phase::Encoding,
            encoding_progress: percent,
            speed: Some("2.3x".to_owned()),
            ..Progress::initializing()
        };
        one.set_progress(id, &progress).await.unwrap();
        assert_eq!(other.progress(id).await.unwrap(), Some(progress));
    }
    other.clear_progress(id).await.unwrap();
    assert_eq!(one.progress(id).await.unwrap(), None);

    let counts = (0..40).map(|number| {
        let node = if number % 2 == 0 { &one } else { &other };
        node.count("login:somebody", MINUTE, at(1))
    });
    let mut counts: Vec<_> = join_all(counts).await.into_iter().map(Result::unwrap).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());

    for _ in 0..10 {
        let waiting = other.clone();
        let wait = tokio::spawn(async move {
            waiting.wait_for_work(Duration::from_secs(20)).await;
            Instant::now()
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let woke = Instant::now();
        one.wake_workers().await;
        let took = wait.await.unwrap().saturating_duration_since(woke);
        // Without the wake it would be 20 s, so that a busy machine may take its time.
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_one_node_is_the_others_when_its_lease_ends() {
    let room = Room::new().await;
    let (one, other) = (room.open().await, room.open().await);
    let id = queued(&one, at(0)).await;
    let first = claimed(&one, at(0)).await;
    assert_eq!(claim(&other, at(59)).await, None);
    assert_eq!(one.heartbeat(id, first.lease.id, at(59), MINUTE).await.unwrap(), LeaseHeld::Yes);
    assert_eq!(claim(&other, at(118)).await, None);
    let second = claimed(&other, at(119)).await;
    assert_eq!((second.video.id, second.video.job.attempts), (id, 2));
    let late = one.finish(id, first.lease.id, done("files/late", at(120))).await.unwrap();
    assert_eq!(late, LeaseHeld::Lost);
    let held = other.finish(id, second.lease.id, done("files/good", at(121))).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    assert_eq!(read(&one, id).await.file, Some(done("files/good", at(121)).file));
}

/// Puts clips into the queue, from both nodes.
async fn fill(nodes: &[Mongo; 2], jobs: usize) -> HashSet<Id> {
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let node = nodes[number % 2].clone();
        tasks.spawn(async move {
            let mut ids = Vec::new();
            for _ in (number..jobs).step_by(8) {
                ids.push(queued(&node, at(0)).await);
            }
            ids
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_workers_on_two_nodes_claim_each_job_once() {
    let room = Room::new().await;
    let nodes = [room.open().await, room.open().await];
    let expected = fill(&nodes, 500).await;
    let mut workers = JoinSet::new();
    for number in 0..8 {
        let node = nodes[number % 2].clone();
        workers.spawn(async move {
            let owner = format!("worker {number}");
            let mut mine = Vec::new();
            while let Some(claimed) = node.claim(&owner, at(1), MINUTE).await.unwrap() {
                mine.push(claimed.video.id);
            }
            mine
        });
    }
    let claimed: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 500);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), expected);
}

/// One node's clock is ten minutes ahead: it takes jobs whose leases still run
/// on the other's clock, and yet nothing is finished twice or lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ahead_finishes_nothing_twice() {
    let room = Room::new().await;
    let nodes = [room.open().await, room.open().await];
    let mut expected = fill(&nodes, 60).await;
    let mut workers = JoinSet::new();
    for (node, skew) in nodes.iter().cloned().zip([0, 600]) {
        workers.spawn(async move {
            let mut finished = Vec::new();
            for second in 0..120 {
                let now = at(skew + second);
                let Some(job) = node.claim("worker", now, MINUTE).await.unwrap() else { continue };
                let (id, lease) = (job.video.id, job.lease.id);
                tokio::task::yield_now().await;
                let done = done(&lease.to_string(), now);
                if node.finish(id, lease, done).await.unwrap() == LeaseHeld::Yes {
                    finished.push((id, lease));
                }
            }
            finished
        });
    }
    for (id, lease) in workers.join_all().await.into_iter().flatten() {
        assert!(expected.remove(&id), "{id} was finished twice");
        assert_eq!(read(&nodes[0], id).await.file.unwrap().file_path, lease.to_string());
    }
    assert_eq!(expected, HashSet::new(), "not finished");
}

/// Records too: what one writes, the other reads at once.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_lasts_is_remembered_by_a_node() {
    let room = Room::new().await;
    let (one, other) = (room.open().await, room.open().await);
    let id = queued(&one, at(0)).await;
    for second in 0..20 {
        let job = claimed(&one, at(second)).await;
        assert_eq!(read(&other, id).await, job.video);
        let held = other.release(id, job.lease.id, at(second)).await.unwrap();
        assert_eq!(held, LeaseHeld::Yes);
        assert_eq!(read(&one, id).await.job.lease, None);
    }
    assert!(other.delete_video(id).await.unwrap().is_some());
    assert_eq!(one.video(id).await.unwrap(), None);
    let gone = one.enqueue(id, &rendition("mp4"), at(30)).await.unwrap();
    assert_eq!(gone, clipmill_storage::Enqueued::Missing);
}
