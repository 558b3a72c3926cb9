//! What the worker writes when work ends without a file, and whether it is tried
//! again.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use clipmill_core::{Code, Error, Retry};
use clipmill_storage::{Claimed, JobFailure, JobUpdate, LeaseHeld, Result};

use crate::app::App;

/// The longest wait between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

/// How long a job waits for a stream to start or to end, from its first attempt.
const LONGEST_STREAM_WAIT: TimeDelta = TimeDelta::hours(24);

/// The shortest pause between two attempts of a job that waits for a stream.
const STREAM_PAUSE: Duration = Duration::from_secs(30);

/// How long a write is tried while the database is away.
const WRITE_DEADLINE: Duration = Duration::from_secs(3600);

/// Between two attempts at a write. Short: when the database is back, the record
/// must be written before another worker claims the job.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// How long a finished file stays.
pub fn retention(app: &App) -> TimeDelta {
    // Validated to be at most a year, so the product fits.
    TimeDelta::milliseconds((app.config.retention.minutes * 60_000.0) as i64)
}

/// Writes down a failed attempt. Returns whether it was the last one.
pub async fn record_failure(app: &App, claimed: &Claimed, error: Error) -> bool {
    app.metrics.failure(error.code.as_str());
    let id = claimed.video.id;
    let lease = claimed.lease.id;
    let now = app.clock.now();
    let pause = retry_pause(app, claimed, &error);
    tracing::warn!(
        job.attempt = claimed.video.job.attempts,
        error.code = %error.code,
        retry_in_ms = pause.map(|pause| pause.as_millis() as u64),
        "attempt failed: {}",
        error.chain()
    );
    let waits = waits_for_a_stream(error.code);
    let failure = JobFailure { code: error.code.to_string(), message: error.message };
    let Some(pause) = pause else {
        let expires_at = now + retention(app);
        let write = || app.storage.fail(id, lease, failure.clone(), expires_at);
        let held = write_through_outage("the failure", write).await;
        return matches!(held, Some(LeaseHeld::Yes | LeaseHeld::CancelRequested));
    };
    let due_at = now + TimeDelta::from_std(pause).unwrap_or(LONGEST_STREAM_WAIT);
    if waits {
        let note = JobUpdate { note: Some(failure.message), ..JobUpdate::default() };
        // The release right after finds out whether the lease is still ours.
        let write = || app.storage.update_job(id, lease, note.clone());
        let _ = write_through_outage("the note", write).await;
        let write = || app.storage.release(id, lease, due_at);
        let _ = write_through_outage("the release", write).await;
    } else {
        let write = || app.storage.retry(id, lease, failure.clone(), due_at);
        let _ = write_through_outage("the next attempt", write).await;
    }
    false
}

/// Gives a job back to the queue when the daemon stops.
pub async fn give_back(app: &App, claimed: &Claimed) {
    let id = claimed.video.id;
    let lease = claimed.lease.id;
    let now = app.clock.now();
    match app.storage.release(id, lease, now).await {
        Ok(LeaseHeld::Lost) => tracing::info!("another worker has the job already"),
        Ok(_) => {
            tracing::info!("the worker gave the job back to the queue");
            app.storage.wake_workers().await;
        }
        Err(error) => {
            tracing::warn!(
                %error,
                "the worker could not give the job back; another one takes it when the lease ends"
            );
        }
    }
}

/// Writes down that the job stopped because a client cancelled it.
pub async fn record_cancel(app: &App, claimed: &Claimed) {
    let id = claimed.video.id;
    let lease = claimed.lease.id;
    let _ = write_through_outage("the cancel", || app.storage.stopped(id, lease)).await;
    tracing::info!("job cancelled");
}

/// Writes through a passing outage of the database. None when it stayed away
/// or refused; the log says so.
pub async fn write_through_outage<F>(what: &str, write: impl Fn() -> F) -> Option<LeaseHeld>
where
    F: Future<Output = Result<LeaseHeld>>,
{
    let end = Instant::now() + WRITE_DEADLINE;
    while Instant::now() < end {
        match write().await {
            Ok(held) => return Some(held),
            Err(error) if error.is_transient() => {
                let retry_in_ms = WRITE_PAUSE.as_millis() as u64;
                tracing::warn!(%error, retry_in_ms, "the worker could not write {what}");
                tokio::time::sleep(WRITE_PAUSE).await;
            }
            Err(error) => {
                tracing::error!(%error, "the worker can't write {what}");
                return None;
            }
        }
    }
    None
}

/// How long to wait before the next attempt; none when there is none.
fn retry_pause(app: &App, claimed: &Claimed, error: &Error) -> Option<Duration> {
    let job = &claimed.video.job;
    let least = match error.retry {
        Retry::Never => return None,
        Retry::Later => Duration::ZERO,
        Retry::After(least) => least,
    };
    if waits_for_a_stream(error.code) {
        let since = job.started_at.unwrap_or(claimed.video.created_at);
        let waited = app.clock.now() - since;
        return (waited < LONGEST_STREAM_WAIT).then(|| least.max(STREAM_PAUSE));
    }
    let settings = &app.config.workers;
    if job.attempts >= settings.max_attempts {
        return None;
    }
    let doublings = job.attempts.saturating_sub(1).min(16);
    let backoff = Duration::from_secs(settings.backoff_seconds).saturating_mul(1 << doublings);
    // Jobs that failed together should not come back together.
    let jitter = 0.8 + 0.4 * rand::random::<f64>();
    Some(backoff.min(LONGEST_BACKOFF).mul_f64(jitter).max(least))
}

/// Waiting for a stream to start or end is no failed attempt.
fn waits_for_a_stream(code: Code) -> bool {
    matches!(code, Code::StillLive | Code::NotStarted)
}
