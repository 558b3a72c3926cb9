//! The records of clips and uploads: the `videos` collection.

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use mongodb::bson::{Document, doc};

use super::backend::Mongo;
use super::fields::{date, oid};
use super::readable;
use super::record::{inserted, video};
use crate::{NewVideo, Page, Result, Video, Videos};

#[async_trait]
impl Videos for Mongo {
    async fn insert_video(&self, new: NewVideo) -> Result<Video> {
        let document = inserted(&new);
        let saved = video(&document)?;
        self.run(|inner| async move {
            inner.videos.insert_one(document).await?;
            Ok(saved)
        })
        .await
    }

    async fn video(&self, id: Id) -> Result<Option<Video>> {
        self.run(move |inner| async move {
            let found = inner.videos.find_one(doc! { "_id": oid(id) }).await?;
            found.as_ref().map(video).transpose()
        })
        .await
    }

    async fn videos_of(&self, user: Id, page: Page) -> Result<Vec<Video>> {
        let mut filter = doc! { "user_id": oid(user) };
        if let Some(cursor) = page.before {
            let at = date(cursor.created_at);
            filter.insert(
                "$or",
                vec![
                    doc! { "created_at": { "$lt": at } },
                    doc! { "created_at": at, "_id": { "$lt": oid(cursor.id) } },
                ],
            );
        }
        let newest_first = doc! { "created_at": -1, "_id": -1 };
        self.find(filter, newest_first, page.limit).await
    }

    async fn set_available_formats(&self, id: Id, formats: &[String]) -> Result<()> {
        // A document of the reference service may lack the field.
        let clip = doc! { "_id": oid(id), "source_type": { "$ne": "upload" } };
        let change = doc! { "$set": { "available_formats": formats.to_vec() } };
        self.run(move |inner| async move {
            inner.videos.update_one(clip, change).await?;
            Ok(())
        })
        .await
    }

    async fn set_expiry(&self, id: Id, expires_at: Time) -> Result<bool> {
        let completed = doc! { "_id": oid(id), "status": "completed" };
        let change = doc! { "$set": { "expires_at": date(expires_at) } };
        self.run(move |inner| async move {
            Ok(inner.videos.update_one(completed, change).await?.matched_count > 0)
        })
        .await
    }

    async fn expired_videos(&self, now: Time, limit: u32) -> Result<Vec<Video>> {
        let oldest_first = doc! { "expires_at": 1, "_id": 1 };
        self.find(expired(now), oldest_first, Some(limit)).await
    }

    async fn delete_expired_video(&self, id: Id, now: Time) -> Result<bool> {
        let mut filter = expired(now);
        filter.insert("_id", oid(id));
        self.run(move |inner| async move {
            Ok(inner.videos.delete_one(filter).await?.deleted_count > 0)
        })
        .await
    }

    async fn delete_video(&self, id: Id) -> Result<Option<Video>> {
        self.run(move |inner| async move {
            let gone = inner.videos.find_one_and_delete(doc! { "_id": oid(id) }).await?;
            gone.as_ref().map(video).transpose()
        })
        .await
    }
}

impl Mongo {
    /// The records that a filter finds, sorted; all of them without a limit.
    pub(super) async fn find(
        &self,
        filter: Document,
        sort: Document,
        limit: Option<u32>,
    ) -> Result<Vec<Video>> {
        self.run(move |inner| async move {
            readable::find(&inner.videos, filter, sort, limit, video).await
        })
        .await
    }
}

/// Records that may go: their time is over and no worker has them.
fn expired(now: Time) -> Document {
    doc! { "expires_at": { "$lte": date(now) }, "job.due_at": { "$exists": false } }
}
