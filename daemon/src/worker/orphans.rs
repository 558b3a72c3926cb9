//! Removes files that no record wants: what crashes leave behind.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use clipmill_core::Id;
use clipmill_storage::{Origin, Result, Video};
use futures_util::TryStreamExt as _;

use crate::app::App;
use crate::artifacts::{ArtifactError, Artifacts};

/// How old a file must be that nobody names in a store that others may write
/// to as well: older than anything that is in the making.
pub const GRACE: Duration = Duration::from_secs(24 * 3600);

/// Removes folders of half-made files whose jobs are no longer in the queue,
/// and uploads that were being received. Only at start, before requests are
/// answered and jobs are claimed: later, all of this may be in the making.
/// Answers how many were removed.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep_work(app: &App) -> Result<u64> {
    let mut swept = 0;
    let active: HashSet<Id> = app.storage.active_jobs().await?.into_iter().collect();
    let folder = app.config.folders.work();
    for name in names(&folder).await {
        if !name.parse().is_ok_and(|id| active.contains(&id)) {
            remove(&folder.join(&name)).await;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Removes finished files and uploads that no record names and that were last
/// written longer than `grace` ago. With a grace longer than any file waits for
/// its record, that may be done at any time and from any node. Answers how many
/// were removed.
///
/// # Errors
/// When the database does not answer. What a store does not do is logged: the
/// next sweep tries again.
pub async fn sweep_stores(app: &App, grace: Duration) -> Result<u64> {
    let files = sweep(app, &app.stores.files, grace, |video, store, key| {
        let named = video.file.as_ref().and_then(|file| store.key_of(&file.file_path));
        named.as_deref() == Some(key)
    });
    let uploads = sweep(app, &app.stores.uploads, grace, |video, store, key| match &video.origin {
        Origin::Upload(upload) => store.key_of(&upload.input_file_path).as_deref() == Some(key),
        Origin::Clip(_) => false,
    });
    Ok(files.await? + uploads.await?)
}

async fn sweep(
    app: &App,
    store: &Artifacts,
    grace: Duration,
    is_named: impl Fn(&Video, &Artifacts, &str) -> bool,
) -> Result<u64> {
    let mut swept = 0;
    // A time that does not fit is longer than anything was ever kept.
    let before = app.clock.now() - TimeDelta::from_std(grace).unwrap_or(TimeDelta::days(36_500));
    let mut keys = store.keys();
    while let Some(stored) = keys.try_next().await.unwrap_or_else(|error| unlisted(&error)) {
        let is_old = stored.changed <= before;
        let Some(id) = leading_id(&stored.key).filter(|_| is_old) else { continue };
        if app.storage.video(id).await?.is_some_and(|video| is_named(&video, store, &stored.key)) {
            continue;
        }
        match store.delete(&stored.key).await {
            Ok(()) => swept += 1,
            Err(error) => tracing::warn!(%error, "an orphaned file was not removed"),
        }
    }
    Ok(swept)
}

/// The list ends here; the next sweep tries again.
fn unlisted<T>(error: &ArtifactError) -> Option<T> {
    tracing::error!(%error, "the artifact store can't be listed");
    None
}

/// The id that our own file names begin with. What has none is somebody
/// else's, and is left alone.
fn leading_id(name: &str) -> Option<Id> {
    name.get(..24)?.parse().ok()
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
