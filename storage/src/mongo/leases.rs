//! What a worker writes. Each update names record and lease in its filter, so
//! that a worker that lost its lease changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::backend::{Mongo, MongoInner};
use super::fields::{Fields, after, date, oid};
use super::record::video;
use crate::{Finished, JobFailure, JobUpdate, LeaseHeld, Leases, Result, Status};

fn held(id: Id, lease: Id) -> Document {
    doc! { "_id": oid(id), "job.lease.id": oid(lease) }
}

/// Takes the lease and whatever else goes with it off a record.
fn without_lease(also: &[&str]) -> Document {
    let mut fields = doc! { "job.lease": "" };
    for name in also {
        fields.insert(*name, "");
    }
    fields
}

/// The update that takes a job out of the queue as if it had never been asked
/// for.
pub(super) fn stop() -> Document {
    doc! {
        "$set": {
            "status": Status::Pending.as_str(),
            "error_message": Bson::Null,
            "encoding_started_at": Bson::Null,
            "job.attempts": 0_i64,
        },
        "$unset": without_lease(&[
            "job.due_at", "job.stage", "job.note", "job.error_code", "job.cancel_requested",
        ]),
    }
}

/// Writes what leaves the lease with its worker.
async fn write(store: &Mongo, id: Id, lease: Id, change: Document) -> Result<LeaseHeld> {
    store
        .run(move |inner| async move {
            let written = inner
                .videos
                .find_one_and_update(held(id, lease), change)
                .projection(doc! { "job.cancel_requested": 1 })
                .return_document(ReturnDocument::After)
                .await?;
            let Some(document) = written else { return Ok(LeaseHeld::Lost) };
            let job = Fields(&document).within("job")?;
            let cancelled = job.map(|job| job.flag("cancel_requested")).transpose()?;
            Ok(match cancelled {
                Some(true) => LeaseHeld::CancelRequested,
                _ => LeaseHeld::Yes,
            })
        })
        .await
}

#[async_trait]
impl Leases for Mongo {
    async fn heartbeat(
        &self,
        id: Id,
        lease: Id,
        now: Time,
        duration: Duration,
    ) -> Result<LeaseHeld> {
        let until = after(now, duration);
        // One that was under way for long must not take back what a later one has written.
        let change = doc! { "$max": { "job.lease.until": until, "job.due_at": until } };
        write(self, id, lease, change).await
    }

    async fn update_job(&self, id: Id, lease: Id, update: JobUpdate) -> Result<LeaseHeld> {
        // An update must change something; the id of the lease is what it is.
        let mut set = doc! { "job.lease.id": oid(lease) };
        if let Some(stage) = update.stage {
            set.insert("job.stage", stage.as_str());
        }
        if let Some(span) = update.span {
            set.insert("start_time", span.start);
            set.insert("end_time", span.end);
        }
        if let Some(formats) = update.available_formats {
            set.insert("available_formats", formats);
        }
        if let Some(note) = update.note {
            set.insert("job.note", note);
        }
        write(self, id, lease, doc! { "$set": set }).await
    }

    async fn finish(&self, id: Id, lease: Id, done: Finished) -> Result<LeaseHeld> {
        let change = doc! {
            "$set": {
                "status": Status::Completed.as_str(),
                "error_message": Bson::Null,
                "encoding_progress": 100,
                "encoding_completed_at": date(done.now),
                "expires_at": date(done.expires_at),
                "file_path": &done.file.file_path,
                "file_size_bytes": done.file.file_size_bytes.cast_signed(),
            },
            "$unset": without_lease(&["job.due_at", "job.error_code", "job.cancel_requested"]),
        };
        self.run(move |inner| async move {
            if matches(&inner, held(id, lease), change).await? {
                return Ok(LeaseHeld::Yes);
            }
            let found = inner.videos.find_one(doc! { "_id": oid(id) }).await?;
            let record = found.as_ref().map(video).transpose()?;
            let written = record.is_some_and(|record| {
                record.job.status == Status::Completed && record.file.as_ref() == Some(&done.file)
            });
            Ok(if written { LeaseHeld::Yes } else { LeaseHeld::Lost })
        })
        .await
    }

    async fn fail(
        &self,
        id: Id,
        lease: Id,
        why: JobFailure,
        expires_at: Time,
    ) -> Result<LeaseHeld> {
        let change = doc! {
            "$set": {
                "status": Status::Failed.as_str(),
                "error_message": why.message,
                "job.error_code": why.code,
                "expires_at": date(expires_at),
            },
            "$unset": without_lease(&["job.due_at", "job.cancel_requested"]),
        };
        self.run(move |inner| async move {
            let written = matches(&inner, held(id, lease), change).await?;
            Ok(if written { LeaseHeld::Yes } else { LeaseHeld::Lost })
        })
        .await
    }

    async fn retry(&self, id: Id, lease: Id, why: JobFailure, due_at: Time) -> Result<LeaseHeld> {
        let change = doc! {
            "$set": {
                "job.due_at": date(due_at),
                "error_message": why.message,
                "job.error_code": why.code,
            },
            "$unset": without_lease(&[]),
        };
        give_back(self, id, lease, change).await
    }

    async fn release(&self, id: Id, lease: Id, now: Time) -> Result<LeaseHeld> {
        let change = doc! {
            "$set": { "job.due_at": date(now) },
            // The claim that made this lease counted it, so it is 1 at least.
            "$inc": { "job.attempts": -1_i64 },
            "$unset": without_lease(&[]),
        };
        give_back(self, id, lease, change).await
    }

    async fn stopped(&self, id: Id, lease: Id) -> Result<LeaseHeld> {
        self.run(move |inner| async move {
            let written = matches(&inner, held(id, lease), stop()).await?;
            Ok(if written { LeaseHeld::Yes } else { LeaseHeld::Lost })
        })
        .await
    }
}

/// Puts a job back into the queue, unless a client wants it to stop. A cancel
/// that comes between the two updates is found by the second.
async fn give_back(store: &Mongo, id: Id, lease: Id, change: Document) -> Result<LeaseHeld> {
    store
        .run(move |inner| async move {
            let mut wanted = held(id, lease);
            wanted.insert("job.cancel_requested", doc! { "$ne": true });
            if matches(&inner, wanted, change).await? {
                Ok(LeaseHeld::Yes)
            } else if matches(&inner, held(id, lease), stop()).await? {
                Ok(LeaseHeld::CancelRequested)
            } else {
                Ok(LeaseHeld::Lost)
            }
        })
        .await
}

/// Whether an update found its record.
async fn matches(inner: &MongoInner, filter: Document, change: Document) -> Result<bool> {
    Ok(inner.videos.update_one(filter, change).await?.matched_count > 0)
}
