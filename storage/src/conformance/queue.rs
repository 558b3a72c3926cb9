//! Rules of the queue: what enters it, leaves it, and who gets what.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::fixtures::{
    MINUTE, at, claim, claimed, clip, completed, done, encode, enqueue, new_id, new_video, queued,
    read, rendition, saved, upload, why,
};
use crate::{Cancelled, Enqueued, Job, LeaseHeld, Status, Storage, StorageError, Video};

/// What a record looks like right after an enqueue.
fn fresh(mut video: Video, want: &crate::Want, due: i64) -> Video {
    video.origin.set_want(want);
    video.job = Job { due_at: Some(at(due)), ..Job::idle() };
    video
}

/// From idle, completed and failed it is queued anew; active stays as it is.
pub async fn jobs_enqueue_from_every_state(storage: Arc<dyn Storage>) {
    let want = rendition("webm");
    let (failed, lease) = claimed(&*storage).await;
    let update = crate::JobUpdate {
        stage: Some(crate::Stage::Trim),
        note: Some("noted".to_owned()),
        ..Default::default()
    };
    assert_eq!(storage.update_job(failed, lease.id, update).await.unwrap(), LeaseHeld::Yes);
    assert_eq!(storage.fail(failed, lease.id, why(), at(100)).await.unwrap(), LeaseHeld::Yes);
    let completed = completed(&*storage).await;
    let idle = saved(&*storage).await;
    for id in [failed, completed, idle] {
        let expected = fresh(read(&*storage, id).await, &want, 7);
        let queued = storage.enqueue(id, &want, at(7)).await.unwrap();
        assert_eq!(queued, Enqueued::Queued(expected.clone()));
        assert_eq!(read(&*storage, id).await, expected);

        let again = storage.enqueue(id, &rendition("mp4"), at(8)).await.unwrap();
        assert_eq!(again, Enqueued::AlreadyActive(expected.clone()));
        assert_eq!(read(&*storage, id).await, expected);
    }

    let (leased, _) = claimed_again(&*storage).await;
    let expected = read(&*storage, leased).await;
    let again = storage.enqueue(leased, &want, at(8)).await.unwrap();
    assert_eq!(again, Enqueued::AlreadyActive(expected.clone()));
    assert_eq!(read(&*storage, leased).await, expected);

    let sent = storage.insert_video(new_video(new_id(), upload(), at(0))).await.unwrap();
    assert_eq!(sent.want(), None);
    let expected = fresh(sent, &encode(), 7);
    let queued = storage.enqueue(expected.id, &encode(), at(7)).await.unwrap();
    assert_eq!(queued, Enqueued::Queued(expected));

    assert_eq!(storage.enqueue(new_id(), &want, at(7)).await.unwrap(), Enqueued::Missing);
}

/// Claims the oldest job of a queue that has some.
async fn claimed_again(storage: &dyn Storage) -> (clipmill_core::Id, crate::Lease) {
    let claimed = claim(storage, at(7)).await.unwrap();
    (claimed.video.id, claimed.lease)
}

/// So a record whose work is cancelled goes when it would have gone before.
pub async fn jobs_enqueue_keeps_file_and_expiry(storage: Arc<dyn Storage>) {
    let id = completed(&*storage).await;
    let before = read(&*storage, id).await;
    assert!(before.file.is_some() && before.expires_at.is_some());
    storage.enqueue(id, &rendition("webm"), at(60)).await.unwrap();
    let queued = read(&*storage, id).await;
    assert_eq!((&queued.file, queued.expires_at), (&before.file, before.expires_at));

    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Idle);
    let cancelled = read(&*storage, id).await;
    assert_eq!(cancelled.job.status, Status::Pending);
    assert_eq!((&cancelled.file, cancelled.expires_at), (&before.file, before.expires_at));
    assert!(storage.delete_expired_video(id, at(30 * 60)).await.unwrap());
}

/// An encode of a clip or a rendition of an upload is an error.
pub async fn jobs_enqueue_refuses_a_foreign_want(storage: Arc<dyn Storage>) {
    for (origin, want) in [(clip(), encode()), (upload(), rendition("mp4"))] {
        let video = storage.insert_video(new_video(new_id(), origin, at(0))).await.unwrap();
        let error = storage.enqueue(video.id, &want, at(0)).await.unwrap_err();
        assert!(matches!(error, StorageError::Refused(_)), "{error}");
        assert_eq!(read(&*storage, video.id).await, video);
    }
}

