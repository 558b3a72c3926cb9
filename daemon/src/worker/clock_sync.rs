//! Keeps this daemon's clock with the one that all daemons of a cluster go by:
//! leases, expiries and tokens mean the same moment everywhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use clipmill_core::ClockOffset;
use clipmill_storage::{Result, Storage};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Between two measurements of the database's clock.
const INTERVAL: Duration = Duration::from_secs(60);

/// An answer that takes longer is too inaccurate.
const SLOWEST: Duration = Duration::from_secs(1);

/// Smallest change of the offset that is logged.
const LOGGED: TimeDelta = TimeDelta::seconds(2);

/// Measures how far the database's clock is ahead of this machine's. The offset
/// stays as it is where the backend has no clock, or took too long to answer.
///
/// # Errors
/// When the database does not answer.
pub async fn measure_offset(offset: &ClockOffset, storage: &dyn Storage) -> Result<()> {
    let started = Instant::now();
    let before = Utc::now();
    let Some(theirs) = storage.time().await? else { return Ok(()) };
    let took = started.elapsed();
    if took > SLOWEST {
        return Ok(());
    }
    // The database read its clock about half-way.
    let ours = before + TimeDelta::from_std(took / 2).unwrap_or_default();
    let measured = theirs - ours;
    let previous = offset.set(measured);
    if (measured - previous).abs() > LOGGED {
        tracing::warn!(
            offset_ms = measured.num_milliseconds(),
            "the clocks of the database and of this machine differ; this daemon uses the database's"
        );
    }
    Ok(())
}

/// Measures the offset every minute until `stop`.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = measure_offset(&app.clock_offset, &*app.storage).await {
            tracing::debug!(%error, "could not measure the offset of the database's clock");
        }
    }
}
