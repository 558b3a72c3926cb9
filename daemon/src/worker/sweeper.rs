//! Removes what has expired, and what a crash left behind.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clipmill_storage::{Id, Origin, Result, Video};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Records that one look takes.
const BATCH: u32 = 100;

/// What a sweep removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records with their files.
    pub records: u64,
    /// Files that no record names.
    pub orphans: u64,
}

/// Sweeps until it is stopped.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let every = Duration::from_secs_f64(app.config.retention.sweep_minutes * 60.0);
    loop {
        match sweep_expired(&app).await {
            Ok(swept) if swept == Swept::default() => {}
            Ok(swept) => tracing::info!(records = swept.records, "swept expired videos"),
            Err(error) => tracing::error!(%error, "the sweep failed"),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Removes expired records and their files.
///
/// # Errors
/// When the database does not answer; what was removed until then stays removed.
pub async fn sweep_expired(app: &App) -> Result<Swept> {
    let now = app.clock.now();
    let mut swept = Swept::default();
    loop {
        let expired = app.storage.expired_videos(now, BATCH).await?;
        let found = expired.len();
        let mut removed = 0;
        for video in expired {
            // The record goes first: it must never name bytes that are gone.
            // Files that a crash right here leaves are orphans of the next start.
            if app.storage.delete_expired_video(video.id, now).await? {
                remove_files(app, &video).await;
                removed += 1;
            }
        }
        swept.records += removed;
        if found < BATCH as usize || removed == 0 {
            break;
        }
    }
    app.storage.purge_sessions(now).await?;
    Ok(swept)
}

async fn remove_files(app: &App, video: &Video) {
    if let Some(file) = &video.file
        && let Err(error) = app.artifacts.delete(&file.file_path).await
    {
        tracing::warn!(%error, job.id = %video.id, "an expired file was not removed");
    }
    if let Origin::Upload(upload) = &video.origin {
        remove(&app.config.folders.uploads().join(&upload.input_file_path)).await;
    }
}

/// Removes work folders, uploads and finished files that no record wants. Only
/// at start, before requests are answered: later, what looks like an orphan may
/// be in the making.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep_orphans(app: &App) -> Result<Swept> {
    let mut swept = Swept::default();
    let active: HashSet<Id> = app.storage.active_jobs().await?.into_iter().collect();
    for name in names(&app.config.folders.work()).await {
        if !name.parse().is_ok_and(|id| active.contains(&id)) {
            remove(&app.config.folders.work().join(&name)).await;
            swept.orphans += 1;
        }
    }
    for name in names(&app.config.folders.uploads()).await {
        if !is_wanted_upload(app, &name).await? {
            remove(&app.config.folders.uploads().join(&name)).await;
            swept.orphans += 1;
        }
    }
    let keys = app.artifacts.keys().await.unwrap_or_else(|error| {
        tracing::error!(%error, "the artifact store can't be listed");
        Vec::new()
    });
    for (key, _) in keys {
        if !is_wanted_file(app, &key).await? {
            if let Err(error) = app.artifacts.delete(&key).await {
                tracing::warn!(%error, "an orphaned file was not removed");
            }
            swept.orphans += 1;
        }
    }
    Ok(swept)
}

async fn is_wanted_upload(app: &App, name: &str) -> Result<bool> {
    let Some(id) = leading_id(name) else { return Ok(foreign(name)) };
    let video = app.storage.video(id).await?;
    Ok(video.is_some_and(
        |video| matches!(&video.origin, Origin::Upload(upload) if upload.input_file_path == name),
    ))
}

async fn is_wanted_file(app: &App, key: &str) -> Result<bool> {
    let Some(id) = leading_id(key) else { return Ok(foreign(key)) };
    let video = app.storage.video(id).await?;
    Ok(video.and_then(|video| video.file).is_some_and(|file| file.file_path == key))
}

/// The id that our own file names begin with.
fn leading_id(name: &str) -> Option<Id> {
    name.get(..24)?.parse().ok()
}

/// A file that we did not name is somebody else's, and is left alone.
fn foreign(name: &str) -> bool {
    tracing::debug!(file.name = name, "left a file alone that is not ours");
    true
}

async fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(mut entries) = tokio::fs::read_dir(folder).await {
        while let Ok(Some(entry)) = entries.next_entry().await {
            names.extend(entry.file_name().into_string());
        }
    }
    names
}

async fn remove(path: &Path) {
    let removed = match tokio::fs::symlink_metadata(path).await {
        Ok(meta) if meta.is_dir() => tokio::fs::remove_dir_all(path).await,
        Ok(_) => tokio::fs::remove_file(path).await,
        Err(error) => Err(error),
    };
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a file was not removed");
    }
}
