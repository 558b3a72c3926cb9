//! The durable queue. What gives a lease is in `claim`, what needs one in
//! `leases`.
//!
//! A record is in the queue while it has a `job.due_at`. No transition reads
//! first and trusts what it read: each names the state that it leaves in the
//! filter of its update, and looks again when that did not hold.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, DateTime as BsonTime, Document, doc};
use mongodb::options::ReturnDocument;

use super::backend::{Mongo, MongoInner};
use super::fields::{Fields, LAST_MILLISECOND, date, oid};
use super::record::video;
use super::{claim, leases};
use crate::{
    Cancelled, Claimed, Enqueued, Origin, Queue, Result, Status, StorageError, Video, Want,
};

/// How often a transition looks again at a record that changed under its hands.
const LOOKS: usize = 20;

#[async_trait]
impl Queue for Mongo {
    async fn enqueue(&self, id: Id, want: &Want, now: Time) -> Result<Enqueued> {
        let want = want.clone();
        self.run(move |inner| async move {
            for _ in 0..LOOKS {
                if let Some(ended) = try_enqueue(&inner, id, &want, now).await? {
                    return Ok(ended);
                }
            }
            Err(StorageError::Unavailable(format!("record {id} changes all the time")))
        })
        .await
    }

    async fn claim(&self, owner: &str, now: Time, lasts: Duration) -> Result<Option<Claimed>> {
        claim::claim(self, owner, now, lasts).await
    }

    async fn reclaim(&self, owner: &str, now: Time) -> Result<u64> {
        let now = date(now);
        let own = doc! {
            "job.due_at": { "$exists": true, "$gt": now },
            "job.lease.owner": owner,
        };
        let change = doc! { "$set": { "job.due_at": now } };
        self.run(move |inner| async move {
            Ok(inner.videos.update_many(own, change).await?.modified_count)
        })
        .await
    }

    async fn cancel(&self, id: Id) -> Result<Cancelled> {
        self.run(move |inner| async move {
            for _ in 0..LOOKS {
                if let Some(ended) = try_cancel(&inner, id).await? {
                    return Ok(ended);
                }
            }
            Err(StorageError::Unavailable(format!("record {id} changes all the time")))
        })
        .await
    }

    async fn active_jobs(&self) -> Result<Vec<Id>> {
        self.run(|inner| async move {
            let mut found = inner
                .videos
                .find(queued())
                .projection(doc! { "_id": 1 })
                .sort(doc! { "job.due_at": 1, "_id": 1 })
                .await?;
            let mut ids = Vec::new();
            while let Some(document) = found.try_next().await? {
                ids.push(Fields(&document).needed_id("_id")?);
            }
            Ok(ids)
        })
        .await
    }

    async fn next_due(&self) -> Result<Option<Time>> {
        self.run(|inner| async move {
            // What is due at something that is no time is not waited for.
            let last = BsonTime::from_millis(LAST_MILLISECOND);
            let times = doc! { "$exists": true, "$gte": BsonTime::from_millis(0), "$lte": last };
            let due = doc! { "job.due_at": times };
            let found = inner
                .videos
                .find_one(due)
                .projection(doc! { "job.due_at": 1 })
                .sort(doc! { "job.due_at": 1, "_id": 1 })
                .await?;
            let Some(found) = found else { return Ok(None) };
            match Fields(&found).within("job")? {
                Some(job) => job.time("due_at"),
                None => Ok(None),
            }
        })
        .await
    }
}

fn queued() -> Document {
    doc! { "job.due_at": { "$exists": true } }
}

/// None when the record changed between the look and the write.
async fn try_enqueue(
    inner: &MongoInner,
    id: Id,
    want: &Want,
    now: Time,
) -> Result<Option<Enqueued>> {
    let Some(found) = inner.videos.find_one(doc! { "_id": oid(id) }).await? else {
        return Ok(Some(Enqueued::Missing));
    };
    let mut record: Video = video(&found)?;
    if !record.origin.accepts(want) {
        return Err(StorageError::Refused(format!("record {id} can't be turned into {want:?}")));
    }
    if record.job.due_at.is_some() {
        return Ok(Some(Enqueued::AlreadyActive(record)));
    }
    if record.job.status == Status::Completed && record.want().as_ref() == Some(want) {
        return Ok(Some(Enqueued::AlreadyCompleted(record)));
    }
    record.origin.set_want(want);
    let mut set = doc! {
        "status": Status::Pending.as_str(),
        "error_message": Bson::Null,
        "encoding_progress": 0,
        "encoding_started_at": Bson::Null,
        "encoding_completed_at": Bson::Null,
        "job.due_at": date(now),
        "job.attempts": 0_i64,
    };
    let wanted = preferences(&record.origin);
    // What was decided holds only for the state that it was decided for.
    let mut seen = doc! {
        "_id": oid(id),
        "job.due_at": { "$exists": false },
        "status": found.get("status").cloned().unwrap_or(Bson::Null),
    };
    for name in wanted.keys() {
        seen.insert(name, found.get(name).cloned().unwrap_or(Bson::Null));
    }
    set.extend(wanted);
    let change = doc! {
        "$set": set,
        "$unset": {
            "job.stage": "", "job.note": "", "job.error_code": "", "job.cancel_requested": "",
            "job.lease": "",
        },
    };
    let written = inner
        .videos
        .find_one_and_update(seen, change)
        .return_document(ReturnDocument::After)
        .await?;
    written.as_ref().map(|document| video(document).map(Enqueued::Queued)).transpose()
}

/// The fields that hold what is wanted of a record.
fn preferences(origin: &Origin) -> Document {
    match origin {
        Origin::Clip(clip) => doc! {
            "format_preference": &clip.format_preference,
            "resolution_preference": &clip.resolution_preference,
        },
        Origin::Upload(upload) => doc! {
            "video_codec": upload.video_codec.as_deref(),
            "audio_codec": upload.audio_codec.as_deref(),
            "quality_preset": upload.quality_preset.as_deref(),
        },
    }
}

/// None when the record changed between two looks.
async fn try_cancel(inner: &MongoInner, id: Id) -> Result<Option<Cancelled>> {
    let mut waiting = queued();
    waiting.insert("_id", oid(id));
    let mut leased = waiting.clone();
    waiting.insert("job.lease", doc! { "$exists": false });
    leased.insert("job.lease", doc! { "$exists": true });
    if inner.videos.update_one(waiting, leases::stop()).await?.matched_count > 0 {
        return Ok(Some(Cancelled::Idle));
    }
    let ask = doc! { "$set": { "job.cancel_requested": true } };
    if inner.videos.update_one(leased, ask).await?.matched_count > 0 {
        return Ok(Some(Cancelled::Requested));
    }
    let found = inner.videos.find_one(doc! { "_id": oid(id) }).await?;
    let Some(record) = found.as_ref().map(video).transpose()? else {
        return Ok(Some(Cancelled::Missing));
    };
    Ok(record.job.due_at.is_none().then_some(Cancelled::NotActive))
}
