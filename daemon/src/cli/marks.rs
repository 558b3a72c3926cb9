//! Marks of stores: before a daemon works beside others, it makes sure that all
//! of them use the same stores.
//!
//! Each store has a mark, and the database holds the mark that all stores of
//! the cluster must have. A daemon whose folder is its own by mistake would
//! answer 404 to every second download; it does not start.

use std::time::Duration;

use clipmill_core::Id;
use clipmill_storage::Storage;

use super::error::CommandError;
use crate::artifacts::{ArtifactError, Artifacts, Stores};

/// How often a store is read for a mark that another daemon is about to write.
const ATTEMPTS: u32 = 20;
/// The pause between two of these reads.
const PAUSE: Duration = Duration::from_millis(250);

/// Checks both stores, and marks them if this is the first daemon of all.
/// With `adopt`, what this daemon is configured to use becomes the cluster's.
///
/// # Errors
/// When a store is not the one that the others use.
pub async fn check_store_marks(
    storage: &dyn Storage,
    stores: &Stores,
    adopt: bool,
) -> Result<(), CommandError> {
    check_mark(storage, &stores.files, "finished files", "files_store", adopt).await?;
    check_mark(storage, &stores.uploads, "uploads", "uploads_store", adopt).await
}

async fn check_mark(
    storage: &dyn Storage,
    store: &Artifacts,
    holds: &str,
    word: &str,
    adopt: bool,
) -> Result<(), CommandError> {
    let failed =
        |error: ArtifactError| CommandError::other(format!("the store of {holds}: {error}"));
    let here = store.mark().await.map_err(failed)?;
    let proposed = here.clone().unwrap_or_else(|| Id::generate(chrono::Utc::now()).to_string());
    if adopt {
        storage.replace_word(word, &proposed).await?;
    }
    let agreed = storage.agree(word, &proposed).await?;
    if agreed != proposed && !is_marked(store, &agreed).await.map_err(failed)? {
        return Err(CommandError::usage(format!(
            "the store of {holds} is not the one that the other daemons of this database use: \
             point artifacts.url or folders at the same bucket or shared folder on every machine. \
             If it was moved on purpose, stop all daemons and start one of them once with \
             `clipmill serve --adopt-stores`"
        )));
    }
    if agreed == proposed && here.is_none() {
        store.set_mark(&agreed).await.map_err(failed)?;
    }
    Ok(())
}

/// Whether the store has this mark, or gets it within a moment: another daemon
/// that starts for the first time, too, writes to the database first.
async fn is_marked(store: &Artifacts, word: &str) -> Result<bool, ArtifactError> {
    for _ in 0..ATTEMPTS {
        if store.mark().await?.as_deref() == Some(word) {
            return Ok(true);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(false)
}