/// Nothing changes, and another want than the finished one is work.
pub async fn jobs_enqueue_of_the_finished_want_is_already_completed(storage: Arc<dyn Storage>) {
    let id = completed(&*storage).await;
    let finished = read(&*storage, id).await;
    let again = storage.enqueue(id, &rendition("mp4"), at(60)).await.unwrap();
    assert_eq!(again, Enqueued::AlreadyCompleted(finished.clone()));
    assert_eq!(read(&*storage, id).await, finished);
    let other = storage.enqueue(id, &rendition("webm"), at(60)).await.unwrap();
    assert!(matches!(other, Enqueued::Queued(_)));
}

/// Of 20 concurrent calls one answers `Queued`, the others `AlreadyActive`.
pub async fn jobs_enqueue_is_once_under_concurrency(storage: Arc<dyn Storage>) {
    let id = saved(&*storage).await;
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let storage = storage.clone();
        let want = rendition(if number % 2 == 0 { "mp4" } else { "webm" });
        tasks.spawn(async move { storage.enqueue(id, &want, at(number)).await.unwrap() });
    }
    let (mut queued, mut active) = (Vec::new(), Vec::new());
    for enqueued in tasks.join_all().await {
        match enqueued {
            Enqueued::Queued(video) => queued.push(video),
            Enqueued::AlreadyActive(video) => active.push(video),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((queued.len(), active.len()), (1, 19));
    assert!(active.iter().all(|video| *video == queued[0]));
}

/// 8 workers over 500 jobs claim each once.
pub async fn jobs_claim_is_exactly_once(storage: Arc<dyn Storage>) {
    let mut expected = HashSet::new();
    for _ in 0..500 {
        expected.insert(queued(&*storage, at(0)).await);
    }
    let mut workers = JoinSet::new();
    for number in 0..8 {
        let storage = storage.clone();
        workers.spawn(async move {
            let owner = format!("worker {number}");
            let mut mine = Vec::new();
            while let Some(claimed) = storage.claim(&owner, at(1), MINUTE).await.unwrap() {
                assert_eq!(claimed.lease.owner, owner);
                mine.push(claimed.video.id);
            }
            mine
        });
    }
    let claimed: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 500);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), expected);
}

/// By due time, whatever the order of arrival.
pub async fn jobs_claim_oldest_first(storage: Arc<dyn Storage>) {
    let mut jobs = Vec::new();
    for due in [3, 1, 2, 0] {
        jobs.push((due, queued(&*storage, at(due)).await));
    }
    jobs.sort_unstable();
    for (_, expected) in jobs {
        assert_eq!(claim(&*storage, at(10)).await.unwrap().video.id, expected);
    }
    assert_eq!(claim(&*storage, at(10)).await, None);
}

/// Not a millisecond before, and at that moment.
pub async fn jobs_claim_respects_due_time(storage: Arc<dyn Storage>) {
    assert_eq!(claim(&*storage, at(0)).await, None);
    let id = queued(&*storage, at(10)).await;
    assert_eq!(claim(&*storage, at(10) - chrono::TimeDelta::milliseconds(1)).await, None);
    let claimed = claim(&*storage, at(10)).await.unwrap();
    assert_eq!(claimed.video, read(&*storage, id).await);
    let job = &claimed.video.job;
    assert_eq!((job.status, job.attempts), (Status::Processing, 1));
    assert_eq!(job.started_at, Some(at(10)));
    assert_eq!(job.lease.as_ref(), Some(&claimed.lease));
    assert_eq!((claimed.lease.until, job.due_at), (at(70), Some(at(70))));
}

/// And the attempt counts.
pub async fn jobs_claim_takes_over_an_expired_lease(storage: Arc<dyn Storage>) {
    let (id, first) = claimed(&*storage).await;
    assert_eq!(claim(&*storage, at(59)).await, None);
    let second = storage.claim("other", at(60), MINUTE).await.unwrap().unwrap();
    assert_eq!(second.video.id, id);
    assert_ne!(second.lease.id, first.id);
    assert_eq!(second.lease.owner, "other");
    assert_eq!(second.video.job.attempts, 2);
    assert_eq!(second.video.job.started_at, Some(at(0)));
}

