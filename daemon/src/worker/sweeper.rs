//! The sweeper: removes expired records with their files, and every hour files that
//! no record names. One daemon of all that share the storage has this role.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_storage::{Origin, Result, Video};
use tokio_util::sync::CancellationToken;

use super::orphans::{GRACE, sweep_stores};
use crate::app::App;

/// Expired records that one query returns.
const BATCH: u32 = 100;

/// The name of the role.
const ROLE: &str = "sweeper";

/// How often files that no record names are removed. A store may hold many, and
/// all of them are listed for it.
const ORPHANS_INTERVAL: Duration = Duration::from_secs(3600);

/// Sweeps until it is stopped, as long as no other daemon has the role.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let interval = Duration::from_secs_f64(app.config.retention.sweep_minutes * 60.0);
    // The role lasts until after the next sweep, even if that starts late.
    let duration = interval.mul_f64(1.5) + Duration::from_secs(10);
    // At once: a daemon that restarts every hour must remove them too.
    let mut next_orphans = Instant::now();
    loop {
        match app.storage.hold_role(ROLE, &app.node, app.clock.now(), duration).await {
            Ok(true) => {
                log_sweep_of_expired(&app).await;
                if Instant::now() >= next_orphans {
                    log_sweep_of_orphans(&app).await;
                    next_orphans = Instant::now() + ORPHANS_INTERVAL;
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(
                %error,
                retry_in_seconds = interval.as_secs_f64(),
                "the sweeper could not acquire or renew its role"
            ),
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Err(error) = app.storage.drop_role(ROLE, &app.node).await {
        tracing::debug!(%error, "the sweeper could not give up its role; it ends by itself");
    }
}

async fn log_sweep_of_expired(app: &App) {
    match sweep_expired(app).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(records = swept, "the sweeper removed expired records"),
        Err(error) => tracing::error!(%error, "the sweeper could not remove all expired records"),
    }
}

async fn log_sweep_of_orphans(app: &App) {
    match sweep_stores(app, GRACE).await {
        Ok(0) => {}
        Ok(swept) => {
            tracing::info!(files = swept, "the sweeper removed files that no record names")
        }
        Err(error) => {
            tracing::error!(%error, "the sweeper could not look for files that no record names")
        }
    }
}

/// Removes expired records and their files. Returns how many records.
///
/// # Errors
/// When the database does not answer; what was removed until then stays removed.
pub async fn sweep_expired(app: &App) -> Result<u64> {
    let now = app.clock.now();
    let mut swept = 0;
    loop {
        let expired = app.storage.expired_videos(now, BATCH).await?;
        let found = expired.len();
        let mut removed = 0;
        for video in expired {
            // First the record, which must never name bytes that are gone. If this
            // process crashes in between, the files are orphans.
            if app.storage.delete_expired_video(video.id, now).await? {
                remove_files(app, &video).await;
                removed += 1;
            }
        }
        swept += removed;
        if found < BATCH as usize || removed == 0 {
            break;
        }
    }
    app.storage.purge_sessions(now).await?;
    Ok(swept)
}

async fn remove_files(app: &App, video: &Video) {
    if let Some(file) = &video.file
        && let Err(error) = app.stores.files.delete(&file.file_path).await
    {
        tracing::warn!(%error, job.id = %video.id, "the sweeper could not remove an expired file; it is an orphan now");
    }
    if let Origin::Upload(upload) = &video.origin
        && let Err(error) = app.stores.uploads.delete(&upload.input_file_path).await
    {
        tracing::warn!(%error, job.id = %video.id, "the sweeper could not remove an expired upload; it is an orphan now");
    }
}
