//! What becomes of calls when the way to MongoDB breaks: they end in time, say
//! that it is away, and work again when it is back.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use clipmill_core::Id;
use clipmill_storage::testing::Proxy;
use clipmill_storage::{
    Cluster, Health, LeaseHeld, Leases, Mongo, Queue, StorageError, Video, Videos,
};
use futures_util::future::join_all;
use mongodb::bson::Document;
use tokio::runtime::Handle;

use crate::calls::calls;
use crate::records::{MINUTE, at, claim, claimed, done, queued, read, saved};
use crate::rooms::Room;

/// A call may take 5 s; a busy machine is late.
const LONGEST: Duration = Duration::from_secs(7);
/// How long it may take after an outage until calls work again.
const BACK: Duration = Duration::from_secs(10);

/// Makes all calls at once; each must end in time and say that MongoDB is away.
async fn all_end_as_unavailable(storage: &Mongo, like: &Video) {
    let began = Instant::now();
    let ended = join_all(
        calls(storage, like)
            .into_iter()
            .map(|(name, call)| async move { (name, call.await, began.elapsed()) }),
    );
    for (name, result, took) in ended.await {
        assert!(matches!(result, Err(StorageError::Unavailable(_))), "{name}: {result:?}");
        assert!(took < LONGEST, "{name} took {took:?}");
    }
}

