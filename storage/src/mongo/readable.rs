//! Lists of documents that others may have written. One that can't be read must
//! not hide all others.

use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Bson, Document};

use crate::{Result, StorageError};

/// Documents that one answer of the server holds at most.
const BATCH: u32 = 500;

/// What a query finds, read, in its order: at most `limit`, and fewer only when
/// there are no more. What can't be read is left out, with a line in the log.
pub(super) async fn find<T>(
    collection: &Collection<Document>,
    filter: Document,
    sort: Document,
    limit: Option<u32>,
    read: impl Fn(&Document) -> Result<T>,
) -> Result<Vec<T>> {
    // The server takes 0 for no limit.
    if limit == Some(0) {
        return Ok(Vec::new());
    }
    let limit = limit.map(|limit| limit as usize);
    let mut asked = limit;
    loop {
        let mut find = collection.find(filter.clone()).sort(sort.clone()).batch_size(BATCH);
        if let Some(asked) = asked {
            find = find.limit(i64::try_from(asked).unwrap_or(i64::MAX));
        }
        let mut found = find.await?;
        let (mut list, mut unreadable) = (Vec::new(), Vec::new());
        while Some(list.len()) != limit
            && let Some(document) = found.try_next().await?
        {
            match read(&document) {
                Ok(item) => list.push(item),
                Err(error) => unreadable.push((document.get("_id").cloned(), error)),
            }
        }
        // Full with documents of which some don't count: others come after them.
        if asked == Some(list.len() + unreadable.len()) && !unreadable.is_empty() {
            asked = None;
            continue;
        }
        for (id, error) in unreadable {
            left_out(collection, id.as_ref(), &error);
        }
        return Ok(list);
    }
}

/// Logs a document that is left out of every answer.
pub(super) fn left_out(collection: &Collection<Document>, id: Option<&Bson>, error: &StorageError) {
    let id = id.map_or("a document".to_owned(), Bson::to_string);
    tracing::warn!(%error, db.collection = collection.name(), db.id = id, "left out");
}
