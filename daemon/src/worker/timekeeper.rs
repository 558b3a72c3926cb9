//! Keeps this daemon's clock with the one that all daemons of a cluster go by:
//! leases, expiries and tokens mean the same moment everywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use clipmill_storage::{Result, Storage};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Between two looks at the cluster's clock.
const EVERY: Duration = Duration::from_secs(60);

/// An answer that took longer says too little about the time.
const SLOWEST: Duration = Duration::from_secs(1);

/// A difference that is worth a word in the log.
const WORTH_A_WORD: i64 = 2_000;

/// How far the cluster's clock is ahead of this machine's, milliseconds. Shared
/// with the [`Clock`](crate::clock::Clock) that follows it.
#[derive(Debug, Clone, Default)]
pub struct Ahead(pub Arc<AtomicI64>);

impl Ahead {
    /// Looks at the cluster's clock. Stays as it is when there is none, or when
    /// the answer took too long.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look(&self, storage: &dyn Storage) -> Result<()> {
        let (began, before) = (Instant::now(), Utc::now());
        let Some(theirs) = storage.time().await? else { return Ok(()) };
        let took = began.elapsed();
        if took > SLOWEST {
            return Ok(());
        }
        // The answer was written about half-way.
        let ours = before + TimeDelta::from_std(took / 2).unwrap_or_default();
        let ahead = (theirs - ours).num_milliseconds();
        let known = self.0.swap(ahead, Ordering::Relaxed);
        if (ahead - known).abs() > WORTH_A_WORD {
            tracing::warn!(
                ahead_ms = ahead,
                "the clock of the database is another than this machine's; going by the former"
            );
        }
        Ok(())
    }
}

/// Looks again and again.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = app.ahead.look(&*app.storage).await {
            tracing::debug!(%error, "the clock of the database was not looked at");
        }
    }
}
