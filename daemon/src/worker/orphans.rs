//! Removes orphans: files that no record names, which crashes leave behind.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use clipmill_core::Id;
use clipmill_storage::{Origin, Result, Video};
use futures_util::TryStreamExt as _;

use crate::app::App;
use crate::artifacts::{ArtifactError, Artifacts};

/// How old an orphan must be in a store that other daemons may write to as well:
/// older than any file that waits for its record.
pub const GRACE: Duration = Duration::from_secs(24 * 3600);

/// Removes work folders whose jobs are no longer in the queue, and unfinished
/// uploads. Only at start, before the daemon answers requests and claims jobs:
/// later, all of these may be in use. Returns how many were removed.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep_work(app: &App) -> Result<u64> {
    let mut swept = 0;
    let active: HashSet<Id> = app.storage.active_jobs().await?.into_iter().collect();
    let folder = app.config.folders.work();
    for name in file_names(&folder).await {
        if !name.parse().is_ok_and(|id| active.contains(&id)) {
            remove(&folder.join(&name)).await;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Removes finished files and uploads that no record names and that were last
/// written longer than `grace` ago. With a grace longer than any file waits for
/// its record, any node may do so at any time. Returns how many were removed.
///
/// # Errors
/// When the database does not answer. Failures of a store are logged: the next
/// sweep tries again.
pub async fn sweep_stores(app: &App, grace: Duration) -> Result<u64> {
    let files = sweep_store(app, &app.stores.files, grace, |video, store, key| {
        let named = video.file.as_ref().and_then(|file| store.key_of(&file.file_path));
        named.as_deref() == Some(key)
    });
    let uploads =
        sweep_store(app, &app.stores.uploads, grace, |video, store, key| match &video.origin {
            Origin::Upload(upload) => store.key_of(&upload.input_file_path).as_deref() == Some(key),
            Origin::Clip(_) => false,
        });
    Ok(files.await? + uploads.await?)
}

async fn sweep_store(
    app: &App,
    store: &Artifacts,
    grace: Duration,
    is_named: impl Fn(&Video, &Artifacts, &str) -> bool,
) -> Result<u64> {
    let mut swept = 0;
    // A duration that does not fit is longer than any file was ever kept.
    let before = app.clock.now() - TimeDelta::from_std(grace).unwrap_or(TimeDelta::days(36_500));
    let mut keys = store.keys();
    while let Some(stored) = keys.try_next().await.unwrap_or_else(|error| end_of_list(&error)) {
        let is_old = stored.changed <= before;
        let Some(id) = leading_id(&stored.key).filter(|_| is_old) else { continue };
        if app.storage.video(id).await?.is_some_and(|video| is_named(&video, store, &stored.key)) {
            continue;
        }
        match store.delete(&stored.key).await {
            Ok(()) => swept += 1,
            Err(error) => {
                tracing::warn!(%error, "the sweeper could not remove an orphan; the next sweep tries again")
            }
        }
    }
    Ok(swept)
}

/// Ends the list of a store that failed.
fn end_of_list<T>(error: &ArtifactError) -> Option<T> {
    tracing::error!(%error, "the sweeper could not list the artifact store; the next sweep tries again");
    None
}

/// The id that our own file names start with. Files without one are not ours and
/// stay.
fn leading_id(name: &str) -> Option<Id> {
    name.get(..24)?.parse().ok()
}

async fn file_names(folder: &Path) -> Vec<String> {
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
        tracing::warn!(%error, "a file of an earlier run could not be removed from the work folder");
    }
}