/// Waits until calls work again, and then makes all.
async fn all_work_again(storage: &Mongo, like: &Video) {
    let healed = Instant::now();
    while let Err(error) = storage.video(like.id).await {
        assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
        assert!(healed.elapsed() < BACK, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (name, result) in join_all(
        calls(storage, like).into_iter().map(|(name, call)| async move { (name, call.await) }),
    )
    .await
    {
        assert!(!matches!(result, Err(StorageError::Unavailable(_))), "{name}: {result:?}");
    }
    assert_eq!(storage.problems().await, [""; 0]);
}

/// `break_it` is called again while the calls are under way.
async fn calls_survive(room: &Room, break_it: impl AsyncFn(&Proxy, bool)) {
    let (storage, mongodb, _redis) = room.open_behind_proxies().await;
    let like = read(&storage, saved(&storage).await).await;
    all_work_again(&storage, &like).await;
    break_it(&mongodb, false).await;
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        break_it(&mongodb, true).await;
    };
    tokio::join!(all_end_as_unavailable(&storage, &like), meanwhile);
    let asked = Instant::now();
    let problems = storage.problems().await;
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert!(problems.len() == 1 && problems[0].starts_with("MongoDB: "), "{problems:?}");
    mongodb.heal().await;
    all_work_again(&storage, &like).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_ends_in_time_and_works_after_the_fault() {
    let rooms = [Room::new().await, Room::new().await, Room::new().await];
    tokio::join!(
        // Refused from the beginning, silent, and cut while calls wait for answers.
        calls_survive(&rooms[0], async |mongodb, _| mongodb.cut().await),
        calls_survive(&rooms[1], async |mongodb, _| mongodb.stall()),
        calls_survive(&rooms[2], async |mongodb, is_under_way| match is_under_way {
            false => mongodb.stall(),
            true => mongodb.cut().await,
        }),
    );
}

/// Makes a call of which the answer is lost; `is_done` looks on another way
/// whether it was carried out.
async fn answer_is_lost<T: Send + 'static>(
    storage: &Mongo,
    mongodb: &Proxy,
    call: impl Future<Output = Result<T, StorageError>> + Send + 'static,
    is_done: impl AsyncFn() -> bool,
) {
    // A new connection would not get beyond its first question.
    until_back(async || storage.time().await).await;
    mongodb.lose_answers();
    let call = tokio::spawn(call);
    let began = Instant::now();
    while !is_done().await {
        assert!(began.elapsed() < LONGEST, "it is not carried out");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    mongodb.cut().await;
    let ended = call.await.unwrap();
    assert!(matches!(ended, Err(StorageError::Unavailable(_))), "it was answered");
    mongodb.heal().await;
}

/// The same call again and again until MongoDB is back.
async fn until_back<T>(call: impl AsyncFn() -> Result<T, StorageError>) -> T {
    let began = Instant::now();
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => assert!(began.elapsed() < BACK, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_cost_time_and_nothing_else() {
    let room = Room::new().await;
    let (storage, mongodb, _redis) = room.open_behind_proxies().await;
    let witness = room.open().await;
    let id = queued(&witness, at(0)).await;

    let claiming = storage.clone();
    let claiming = async move { claiming.claim("worker", at(0), MINUTE).await };
    answer_is_lost(&storage, &mongodb, claiming, async || {
        read(&witness, id).await.job.lease.is_some()
    })
    .await;
    assert_eq!(claim(&witness, at(59)).await, None);
    let job = claimed(&witness, at(60)).await;
    assert_eq!((job.video.id, job.video.job.attempts), (id, 2));

    let (finishing, lease) = (storage.clone(), job.lease.id);
    let finishing = async move { finishing.finish(id, lease, done("files/a", at(61))).await };
    answer_is_lost(&storage, &mongodb, finishing, async || read(&witness, id).await.file.is_some())
        .await;
    let again = until_back(async || storage.finish(id, lease, done("files/a", at(62))).await).await;
    assert_eq!(again, LeaseHeld::Yes);
    assert_eq!(read(&witness, id).await.job.completed_at, Some(at(61)));

    // The same for what daemons agree on.
    let (agreeing, cluster) = (storage.clone(), room.collection("clipmill_cluster"));
    let agreeing = async move { agreeing.agree("name", "mine").await };
    let is_there = async || cluster.find_one(Document::new()).await.unwrap().is_some();
    answer_is_lost(&storage, &mongodb, agreeing, is_there).await;
    assert_eq!(witness.agree("name", "late").await.unwrap(), "mine");
    assert_eq!(until_back(async || storage.agree("name", "mine").await).await, "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_do_not_pile_up_in_an_outage() {
    let room = Room::new().await;
    let (storage, mongodb, _redis) = room.open_behind_proxies().await;
    let like = read(&storage, saved(&storage).await).await;
    all_work_again(&storage, &like).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    mongodb.stall();
    let began = Instant::now();
    let all: Vec<_> = (0..5).flat_map(|_| calls(&storage, &like)).collect();
    let count = all.len();
    assert!(count >= 200, "{count}");
    let ending = join_all(all.into_iter().map(|(_, call)| call));
    let (ended, most) = tokio::join!(ending, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        tasks()
    });
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(
        ended.iter().all(|result| matches!(result, Err(StorageError::Unavailable(_)))),
        "{ended:?}"
    );
    assert!(most < before + 3 * count, "{most} tasks for {count} calls, {before} before");
    // Nothing is left of them, though nothing has answered yet.
    let left = async {
        while tasks() > before + 80 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let left = tokio::time::timeout(LONGEST, left).await;
    assert!(left.is_ok(), "{} tasks are left, {before} before", tasks());
    mongodb.heal().await;
    all_work_again(&storage, &like).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_nobody_waits_for_do_no_harm() {
    let room = Room::new().await;
    let (storage, mongodb, _redis) = room.open_behind_proxies().await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(saved(&storage).await);
    }
    let like = read(&storage, ids[0]).await;
    for round in 0..10_u64 {
        if round == 7 {
            mongodb.stall();
        }
        // Dropped at its first look, on its way, or when it is just about to end.
        for (number, (_, call)) in (0..).zip(calls(&storage, &like)) {
            let patience = Duration::from_micros(number * round * 20);
            tokio::time::timeout(patience, call).await.ok();
        }
        mongodb.heal().await;
        let found = join_all(ids.iter().map(|&id| storage.video(id))).await;
        for (id, found) in ids.iter().zip(found) {
            assert_eq!(found.unwrap().map(|video| video.id), Some(*id));
        }
    }
    all_work_again(&storage, &like).await;
}

/// Workers that do what daemons do: repeat what was not answered.
async fn work(storage: &Mongo) -> Vec<(Id, Id)> {
    let (mut finished, began) = (Vec::new(), Instant::now());
    let now = || at(0) + chrono::TimeDelta::from_std(began.elapsed()).unwrap();
    while began.elapsed() < Duration::from_secs(20) {
        let lasts = Duration::from_secs(2);
        let job = match storage.claim("worker", now(), lasts).await {
            Ok(Some(job)) => job,
            Ok(None) => match storage.active_jobs().await {
                Ok(active) if active.is_empty() => break,
                _ => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            Err(error) => {
                assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let (id, lease) = (job.video.id, job.lease.id);
        let done = done(&lease.to_string(), now());
        if until_back(async || storage.finish(id, lease, done.clone()).await).await
            == LeaseHeld::Yes
        {
            finished.push((id, lease));
        }
    }
    finished
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_comes_and_goes_loses_no_job() {
    let room = Room::new().await;
    let (storage, mongodb, _redis) = room.open_behind_proxies().await;
    let witness = room.open().await;
    let mut expected = HashSet::new();
    for _ in 0..80 {
        expected.insert(queued(&witness, at(0)).await);
    }
    let breaking = async {
        for round in 0..6 {
            tokio::time::sleep(Duration::from_millis(40)).await;
            match round % 3 {
                0 => mongodb.cut().await,
                1 => mongodb.lose_answers(),
                _ => mongodb.stall(),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            // Answers that are lost are only noticed when the connection goes.
            mongodb.cut().await;
            mongodb.heal().await;
        }
    };
    let (finished, ()) = tokio::join!(join_all((0..4).map(|_| work(&storage))), breaking);
    for (id, lease) in finished.into_iter().flatten() {
        assert!(expected.remove(&id), "{id} was finished twice");
        assert_eq!(read(&witness, id).await.file.unwrap().file_path, lease.to_string());
    }
    assert_eq!(expected, HashSet::new(), "not finished");
}
