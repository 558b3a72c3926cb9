//! What a backend must do. Each *Behaviour* rule is a conformance case of the
//! same name.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Cancelled, Claimed, Enqueued, Failure, Finished, Id, JobUpdate, KeptSession, LeaseHeld,
    LiveSession, NewUser, NewVideo, Page, Progress, Put, Registered, Result, Session, Time, User,
    Video, Want,
};

/// Everything that the daemon asks of a backend.
pub trait Storage:
    Users + Sessions + Videos + Jobs + Ephemeral + Cluster + Transfer + Health + Send + Sync + 'static
{
}

impl<T> Storage for T where
    T: Users
        + Sessions
        + Videos
        + Jobs
        + Ephemeral
        + Cluster
        + Transfer
        + Health
        + Send
        + Sync
        + 'static
{
}

/// Accounts.
#[async_trait]
pub trait Users {
    /// Makes an account.
    ///
    /// Behaviour:
    /// - `users_register_and_read_back`: the account is found by id and e-mail.
    /// - `users_email_is_unique_under_concurrency`: of 50 concurrent
    ///   registrations of one e-mail exactly one succeeds.
    async fn create_user(&self, new: NewUser) -> Result<Registered>;

    /// The account with this (lower-case) e-mail.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>>;

    /// The account with this id.
    async fn user_by_id(&self, id: Id) -> Result<Option<User>>;

    /// Replaces the password and ends all of the user's sessions, as one step.
    /// Answers whether there is such a user.
    ///
    /// Behaviour:
    /// - `users_password_change_ends_all_sessions`: also those in the cache,
    ///   and no other user's.
    /// - `nodes_password_change_is_seen_at_once`: by every node.
    async fn set_password(&self, id: Id, password_hash: &str, now: Time) -> Result<bool>;

    /// Accounts by id ascending, after `after`, at most `limit`.
    ///
    /// Behaviour:
    /// - `users_list_pages_through_all`: pages joined are all accounts, once.
    async fn list_users(&self, after: Option<Id>, limit: u32) -> Result<Vec<User>>;
}

/// Logins.
#[async_trait]
pub trait Sessions {
    /// Opens a session.
    ///
    /// Behaviour:
    /// - `sessions_open_and_find`: its token finds it, with the user's e-mail.
    ///
    /// A login that checked the password reads the user again after this and
    /// closes the session when the hash has changed meanwhile; then a password
    /// change that ran beside the login ends that session too.
    async fn open_session(&self, session: Session) -> Result<()>;

    /// The session of this token, if it is valid at `now`.
    ///
    /// Behaviour:
    /// - `sessions_end_at_their_expiry`: at `expires_at` it is no longer
    ///   found, whatever the cache holds.
    /// - `sessions_unknown_token_is_none`
    async fn session(&self, token: &str, now: Time) -> Result<Option<LiveSession>>;

    /// Ends a session. Ending one that is not there succeeds.
    ///
    /// Behaviour:
    /// - `sessions_close_is_seen_at_once`: also when it was just read.
    /// - `nodes_session_end_is_seen_at_once`: by every node.
    async fn close_session(&self, token: &str) -> Result<()>;

    /// Removes sessions whose time is over; answers how many.
    ///
    /// Behaviour:
    /// - `sessions_purge_removes_only_expired`
    async fn purge_sessions(&self, now: Time) -> Result<u64>;
}

/// The records of clips and uploads.
///
/// Behaviour:
/// - `videos_unknown_fields_survive`: what somebody else keeps in a record stays
///   as it is, whichever call of this trait or of [`Jobs`] changes the record.
#[async_trait]
pub trait Videos {
    /// Saves a record. It survives power loss from the moment this returns.
    ///
    /// Behaviour:
    /// - `videos_insert_and_read_back`: every field, for both origins.
    /// - `videos_insert_twice_is_refused`: the first record stays as it is.
    async fn insert_video(&self, new: NewVideo) -> Result<Video>;

    /// The record with this id.
    async fn video(&self, id: Id) -> Result<Option<Video>>;

    /// A user's records, newest first (by `created_at`, then id).
    ///
    /// Behaviour:
    /// - `videos_list_is_newest_first_and_only_ones_own`
    /// - `videos_paging_is_stable_under_inserts`: pages joined hold every
    ///   record that existed at the first page, once.
    /// - `videos_paging_goes_on_after_a_delete`: also of the cursor's record.
    async fn videos_of(&self, user: Id, page: Page) -> Result<Vec<Video>>;

    /// Writes the heights that a source offers. A missing record is no error.
    ///
    /// Behaviour:
    /// - `videos_available_formats_are_written`: and nothing else changes.
    async fn set_available_formats(&self, id: Id, formats: &[String]) -> Result<()>;

