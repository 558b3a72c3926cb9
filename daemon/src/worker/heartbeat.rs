//! Keeps the lease of a running job, and writes its progress for clients.

use std::time::Duration;

use clipmill_core::Progress;
use clipmill_storage::{Claimed, LeaseHeld};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::app::App;

/// Progress is written at most this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(400);

/// Between two attempts at a heartbeat while the database is away. Short: when
/// it is back, the lease must be renewed before another worker claims the job.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why work must end before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// Another worker has the job, or may have it.
    LeaseLost,
    /// A client wants it to stop.
    Cancelled,
}

/// Renews the lease until the job must be interrupted.
pub async fn keep_lease(
    app: &App,
    claimed: &Claimed,
    mut progress: watch::Receiver<Progress>,
) -> Interruption {
    let duration = Duration::from_secs(app.config.workers.lease_seconds);
    let mut heartbeat = tokio::time::interval(duration / 3);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut publish = tokio::time::interval(PROGRESS_INTERVAL);
    publish.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = heartbeat.tick() => {
                match renew(app, claimed, duration).await {
                    Some(LeaseHeld::Yes) => {}
                    Some(LeaseHeld::CancelRequested) => return Interruption::Cancelled,
                    Some(LeaseHeld::Lost) => return Interruption::LeaseLost,
                    // The database is away. The work continues: if another worker
                    // takes the job meanwhile, the database refuses this lease
                    // when it is back, and nothing is written twice.
                    None => heartbeat.reset_after(RETRY_PAUSE),
                }
            }
            _ = publish.tick() => {
                // The sender lives as long as the work that this runs beside.
                if progress.has_changed().unwrap_or(false) {
                    let now = progress.borrow_and_update().clone();
                    if let Err(error) = app.storage.set_progress(claimed.video.id, &now).await {
                        tracing::debug!(%error, "the worker could not write the job's progress");
                    }
                }
            }
        }
    }
}

/// Renews the lease once; none when the database does not answer.
async fn renew(app: &App, claimed: &Claimed, duration: Duration) -> Option<LeaseHeld> {
    let now = app.clock.now();
    match app.storage.heartbeat(claimed.video.id, claimed.lease.id, now, duration).await {
        Ok(held) => Some(held),
        Err(error) => {
            let retry_in_ms = RETRY_PAUSE.as_millis() as u64;
            tracing::warn!(%error, retry_in_ms, "the worker could not renew the job's lease");
            None
        }
    }
}
