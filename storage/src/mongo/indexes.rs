//! The indexes: those of the reference service, and those that the queue and
//! long lists need.

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::backend::MongoInner;
use super::error::{code, is_duplicate};
use crate::{Result, StorageError};

/// The server has an index of that name, or of those keys, with other options.
const OTHER_OPTIONS: &[i32] = &[85, 86];

/// Makes what is missing. An index that an operator made is taken as it is,
/// unless it lets through what ours would refuse.
pub(super) async fn ensure(inner: &MongoInner) -> Result<()> {
    let unique = || IndexOptions::builder().unique(true).build();
    let queued = doc! { "job.due_at": { "$exists": true } };
    for (collection, keys, options) in [
        (&inner.users, doc! { "email": 1 }, unique()),
        (&inner.sessions, doc! { "token": 1 }, unique()),
        (&inner.sessions, doc! { "user_id": 1 }, IndexOptions::default()),
        (
            &inner.sessions,
            doc! { "expires_at": 1 },
            IndexOptions::builder().expire_after(Duration::ZERO).build(),
        ),
        (&inner.videos, doc! { "user_id": 1 }, IndexOptions::default()),
        (&inner.videos, doc! { "status": 1 }, IndexOptions::default()),
        (&inner.videos, doc! { "expires_at": 1 }, IndexOptions::default()),
        // A list, newest first, and its pages.
        (
            &inner.videos,
            doc! { "user_id": 1, "created_at": -1, "_id": -1 },
            IndexOptions::default(),
        ),
        // The queue holds few of the records, whatever their number.
        (
            &inner.videos,
            doc! { "job.due_at": 1, "_id": 1 },
            IndexOptions::builder().partial_filter_expression(queued).build(),
        ),
    ] {
        one(collection, keys, options).await?;
    }
    Ok(())
}

async fn one(
    collection: &Collection<Document>,
    keys: Document,
    options: IndexOptions,
) -> Result<()> {
    let unique = options.unique == Some(true);
    let model = IndexModel::builder().keys(keys.clone()).options(options).build();
    let error = match collection.create_index(model).await {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let place = format!("{}.{}", collection.name(), names(&keys));
    if is_duplicate(&error) {
        return Err(StorageError::Refused(format!(
            "MongoDB holds equal values of {place}, which must be unique: {}; \
             remove all but one of each",
            StorageError::from(error)
        )));
    }
    if !code(&error).is_some_and(|code| OTHER_OPTIONS.contains(&code)) {
        return Err(error.into());
    }
    let found = existing(collection, &keys).await?;
    if unique && found.as_ref().is_none_or(|found| found.unique != Some(true)) {
        return Err(StorageError::Refused(format!(
            "the index on {place} is not unique; drop it, and the next start makes the right one"
        )));
    }
    tracing::warn!(db.index = place, "an index with other options than ours is used as it is");
    Ok(())
}

/// The options of the index with these keys, if there is one.
async fn existing(
    collection: &Collection<Document>,
    keys: &Document,
) -> Result<Option<IndexOptions>> {
    let all: Vec<IndexModel> = collection.list_indexes().await?.try_collect().await?;
    // Drivers write 1 as one of three kinds of number.
    let same = |index: &IndexModel| {
        index.keys.len() == keys.len()
            && index.keys.iter().zip(keys).all(|((a, x), (b, y))| a == b && sign(x) == sign(y))
    };
    Ok(all.into_iter().find(same).map(|index| index.options.unwrap_or_default()))
}

fn sign(value: &Bson) -> Option<bool> {
    match value {
        Bson::Int32(number) => Some(*number > 0),
        Bson::Int64(number) => Some(*number > 0),
        Bson::Double(number) => Some(*number > 0.0),
        _ => None,
    }
}

fn names(keys: &Document) -> String {
    keys.keys().cloned().collect::<Vec<_>>().join("+")
}