/// And is pending again; what is not in the queue is left alone.
pub async fn jobs_cancel_idle_leaves_the_queue(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    assert_eq!(storage.retry(id, lease.id, why(), at(5)).await.unwrap(), LeaseHeld::Yes);
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Idle);
    assert_eq!(read(&*storage, id).await.job, Job::idle());
    assert_eq!(claim(&*storage, at(1_000)).await, None);
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::NotActive);

    let completed = completed(&*storage).await;
    let before = read(&*storage, completed).await;
    assert_eq!(storage.cancel(completed).await.unwrap(), Cancelled::NotActive);
    assert_eq!(read(&*storage, completed).await, before);
    assert_eq!(storage.cancel(new_id()).await.unwrap(), Cancelled::Missing);
}

/// Waiting or under lease, but neither idle nor ended.
pub async fn jobs_active_ids_are_those_in_the_queue(storage: Arc<dyn Storage>) {
    assert_eq!(storage.active_jobs().await.unwrap(), []);
    completed(&*storage).await;
    saved(&*storage).await;
    let (leased, _) = claimed(&*storage).await;
    let waiting = queued(&*storage, at(1_000)).await;
    let active: HashSet<_> = storage.active_jobs().await.unwrap().into_iter().collect();
    assert_eq!(active, HashSet::from([leased, waiting]));
}

/// The next due time or end of a lease.
pub async fn jobs_next_due_tells_when_to_look_again(storage: Arc<dyn Storage>) {
    assert_eq!(storage.next_due().await.unwrap(), None);
    let (id, lease) = claimed(&*storage).await;
    assert_eq!(storage.next_due().await.unwrap(), Some(at(60)));
    let later = saved(&*storage).await;
    enqueue(&*storage, later, at(30)).await;
    assert_eq!(storage.next_due().await.unwrap(), Some(at(30)));
    assert_eq!(storage.cancel(later).await.unwrap(), Cancelled::Idle);
    assert_eq!(storage.heartbeat(id, lease.id, at(20), MINUTE).await.unwrap(), LeaseHeld::Yes);
    assert_eq!(storage.next_due().await.unwrap(), Some(at(80)));
    assert_eq!(storage.stopped(id, lease.id).await.unwrap(), LeaseHeld::Yes);
    assert_eq!(storage.next_due().await.unwrap(), None);
}

/// And no other node's; the attempts count.
pub async fn jobs_reclaim_frees_ones_own(storage: Arc<dyn Storage>) {
    let mut jobs = Vec::new();
    for owner in ["dead", "alive", "dead"] {
        queued(&*storage, at(0)).await;
        jobs.push(storage.claim(owner, at(0), MINUTE).await.unwrap().unwrap());
    }
    assert_eq!(storage.reclaim("dead", at(5)).await.unwrap(), 2);
    assert_eq!(storage.reclaim("nobody", at(5)).await.unwrap(), 0);
    // The lease counts until the next claim.
    let held = storage.heartbeat(jobs[2].video.id, jobs[2].lease.id, at(5), MINUTE).await;
    assert_eq!(held.unwrap(), LeaseHeld::Yes);
    let again = claim(&*storage, at(5)).await.unwrap();
    assert_eq!((again.video.id, again.video.job.attempts), (jobs[0].video.id, 2));
    assert_eq!(claim(&*storage, at(59)).await, None);
}

/// Workers whose clocks are up to ten minutes apart may take a job from each
/// other, but each job is finished exactly once.
pub async fn jobs_skewed_clocks_finish_each_job_once(storage: Arc<dyn Storage>) {
    let mut expected = HashSet::new();
    for _ in 0..40 {
        expected.insert(queued(&*storage, at(0)).await);
    }
    let mut workers = JoinSet::new();
    for skew in [0, 90, 600] {
        let storage = storage.clone();
        workers.spawn(async move {
            let mut finished = Vec::new();
            // Each look at the queue is a second later on this worker's clock.
            for second in 0..80 {
                let now = at(skew + second);
                let Some(job) = storage.claim("worker", now, MINUTE).await.unwrap() else {
                    continue;
                };
                tokio::task::yield_now().await;
                let (id, lease) = (job.video.id, job.lease.id);
                let _ = storage.heartbeat(id, lease, now, MINUTE).await.unwrap();
                let mut done = done(now);
                done.file.file_path = lease.to_string();
                if storage.finish(id, lease, done).await.unwrap() == LeaseHeld::Yes {
                    finished.push((id, lease));
                }
            }
            finished
        });
    }
    let finished: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(finished.len(), expected.len());
    for (id, lease) in finished {
        assert!(expected.remove(&id), "{id} was finished twice");
        let file = read(&*storage, id).await.file.unwrap();
        assert_eq!(file.file_path, lease.to_string());
    }
}
