//! Taking a job out of the queue.

use std::time::Duration;

use clipmill_core::{Id, Time};
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::ReturnDocument;

use super::backend::{Mongo, MongoInner};
use super::fields::{after, date, oid};
use super::readable;
use super::record::video;
use crate::{Claimed, Result, Status, StorageError};

/// How many jobs in a row that can't be read one claim sets aside.
const LOOKS: usize = 20;

/// When such a job is tried again: by then an operator has mended it, or the
/// version that wrote it runs here too.
const ASIDE: Duration = Duration::from_secs(600);

/// Takes the job that is due longest of those that can be read.
pub(super) async fn claim(
    store: &Mongo,
    owner: &str,
    now: Time,
    lasts: Duration,
) -> Result<Option<Claimed>> {
    let (owner, until) = (owner.to_owned(), after(now, lasts));
    store
        .run(move |inner| async move {
            for _ in 0..LOOKS {
                let lease = Id::generate(now);
                let Some(document) = claim_oldest(&inner, lease, &owner, now, until).await? else {
                    break;
                };
                match video(&document) {
                    Ok(video) => {
                        let lease = video.job.lease.clone();
                        return Ok(lease.map(|lease| Claimed { video, lease }));
                    }
                    Err(error) => set_aside(&inner, &document, lease, now, &error).await?,
                }
            }
            Ok(None)
        })
        .await
}

/// Takes the job that is due longest, whatever its document says.
async fn claim_oldest(
    inner: &MongoInner,
    lease: Id,
    owner: &str,
    now: Time,
    until: DateTime,
) -> Result<Option<Document>> {
    let lease = doc! { "id": oid(lease), "owner": owner, "until": until };
    let is_number = doc! { "$in": [{ "$type": "$job.attempts" }, ["int", "long", "double"]] };
    // A pipeline, since an update operator can't write a field only when it is null. It fails
    // when it adds to something that is no number, and with it every claim.
    let change = vec![doc! { "$set": {
        "status": Status::Processing.as_str(),
        "job.attempts": { "$add": [{ "$cond": [is_number, "$job.attempts", 0] }, 1] },
        "job.lease": { "$literal": lease },
        "job.due_at": until,
        "encoding_started_at": { "$ifNull": ["$encoding_started_at", date(now)] },
    } }];
    // What the index of the queue is limited to is said again, so that every server sees that it
    // will do.
    let due = doc! { "job.due_at": { "$exists": true, "$lte": date(now) } };
    let taken = inner
        .videos
        .find_one_and_update(due, change)
        .sort(doc! { "job.due_at": 1, "_id": 1 })
        .return_document(ReturnDocument::After);
    Ok(taken.await?)
}

/// Gives a job back that can't be read, so that it neither holds up the others
/// nor is lost.
async fn set_aside(
    inner: &MongoInner,
    document: &Document,
    lease: Id,
    now: Time,
    error: &StorageError,
) -> Result<()> {
    let id = document.get("_id");
    readable::left_out(&inner.videos, id, error);
    let this = doc! { "_id": id, "job.lease.id": oid(lease) };
    let change = doc! {
        "$set": { "job.due_at": after(now, ASIDE) },
        "$inc": { "job.attempts": -1_i64 },
        "$unset": { "job.lease": "" },
    };
    inner.videos.update_one(this, change).await?;
    Ok(())
}
