//! Keeps a lease while the work goes on, and carries progress to the readers.

use std::time::Duration;

use clipmill_core::Progress;
use clipmill_storage::{Claimed, LeaseHeld};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::app::App;

/// Progress is written at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(400);

/// Between two attempts at a heartbeat while the database is away. Short: when
/// it is back, the lease must be prolonged before anybody else claims the job.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Why work must end before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// Another worker has the job, or may have it.
    LeaseLost,
    /// A client wants it to stop.
    Cancelled,
}

/// Beats until the job must be interrupted.
pub async fn beat(
    app: &App,
    claimed: &Claimed,
    mut progress: watch::Receiver<Progress>,
) -> Interruption {
    let lasts = Duration::from_secs(app.config.workers.lease_seconds);
    let mut heartbeat = tokio::time::interval(lasts / 3);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut publish = tokio::time::interval(PROGRESS_EVERY);
    publish.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = heartbeat.tick() => {
                match prolong(app, claimed, lasts).await {
                    Some(LeaseHeld::Yes) => {}
                    Some(LeaseHeld::CancelRequested) => return Interruption::Cancelled,
                    Some(LeaseHeld::Lost) => return Interruption::LeaseLost,
                    // The database is away. The work goes on: should somebody
                    // else take the job meanwhile, this lease is refused when
                    // it is back, and nothing is written twice.
                    None => heartbeat.reset_after(TRY_AGAIN),
                }
            }
            _ = publish.tick() => {
                // The sender lives as long as the work that this runs beside.
                if progress.has_changed().unwrap_or(false) {
                    let now = progress.borrow_and_update().clone();
                    if let Err(error) = app.storage.set_progress(claimed.video.id, &now).await {
                        tracing::debug!(%error, "progress was not written");
                    }
                }
            }
        }
    }
}

async fn prolong(app: &App, claimed: &Claimed, lasts: Duration) -> Option<LeaseHeld> {
    let now = app.clock.now();
    match app.storage.heartbeat(claimed.video.id, claimed.lease.id, now, lasts).await {
        Ok(held) => Some(held),
        Err(error) => {
            tracing::warn!(%error, "a heartbeat was not written");
            None
        }
    }
}
