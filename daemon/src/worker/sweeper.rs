//! Removes what has expired, and now and then what nobody names.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clipmill_storage::{Origin, Result, Video};
use tokio_util::sync::CancellationToken;

use super::orphans::{GRACE, sweep_stores};
use crate::app::App;

/// Records that one look takes.
const BATCH: u32 = 100;

/// Who sweeps; one daemon of all that share the storage.
const ROLE: &str = "sweeper";

/// Between two looks for files that nobody names. A store may hold many, and a
/// look lists them all.
const ORPHANS_EVERY: Duration = Duration::from_secs(3600);

/// Sweeps until it is stopped, whenever no other daemon does.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let every = Duration::from_secs_f64(app.config.retention.sweep_minutes * 60.0);
    // Held over the next sweep, however slow it is to begin.
    let held = every.mul_f64(1.5) + Duration::from_secs(10);
    // At once: a daemon that is started anew every hour must sweep them too.
    let mut orphans = Instant::now();
    loop {
        match app.storage.hold_role(ROLE, &app.node, app.clock.now(), held).await {
            Ok(true) => {
                expired(&app).await;
                if Instant::now() >= orphans {
                    orphaned(&app).await;
                    orphans = Instant::now() + ORPHANS_EVERY;
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "nobody knows who sweeps"),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Err(error) = app.storage.drop_role(ROLE, &app.node).await {
        tracing::debug!(%error, "the sweeper's role was not given up; it ends by itself");
    }
}

async fn expired(app: &App) {
    match sweep_expired(app).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(records = swept, "swept expired videos"),
        Err(error) => tracing::error!(%error, "the sweep failed"),
    }
}

async fn orphaned(app: &App) {
    match sweep_stores(app, GRACE).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(files = swept, "swept what a crash left behind"),
        Err(error) => tracing::error!(%error, "orphaned files were not swept"),
    }
}

/// Removes expired records and their files. Answers how many records.
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
            // The record goes first: it must never name bytes that are gone.
            // Files that a crash right here leaves are orphans.
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
        tracing::warn!(%error, job.id = %video.id, "an expired file was not removed");
    }
    if let Origin::Upload(upload) = &video.origin
        && let Err(error) = app.stores.uploads.delete(&upload.input_file_path).await
    {
        tracing::warn!(%error, job.id = %video.id, "an expired upload was not removed");
    }
}
