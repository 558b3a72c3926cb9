//! What a backend must do for the queue, and for the workers that hold leases.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Time};

use crate::{
    Cancelled, Claimed, Enqueued, Finished, JobFailure, JobUpdate, LeaseHeld, Result, Want,
};

/// The durable queue. Every transition is one atomic update.
///
/// A record is in the queue exactly while it has a `due_at`. A claim moves
/// `due_at` to the end of its lease, and a heartbeat moves both, so `due_at`
/// alone shows when a record may next be claimed. What a worker writes while it
/// holds a lease is in [`Leases`].
#[async_trait]
pub trait Queue {
    /// Puts a record into the queue with a want, due at `now`. It starts anew
    /// whatever it was: status `pending`, attempts 0, no stage, failure or
    /// note. The old file and the expiry stay on record until `finish`
    /// replaces them; a record in the queue does not expire, and one whose
    /// work is cancelled goes when it would have gone before.
    ///
    /// Behaviour:
    /// - `jobs_enqueue_from_every_state`
    /// - `jobs_enqueue_keeps_file_and_expiry`
    /// - `jobs_enqueue_refuses_a_foreign_want`: an encode of a clip, a
    ///   rendition of an upload; as `StorageError::Refused`, and nothing changes.
    /// - `jobs_enqueue_of_the_finished_want_is_already_completed`
    /// - `jobs_enqueue_is_once_under_concurrency`: of 20 concurrent calls one
    ///   answers `Queued`, the others `AlreadyActive`.
    async fn enqueue(&self, id: Id, want: &Want, now: Time) -> Result<Enqueued>;

    /// Takes the job that is due longest, if there is one: not leased, or its
    /// lease is over. Sets status `processing`, counts the attempt.
    ///
    /// A claim that the caller no longer waits for may still happen; it is
    /// taken over when its lease ends.
    ///
    /// Behaviour:
    /// - `jobs_claim_is_exactly_once`: 8 workers over 500 jobs claim each once.
    /// - `nodes_claim_each_job_once`: also when they are on two nodes.
    /// - `jobs_claim_oldest_first`
    /// - `jobs_claim_respects_due_time`
    /// - `jobs_claim_takes_over_an_expired_lease`: and the attempt counts.
    /// - `jobs_claim_carries_a_cancel_over`: a job whose worker died before it
    ///   saw the cancel is claimed with `cancel_requested` set.
    /// - `jobs_skewed_clocks_finish_each_job_once`: workers whose clocks are
    ///   minutes apart may take a job from each other, but each job is finished
    ///   exactly once.
    async fn claim(&self, owner: &str, now: Time, lease: Duration) -> Result<Option<Claimed>>;

    /// Makes every job due at `now` that `owner` has a lease on: it has just
    /// started, so the process that worked under its name before is dead. Answers how
    /// many. The leases count until other claims replace them.
    ///
    /// Behaviour:
    /// - `jobs_reclaim_frees_ones_own`: and no other node's; the attempts count.
    async fn reclaim(&self, owner: &str, now: Time) -> Result<u64>;

    /// Stops a job. One that is not leased leaves the queue at once, as by
    /// [`stopped`](Leases::stopped).
    ///
    /// Behaviour:
    /// - `jobs_cancel_idle_leaves_the_queue`
    async fn cancel(&self, id: Id) -> Result<Cancelled>;

    /// Ids of all records that are in the queue or under lease.
    ///
    /// Behaviour:
    /// - `jobs_active_ids_are_those_in_the_queue`
    async fn active_jobs(&self) -> Result<Vec<Id>>;

    /// The earliest `due_at` in the queue: when a claim may next succeed (a
    /// job becomes due or a lease runs out). In the past when one is due
    /// already; none when the queue is empty.
    ///
    /// Behaviour:
    /// - `jobs_next_due_tells_when_to_look_again`
    async fn next_due(&self) -> Result<Option<Time>>;
}

/// What a worker writes under the lease that its claim gave it. Each call is one
/// atomic update that names record and lease, so that a worker which lost its
/// lease changes nothing. A lease whose time is over still counts until another
/// claim replaces it.
#[async_trait]
pub trait Leases {
    /// Prolongs a lease to `now + duration`.
    ///
    /// Behaviour:
    /// - `jobs_heartbeat_prolongs`: and never shortens, when one was under way
    ///   for so long that a later one has overtaken it.
    /// - `jobs_late_worker_writes_nothing`: with a lease that another claim
    ///   replaced, each of heartbeat, update, finish, fail, retry, release and
    ///   stopped answers `Lost` and changes nothing.
    /// - `jobs_deleted_record_loses_its_lease`: each of them answers `Lost`.
    /// - `jobs_cancel_reaches_the_worker`: as `CancelRequested`.
    async fn heartbeat(
        &self,
        id: Id,
        lease: Id,
        now: Time,
        duration: Duration,
    ) -> Result<LeaseHeld>;

    /// Writes a checkpoint.
    ///
    /// Behaviour:
    /// - `jobs_update_writes_only_what_is_given`
    async fn update_job(&self, id: Id, lease: Id, update: JobUpdate) -> Result<LeaseHeld>;

    /// Completes a job: status, file, expiry; it leaves the queue, and the
    /// last attempt's failure is forgotten.
    ///
    /// Behaviour:
    /// - `jobs_finish_completes`
    /// - `jobs_end_wins_over_a_cancel`: finish and fail answer `Yes` although a
    ///   cancel was requested, and forget it.
    /// - `jobs_finish_again_is_still_yes`: when the file on record is this very
    ///   one; the first answer may have been lost on its way.
    async fn finish(&self, id: Id, lease: Id, done: Finished) -> Result<LeaseHeld>;

    /// Ends a job as failed; it leaves the queue and expires at `expires_at`.
    ///
    /// Behaviour:
    /// - `jobs_fail_is_final`: it is not claimed again.
    async fn fail(&self, id: Id, lease: Id, why: JobFailure, expires_at: Time)
    -> Result<LeaseHeld>;

    /// Gives a job back to be tried again at `due_at`; remembers why. Status
    /// stays `processing`.
    ///
    /// Behaviour:
    /// - `jobs_retry_waits_until_due`
    /// - `jobs_given_back_after_a_cancel_are_stopped`: retry and release of a
    ///   cancelled job do what `stopped` does, and answer `CancelRequested`.
    async fn retry(&self, id: Id, lease: Id, why: JobFailure, due_at: Time) -> Result<LeaseHeld>;

    /// Gives a job back untouched (graceful stop): due at `now`, the attempt
    /// is not counted, stage and note stay.
    ///
    /// Behaviour:
    /// - `jobs_release_does_not_count`
    async fn release(&self, id: Id, lease: Id, now: Time) -> Result<LeaseHeld>;

    /// The worker's answer to a cancel: the job leaves the queue and is
    /// `pending` again, as if it had never been asked for: attempts 0, no
    /// stage, failure or note. Want, span, file and expiry stay.
    ///
    /// Behaviour:
    /// - `jobs_stopped_is_pending_again`
    async fn stopped(&self, id: Id, lease: Id) -> Result<LeaseHeld>;
}
