//! Rules of what a worker writes, and of what reaches it.

use std::sync::Arc;

use clipmill_core::{Id, Span};

use super::fixtures::{MINUTE, at, claim, claimed, done, new_id, read, why};
use crate::{Cancelled, Job, JobUpdate, Lease, LeaseHeld, Origin, Stage, Status, Storage};

fn everything() -> JobUpdate {
    JobUpdate {
        stage: Some(Stage::Transcode),
        span: Some(Span { start: 0.1 + 0.7, end: 1e6 + 0.1 }),
        available_formats: Some(vec!["480p".to_owned()]),
        note: Some("late".to_owned()),
    }
}

/// Calls each of a worker's writes with a lease that is no good.
async fn expect_lost(storage: &dyn Storage, id: Id, lease: Id) {
    let lost = LeaseHeld::Lost;
    assert_eq!(storage.heartbeat(id, lease, at(61), MINUTE).await.unwrap(), lost);
    assert_eq!(storage.update_job(id, lease, everything()).await.unwrap(), lost);
    let mut late = done(at(61));
    late.file.file_path = "files/late".to_owned();
    assert_eq!(storage.finish(id, lease, late).await.unwrap(), lost);
    assert_eq!(storage.fail(id, lease, why(), at(61)).await.unwrap(), lost);
    assert_eq!(storage.retry(id, lease, why(), at(61)).await.unwrap(), lost);
    assert_eq!(storage.release(id, lease, at(61)).await.unwrap(), lost);
    assert_eq!(storage.stopped(id, lease).await.unwrap(), lost);
}

/// Each of its writes answers `Lost` and changes nothing.
pub async fn jobs_late_worker_writes_nothing(storage: Arc<dyn Storage>) {
    let (id, late) = claimed(&*storage).await;
    let current = claim(&*storage, at(60)).await.unwrap();
    expect_lost(&*storage, id, late.id).await;
    assert_eq!(read(&*storage, id).await, current.video);

    // Nor does one whose lease is over for good.
    let held = storage.finish(id, current.lease.id, done(at(62))).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    let finished = read(&*storage, id).await;
    expect_lost(&*storage, id, current.lease.id).await;
    expect_lost(&*storage, id, late.id).await;
    assert_eq!(read(&*storage, id).await, finished);
}

/// Each of its writes answers `Lost`.
pub async fn jobs_deleted_record_loses_its_lease(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    assert!(storage.delete_video(id).await.unwrap().is_some());
    expect_lost(&*storage, id, lease.id).await;
    assert_eq!(storage.video(id).await.unwrap(), None);
}

/// To `now + lease`, also when it was over and no other node took it; a late one
/// shortens nothing.
pub async fn jobs_heartbeat_prolongs(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    for (now, until) in [(30, 90), (200, 260), (100, 260)] {
        let held = storage.heartbeat(id, lease.id, at(now), MINUTE).await.unwrap();
        assert_eq!(held, LeaseHeld::Yes);
        let job = read(&*storage, id).await.job;
        assert_eq!(job.lease, Some(Lease { until: at(until), ..lease.clone() }));
        assert_eq!(job.due_at, Some(at(until)));
        assert_eq!(claim(&*storage, at(until - 1)).await, None);
    }
    assert_eq!(claim(&*storage, at(260)).await.unwrap().video.id, id);
}

/// As `CancelRequested`, of a heartbeat and of a checkpoint.
pub async fn jobs_cancel_reaches_the_worker(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Requested);
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Requested);
    assert!(read(&*storage, id).await.job.cancel_requested);
    let held = storage.heartbeat(id, lease.id, at(10), MINUTE).await.unwrap();
    assert_eq!(held, LeaseHeld::CancelRequested);
    let held = storage.update_job(id, lease.id, everything()).await.unwrap();
    assert_eq!(held, LeaseHeld::CancelRequested);
    let job = read(&*storage, id).await.job;
    assert_eq!((job.due_at, job.stage), (Some(at(70)), Some(Stage::Transcode)));
}

/// A job whose worker died before it saw the cancel.
pub async fn jobs_claim_carries_a_cancel_over(storage: Arc<dyn Storage>) {
    let (id, _) = claimed(&*storage).await;
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Requested);
    let next = claim(&*storage, at(60)).await.unwrap();
    assert_eq!(next.video.id, id);
    assert!(next.video.job.cancel_requested);
}

/// Fields that are none stay as they are.
pub async fn jobs_update_writes_only_what_is_given(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    let mut expected = read(&*storage, id).await;
    let all = everything();
    let steps = [
        JobUpdate::default(),
        JobUpdate { stage: all.stage, ..Default::default() },
        JobUpdate { span: all.span, ..Default::default() },
        JobUpdate { available_formats: all.available_formats, ..Default::default() },
        JobUpdate { note: all.note, ..Default::default() },
    ];
    for step in steps {
        let Origin::Clip(clip) = &mut expected.origin else { panic!("a clip") };
        clip.span = step.span.or(clip.span);
        clip.available_formats = step.available_formats.clone().or(clip.available_formats.take());
        expected.job.stage = step.stage.or(expected.job.stage);
        expected.job.note = step.note.clone().or(expected.job.note.take());
        assert_eq!(storage.update_job(id, lease.id, step).await.unwrap(), LeaseHeld::Yes);
        assert_eq!(read(&*storage, id).await, expected);
    }
}