    /// Moves the expiry of a completed record; answers whether there is one.
    /// Any other record has its expiry from whoever saved or ended it.
    ///
    /// Behaviour:
    /// - `videos_set_expiry_moves_only_completed`
    async fn set_expiry(&self, id: Id, expires_at: Time) -> Result<bool>;

    /// Records whose `expires_at` is at or before `now` and that nobody works
    /// on, oldest first, at most `limit`.
    ///
    /// Behaviour:
    /// - `videos_expired_are_found_unless_active`: a record in the queue or
    ///   under lease is not among them.
    async fn expired_videos(&self, now: Time, limit: u32) -> Result<Vec<Video>>;

    /// Removes a record that is expired at `now` and that nobody works on;
    /// answers whether it did.
    ///
    /// Behaviour:
    /// - `videos_delete_expired_spares_the_living`: a record that was enqueued
    ///   again or whose expiry moved stays.
    async fn delete_expired_video(&self, id: Id, now: Time) -> Result<bool>;

    /// Removes a record whatever its state; answers the record that was there.
    ///
    /// Behaviour:
    /// - `videos_delete_returns_the_record`
    async fn delete_video(&self, id: Id) -> Result<Option<Video>>;
}

/// The durable queue. Every transition is one atomic update.
///
/// A record is in the queue exactly while it has a `due_at`. A claim moves
/// `due_at` to the end of its lease, and a heartbeat moves both, so `due_at`
/// alone tells when a record may next be claimed. A lease whose time is over
/// still counts until another claim replaces it.
#[async_trait]
pub trait Jobs {
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
    ///   rendition of an upload; as `Error::Refused`, and nothing changes.
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
    /// started, so whoever worked under its name before is dead. Answers how
    /// many. The leases count until other claims replace them.
    ///
    /// Behaviour:
    /// - `jobs_reclaim_frees_ones_own`: and nobody else's; the attempts count.
    async fn reclaim(&self, owner: &str, now: Time) -> Result<u64>;

    /// Prolongs a lease to `now + lease`.
    ///
    /// Behaviour:
    /// - `jobs_heartbeat_prolongs`
    /// - `jobs_late_worker_writes_nothing`: with a lease that another claim
    ///   replaced, each of heartbeat, update, finish, fail, retry, release and
    ///   stopped answers `Lost` and changes nothing.
    /// - `jobs_deleted_record_loses_its_lease`: each of them answers `Lost`.
    /// - `jobs_cancel_reaches_the_worker`: as `CancelRequested`.
    async fn heartbeat(&self, id: Id, lease: Id, now: Time, lasts: Duration) -> Result<LeaseHeld>;

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
    async fn fail(&self, id: Id, lease: Id, why: Failure, expires_at: Time) -> Result<LeaseHeld>;

    /// Gives a job back to be tried again at `due_at`; remembers why. Status
    /// stays `processing`.
    ///
    /// Behaviour:
    /// - `jobs_retry_waits_until_due`
    /// - `jobs_given_back_after_a_cancel_are_stopped`: retry and release of a
    ///   cancelled job do what `stopped` does, and answer `CancelRequested`.
    async fn retry(&self, id: Id, lease: Id, why: Failure, due_at: Time) -> Result<LeaseHeld>;

    /// Gives a job back untouched (graceful stop): due at `now`, the attempt
    /// is not counted, stage and note stay.
    ///
    /// Behaviour:
    /// - `jobs_release_does_not_count`
    async fn release(&self, id: Id, lease: Id, now: Time) -> Result<LeaseHeld>;

    /// Stops a job. One that is not leased leaves the queue at once, as by
    /// [`stopped`](Jobs::stopped).
    ///
    /// Behaviour:
    /// - `jobs_cancel_idle_leaves_the_queue`
    async fn cancel(&self, id: Id) -> Result<Cancelled>;

    /// The worker's answer to a cancel: the job leaves the queue and is
    /// `pending` again, as if it had never been asked for: attempts 0, no
    /// stage, failure or note. Want, span, file and expiry stay.
    ///
    /// Behaviour:
    /// - `jobs_stopped_is_pending_again`
    async fn stopped(&self, id: Id, lease: Id) -> Result<LeaseHeld>;

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

/// What may be lost: progress, counters, wake-up.
#[async_trait]
pub trait Ephemeral {
    /// Remembers the progress of a job for one hour.
    ///
    /// Behaviour:
    /// - `ephemeral_progress_is_read_back_and_cleared`
    /// - `nodes_share_progress_and_counters`
    async fn set_progress(&self, id: Id, progress: &Progress) -> Result<()>;

    /// The last progress of a job.
    async fn progress(&self, id: Id) -> Result<Option<Progress>>;

    /// Forgets the progress of a job.
    async fn clear_progress(&self, id: Id) -> Result<()>;

