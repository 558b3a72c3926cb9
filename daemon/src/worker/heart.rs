//! Keeps a lease while the work goes on, and carries progress to the readers.

use std::time::Duration;

use clipmill_storage::{Claimed, LeaseHeld, Progress};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::app::App;

/// Progress is written at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(400);

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
    let mut held_until = Instant::now() + lasts;
    let mut heartbeat = tokio::time::interval(lasts / 3);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut publish = tokio::time::interval(PROGRESS_EVERY);
    publish.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = heartbeat.tick() => {
                let asked = Instant::now();
                match prolong(app, claimed, lasts).await {
                    Some(LeaseHeld::Yes) => held_until = asked + lasts,
                    Some(LeaseHeld::CancelRequested) => return Interruption::Cancelled,
                    Some(LeaseHeld::Lost) => return Interruption::LeaseLost,
                    // The database is away: go on as long as nobody else can
                    // have taken the job.
                    None if Instant::now() >= held_until => return Interruption::LeaseLost,
                    None => {}
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