/// Status, file and expiry are there, and it is out of the queue.
pub async fn jobs_finish_completes(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    assert_eq!(storage.retry(id, lease.id, why(), at(1)).await.unwrap(), LeaseHeld::Yes);
    let again = claim(&*storage, at(1)).await.unwrap();
    let held = storage.update_job(id, again.lease.id, everything()).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    let mut expected = read(&*storage, id).await;

    let finished = done(at(20));
    let held = storage.finish(id, again.lease.id, finished.clone()).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    expected.file = Some(finished.file);
    expected.expires_at = Some(finished.expires_at);
    expected.job.status = Status::Completed;
    expected.job.completed_at = Some(at(20));
    (expected.job.due_at, expected.job.lease, expected.job.failure) = (None, None, None);
    assert_eq!(read(&*storage, id).await, expected);
    assert_eq!(claim(&*storage, at(10_000)).await, None);
}

/// Finish and fail answer `Yes` although a cancel was requested.
pub async fn jobs_end_wins_over_a_cancel(storage: Arc<dyn Storage>) {
    let (finished, lease) = claimed(&*storage).await;
    storage.cancel(finished).await.unwrap();
    let held = storage.finish(finished, lease.id, done(at(1))).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    let (failed, lease) = claimed(&*storage).await;
    storage.cancel(failed).await.unwrap();
    assert_eq!(storage.fail(failed, lease.id, why(), at(1)).await.unwrap(), LeaseHeld::Yes);
    for (id, status) in [(finished, Status::Completed), (failed, Status::Failed)] {
        let job = read(&*storage, id).await.job;
        assert_eq!((job.status, job.cancel_requested), (status, false));
    }
}

/// When the file on record is this very one, and only then.
pub async fn jobs_finish_again_is_still_yes(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    for _ in 0..2 {
        let held = storage.finish(id, lease.id, done(at(1))).await.unwrap();
        assert_eq!(held, LeaseHeld::Yes);
    }
    let finished = read(&*storage, id).await;
    let mut other = done(at(1));
    other.file.file_path = "files/second".to_owned();
    assert_eq!(storage.finish(id, lease.id, other).await.unwrap(), LeaseHeld::Lost);
    assert_eq!(read(&*storage, id).await, finished);
    // What was asked for anew is not finished by an old file.
    let want = super::fixtures::rendition("webm");
    storage.enqueue(id, &want, at(2)).await.unwrap();
    let held = storage.finish(id, lease.id, done(at(1))).await.unwrap();
    assert_eq!(held, LeaseHeld::Lost);
}

/// It is not claimed again.
pub async fn jobs_fail_is_final(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    let mut expected = read(&*storage, id).await;
    assert_eq!(storage.fail(id, lease.id, why(), at(500)).await.unwrap(), LeaseHeld::Yes);
    expected.expires_at = Some(at(500));
    expected.job.status = Status::Failed;
    expected.job.failure = Some(why());
    (expected.job.due_at, expected.job.lease) = (None, None);
    assert_eq!(read(&*storage, id).await, expected);
    assert_eq!(claim(&*storage, at(10_000)).await, None);
}

/// It remembers why, and stays `processing`.
pub async fn jobs_retry_waits_until_due(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    let mut expected = read(&*storage, id).await;
    assert_eq!(storage.retry(id, lease.id, why(), at(300)).await.unwrap(), LeaseHeld::Yes);
    expected.job.failure = Some(why());
    (expected.job.due_at, expected.job.lease) = (Some(at(300)), None);
    assert_eq!(read(&*storage, id).await, expected);
    // Not at the end of the lease that was given back, either.
    assert_eq!(claim(&*storage, at(299)).await, None);
    let again = claim(&*storage, at(300)).await.unwrap();
    assert_eq!((again.video.id, again.video.job.attempts), (id, 2));
    assert_eq!(again.video.job.failure, Some(why()));
}

/// Retry and release do what `stopped` does.
pub async fn jobs_given_back_after_a_cancel_are_stopped(storage: Arc<dyn Storage>) {
    let (retried, lease) = claimed(&*storage).await;
    storage.cancel(retried).await.unwrap();
    let held = storage.retry(retried, lease.id, why(), at(1)).await.unwrap();
    assert_eq!(held, LeaseHeld::CancelRequested);
    let (released, lease) = claimed(&*storage).await;
    storage.cancel(released).await.unwrap();
    let held = storage.release(released, lease.id, at(1)).await.unwrap();
    assert_eq!(held, LeaseHeld::CancelRequested);
    for id in [retried, released] {
        assert_eq!(read(&*storage, id).await.job, Job::idle());
    }
    assert_eq!(claim(&*storage, at(1_000)).await, None);
}

/// Stage and note stay, and it is due at once.
pub async fn jobs_release_does_not_count(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    let held = storage.update_job(id, lease.id, everything()).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    let mut expected = read(&*storage, id).await;
    assert_eq!(storage.release(id, lease.id, at(5)).await.unwrap(), LeaseHeld::Yes);
    (expected.job.due_at, expected.job.lease) = (Some(at(5)), None);
    expected.job.attempts = 0;
    assert_eq!(read(&*storage, id).await, expected);
    let again = claim(&*storage, at(5)).await.unwrap();
    assert_eq!((again.video.id, again.video.job.attempts), (id, 1));
    assert_eq!(again.video.job.stage, Some(Stage::Transcode));
}

/// As if it had never been asked for.
pub async fn jobs_stopped_is_pending_again(storage: Arc<dyn Storage>) {
    let (id, lease) = claimed(&*storage).await;
    let held = storage.update_job(id, lease.id, everything()).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    storage.cancel(id).await.unwrap();
    let mut expected = read(&*storage, id).await;
    assert_eq!(storage.stopped(id, new_id()).await.unwrap(), LeaseHeld::Lost);
    assert_eq!(storage.stopped(id, lease.id).await.unwrap(), LeaseHeld::Yes);
    expected.job = Job::idle();
    assert_eq!(read(&*storage, id).await, expected);
    assert_eq!(claim(&*storage, at(1_000)).await, None);
}