    /// Counts one event under `key` in the fixed window of length `window`
    /// that contains `now`; answers the count with it. Windows begin at
    /// multiples of their length since 1970; one of less than a millisecond
    /// counts as one of a millisecond.
    ///
    /// Behaviour:
    /// - `ephemeral_counters_count_per_window`: a new window starts at 1.
    /// - `ephemeral_counters_lose_no_event_under_concurrency`
    async fn count(&self, key: &str, window: Duration, now: Time) -> Result<u64>;

    /// Tells waiting workers, on every node, that there may be work.
    ///
    /// Behaviour:
    /// - `nodes_wake_each_other`
    async fn wake_workers(&self);

    /// Waits until somebody calls `wake_workers`, or `timeout` passes. A wake
    /// that came since the last wait of this handle is not missed. It may end
    /// early without cause: whoever waits looks into the queue either way.
    ///
    /// Several may wait, and a wake ends all their waits; but one that came
    /// while nobody waited ends one wait only. So let one task of a process
    /// wait, and start as much work as the queue holds and there is room for.
    ///
    /// Behaviour:
    /// - `ephemeral_wake_ends_a_wait`: that of everybody who waits.
    /// - `ephemeral_wake_before_the_wait_is_not_missed`
    /// - `ephemeral_wait_ends_at_its_timeout`
    async fn wait_for_work(&self, timeout: Duration);
}

/// What the daemons that share a backend agree on.
#[async_trait]
pub trait Cluster {
    /// Takes a role (`sweeper`) for a node until `now + lasts`, or prolongs it;
    /// answers whether the node has it now.
    ///
    /// Behaviour:
    /// - `cluster_role_has_one_holder`: of 8 nodes that ask at once one.
    /// - `cluster_role_is_kept_and_taken_over`: by its holder as long as it
    ///   asks in time, by another when the time is over.
    async fn hold_role(&self, role: &str, node: &str, now: Time, lasts: Duration) -> Result<bool>;

    /// Gives a role up, if the node has it.
    ///
    /// Behaviour:
    /// - `cluster_role_given_up_is_free`: and only its holder can.
    async fn drop_role(&self, role: &str, node: &str) -> Result<()>;

    /// Writes a word under a name unless there is one; answers the word that is
    /// there now.
    ///
    /// Behaviour:
    /// - `cluster_first_word_stays`: of 20 that come at once, and for good.
    async fn agree(&self, name: &str, word: &str) -> Result<String>;

    /// Replaces the word under a name.
    ///
    /// Behaviour:
    /// - `cluster_word_is_replaced`
    async fn replace_word(&self, name: &str, word: &str) -> Result<()>;

    /// The clock that all daemons of this backend go by; none when there is
    /// only one daemon, whose own clock will do.
    ///
    /// Behaviour:
    /// - `cluster_time_does_not_stand_still`
    async fn time(&self) -> Result<Option<Time>>;
}

/// Moving records from one backend to another, as they are. What is there
/// already is never changed, so that a move can be repeated.
#[async_trait]
pub trait Transfer {
    /// Sessions that are valid at `now`, by id ascending, after `after`, at
    /// most `limit`.
    ///
    /// Behaviour:
    /// - `transfer_reads_all_live_sessions`
    async fn sessions_after(
        &self,
        after: Option<Id>,
        now: Time,
        limit: u32,
    ) -> Result<Vec<KeptSession>>;

    /// Records by id ascending, after `after`, at most `limit`.
    ///
    /// Behaviour:
    /// - `transfer_reads_all_videos`: of all users, in every state.
    async fn videos_after(&self, after: Option<Id>, limit: u32) -> Result<Vec<Video>>;

    /// Writes an account.
    ///
    /// Behaviour:
    /// - `transfer_writes_a_user_once`: with id and password; one whose e-mail
    ///   another account has is refused.
    async fn put_user(&self, user: &User) -> Result<Put>;

    /// Writes a session; its token, which only its owner has, is good from then on.
    ///
    /// Behaviour:
    /// - `transfer_writes_a_session_once`: one of an account that is not there
    ///   is refused.
    async fn put_session(&self, session: &KeptSession) -> Result<Put>;

    /// Writes a record with all that belongs to it, its work included.
    ///
    /// Behaviour:
    /// - `transfer_writes_a_video_once`: in every state, field by field.
    async fn put_video(&self, video: &Video) -> Result<Put>;
}

/// Whether the backend works.
#[async_trait]
pub trait Health {
    /// What is wrong now, in words, one entry a part; empty when all is well.
    ///
    /// Behaviour:
    /// - `health_of_a_working_backend_is_empty`
    async fn problems(&self) -> Vec<String>;

    /// Ends the connections after the calls under way.
    ///
    /// Behaviour:
    /// - `health_closed_backend_is_unavailable`: later calls say so at once.
    async fn close(&self);

    /// Name of the backend, for people.
    fn backend(&self) -> &'static str;
}
