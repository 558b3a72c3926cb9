//! What a daemon makes sure of before it works beside others: that all of them
//! look at the same stores.
//!
//! Each store has a mark, and the database holds the mark that all stores of
//! the cluster must have. A daemon whose folder is its own by mistake would
//! answer 404 to every second download; it does not start.

use clipmill_storage::{Id, Storage};

use super::exit::Failure;
use crate::artifacts::{ArtifactError, Artifacts, Stores};

/// Checks both stores, and marks them if this is the first daemon of all.
/// With `adopt`, what this daemon is configured to use becomes the cluster's.
///
/// # Errors
/// When a store is not the one that the others use.
pub async fn join(storage: &dyn Storage, stores: &Stores, adopt: bool) -> Result<(), Failure> {
    one(storage, &stores.files, "finished files", "files_store", adopt).await?;
    one(storage, &stores.uploads, "uploads", "uploads_store", adopt).await
}

async fn one(
    storage: &dyn Storage,
    store: &Artifacts,
    holds: &str,
    word: &str,
    adopt: bool,
) -> Result<(), Failure> {
    let told = |error: ArtifactError| Failure::other(format!("the store of {holds}: {error}"));
    let here = store.mark().await.map_err(told)?;
    let proposed = here.clone().unwrap_or_else(|| Id::generate(chrono::Utc::now()).to_string());
    if adopt {
        storage.replace_word(word, &proposed).await?;
    }
    let agreed = storage.agree(word, &proposed).await?;
    if agreed != proposed {
        return Err(Failure::usage(format!(
            "the store of {holds} is not the one that the other daemons of this database use: \
             point artifacts.url or folders at the same bucket or shared folder on every machine. \
             If it was moved on purpose, stop all daemons and start one of them once with \
             `clipmill serve --adopt-stores`"
        )));
    }
    if here.is_none() {
        store.set_mark(&agreed).await.map_err(told)?;
    }
    Ok(())
}
