//! What is written when work ends without a file, and whether it is tried again.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use clipmill_core::{Code, Error, Retry};
use clipmill_storage::{Claimed, Failure, JobUpdate, LeaseHeld, Result};

use crate::app::App;

/// The longest wait between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

/// How long a job waits for a stream to begin or to end, from its first attempt.
const PATIENCE: TimeDelta = TimeDelta::hours(24);

/// How long a write is tried while the database is away, and how often: when it
/// is back, the record must be written before anybody else claims the job.
const WRITE_PATIENCE: Duration = Duration::from_secs(3600);
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// How long a finished file stays.
pub fn retention(app: &App) -> TimeDelta {
    // Validated to be at most a year, so the product fits.
    TimeDelta::milliseconds((app.config.retention.minutes * 60_000.0) as i64)
}

/// Writes down a failed attempt. Answers whether that was the last one.
pub async fn failed(app: &App, claimed: &Claimed, error: Error) -> bool {
    app.metrics.failure(error.code.as_str());
    let (id, lease) = (claimed.video.id, claimed.lease.id);
    let attempt = claimed.video.job.attempts;
    let now = app.clock.now();
    let pause = pause(app, claimed, &error);
    tracing::warn!(
        job.attempt = attempt,
        error.code = %error.code,
        retry_in_ms = pause.map(|pause| pause.as_millis() as u64),
        "attempt failed: {}",
        error.chain()
    );
    let waits = waits_for_a_stream(error.code);
    let why = Failure { code: error.code.to_string(), message: error.message };
    let Some(pause) = pause else {
        let expires_at = now + retention(app);
        let write = || app.storage.fail(id, lease, why.clone(), expires_at);
        let written = persist("fail", write).await;
        return matches!(written, Some(LeaseHeld::Yes | LeaseHeld::CancelRequested));
    };
    let due_at = now + TimeDelta::from_std(pause).unwrap_or(PATIENCE);
    if waits {
        let note = JobUpdate { note: Some(why.message), ..JobUpdate::default() };
        // The release right after tells whether the lease is still ours.
        let _ = persist("note", || app.storage.update_job(id, lease, note.clone())).await;
        let _ = persist("release", || app.storage.release(id, lease, due_at)).await;
    } else {
        let _ = persist("retry", || app.storage.retry(id, lease, why.clone(), due_at)).await;
    }
    false
}

/// Gives a job back at a graceful stop.
pub async fn released(app: &App, claimed: &Claimed) {
    let (id, lease) = (claimed.video.id, claimed.lease.id);
    let now = app.clock.now();
    match app.storage.release(id, lease, now).await {
        Ok(LeaseHeld::Lost) => tracing::info!("the job is another worker's already"),
        Ok(_) => {
            tracing::info!("job given back to the queue");
            app.storage.wake_workers().await;
        }
        Err(error) => {
            tracing::warn!(%error, "the job was not given back; its lease runs out by itself");
        }
    }
}

/// Answers a cancel.
pub async fn stopped(app: &App, claimed: &Claimed) {
    let (id, lease) = (claimed.video.id, claimed.lease.id);
    let _ = persist("stopped", || app.storage.stopped(id, lease)).await;
    tracing::info!("job cancelled");
}

/// Writes through a passing outage of the database. None when it stayed away
/// or refused; the log says so.
pub async fn persist<F>(what: &str, write: impl Fn() -> F) -> Option<LeaseHeld>
where
    F: Future<Output = Result<LeaseHeld>>,
{
    let end = Instant::now() + WRITE_PATIENCE;
    while Instant::now() < end {
        match write().await {
            Ok(held) => return Some(held),
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "{what} was not written yet");
                tokio::time::sleep(WRITE_PAUSE).await;
            }
            Err(error) => {
                tracing::error!(%error, "{what} can't be written");
                return None;
            }
        }
    }
    None
}

/// How long to wait before the next attempt; none when there is none.
fn pause(app: &App, claimed: &Claimed, error: &Error) -> Option<Duration> {
    let job = &claimed.video.job;
    let least = match error.retry {
        Retry::Never => return None,
        Retry::Later => Duration::ZERO,
        Retry::After(least) => least,
    };
    if waits_for_a_stream(error.code) {
        let since = job.started_at.unwrap_or(claimed.video.created_at);
        return (app.clock.now() - since < PATIENCE).then(|| least.max(Duration::from_secs(30)));
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

/// Waiting for a stream to begin or end is no failed attempt.
fn waits_for_a_stream(code: Code) -> bool {
    matches!(code, Code::StillLive | Code::NotStarted)
}
