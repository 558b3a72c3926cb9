//! The durable queue. What needs a lease is in `leases`.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use sqlx::Row;
use sqlx::sqlite::SqliteArguments;

use super::bytes::BlobId;
use super::columns::{after, ms, time, video};
use super::{Sqlite, leases, within};
use crate::{Cancelled, Claimed, Enqueued, Origin, Queue, Result, Status, StorageError, Want};

type Statement = sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>;

/// Binds what a record is to become: format and resolution of a clip, then the
/// codecs and quality of an upload.
fn bind_preferences(update: Statement, origin: Origin) -> Statement {
    let (clip, upload) = match origin {
        Origin::Clip(clip) => (Some(clip), None),
        Origin::Upload(upload) => (None, Some(upload)),
    };
    let (format, resolution) =
        clip.map(|clip| (clip.format_preference, clip.resolution_preference)).unzip();
    let codecs = upload.map(|it| (it.video_codec, it.audio_codec, it.quality_preset));
    let (video_codec, audio_codec, quality) = codecs.unwrap_or_default();
    update.bind(format).bind(resolution).bind(video_codec).bind(audio_codec).bind(quality)
}

#[async_trait]
impl Queue for Sqlite {
    async fn enqueue(&self, id: Id, want: &Want, now: Time) -> Result<Enqueued> {
        let want = want.clone();
        self.write(move |inner| async move {
            let mut tx = inner.begin().await?;
            let row = sqlx::query("SELECT * FROM videos WHERE id = ?1")
                .bind(BlobId(id))
                .fetch_optional(&mut *tx)
                .await?;
            let Some(mut found) = row.as_ref().map(video).transpose()? else {
                return Ok(Enqueued::Missing);
            };
            if !found.origin.accepts(&want) {
                return Err(StorageError::Refused(format!(
                    "record {id} can't be turned into {want:?}"
                )));
            }
            if found.job.due_at.is_some() {
                return Ok(Enqueued::AlreadyActive(found));
            }
            if found.job.status == Status::Completed && found.want().as_ref() == Some(&want) {
                return Ok(Enqueued::AlreadyCompleted(found));
            }
            found.origin.set_want(&want);
            let update = sqlx::query(
                "UPDATE videos SET status = 'pending', due_at = ?2, stage = NULL, attempts = 0,
                    cancel_requested = 0, failure_code = NULL, failure_message = NULL, note = NULL,
                    started_at = NULL, completed_at = NULL,
                    format_preference = ?3, resolution_preference = ?4,
                    video_codec = ?5, audio_codec = ?6, quality_preset = ?7
                 WHERE id = ?1 RETURNING *",
            )
            .bind(BlobId(id))
            .bind(ms(now));
            let update = bind_preferences(update, found.origin);
            let queued = video(&update.fetch_one(&mut *tx).await?)?;
            tx.commit().await?;
            inner.videos.outdate(&id);
            Ok(Enqueued::Queued(queued))
        })
        .await
    }

    async fn claim(&self, owner: &str, now: Time, lasts: Duration) -> Result<Option<Claimed>> {
        let owner = owner.to_owned();
        self.write(move |inner| async move {
            let row = sqlx::query(
                "UPDATE videos SET status = 'processing', attempts = attempts + 1,
                    lease_id = ?2, lease_owner = ?3, lease_until = ?4, due_at = ?4,
                    started_at = coalesce(started_at, ?1)
                 WHERE id = (SELECT id FROM videos WHERE due_at <= ?1 ORDER BY due_at, id LIMIT 1)
                 RETURNING *",
            )
            .bind(ms(now))
            .bind(BlobId(Id::generate(now)))
            .bind(owner)
            .bind(after(now, lasts))
            .fetch_optional(&inner.writer)
            .await?;
            let Some(video) = row.as_ref().map(video).transpose()? else {
                return Ok(None);
            };
            inner.videos.outdate(&video.id);
            let lease = video.job.lease.clone();
            Ok(lease.map(|lease| Claimed { video, lease }))
        })
        .await
    }

    async fn reclaim(&self, owner: &str, now: Time) -> Result<u64> {
        let owner = owner.to_owned();
        self.write(move |inner| async move {
            let freed = sqlx::query(
                "UPDATE videos SET due_at = ?2 WHERE lease_owner = ?1 AND due_at > ?2
                 RETURNING id",
            )
            .bind(owner)
            .bind(ms(now))
            .fetch_all(&inner.writer)
            .await?;
            for row in &freed {
                inner.videos.outdate(&row.try_get::<BlobId, _>("id")?.0);
            }
            Ok(freed.len() as u64)
        })
        .await
    }

    async fn cancel(&self, id: Id) -> Result<Cancelled> {
        self.write(move |inner| async move {
            let mut tx = inner.begin().await?;
            let row = sqlx::query(
                "SELECT due_at IS NOT NULL AS queued, lease_id IS NOT NULL AS leased
                 FROM videos WHERE id = ?1",
            )
            .bind(BlobId(id))
            .fetch_optional(&mut *tx)
            .await?;
            let Some(row) = row else { return Ok(Cancelled::Missing) };
            let (queued, leased): (bool, bool) = (row.try_get("queued")?, row.try_get("leased")?);
            if !queued {
                return Ok(Cancelled::NotActive);
            }
            sqlx::query("UPDATE videos SET cancel_requested = 1 WHERE id = ?1")
                .bind(BlobId(id))
                .execute(&mut *tx)
                .await?;
            if !leased {
                leases::stop(&mut tx, id).await?;
            }
            tx.commit().await?;
            inner.videos.outdate(&id);
            Ok(if leased { Cancelled::Requested } else { Cancelled::Idle })
        })
        .await
    }

    async fn active_jobs(&self) -> Result<Vec<Id>> {
        within(async {
            let ids: Vec<BlobId> = sqlx::query_scalar(
                "SELECT id FROM videos WHERE due_at IS NOT NULL ORDER BY due_at, id",
            )
            .fetch_all(&self.inner.readers)
            .await?;
            Ok(ids.into_iter().map(|BlobId(id)| id).collect())
        })
        .await
    }

    async fn next_due(&self) -> Result<Option<Time>> {
        within(async {
            let due_at: Option<i64> =
                sqlx::query_scalar("SELECT min(due_at) FROM videos WHERE due_at IS NOT NULL")
                    .fetch_one(&self.inner.readers)
                    .await?;
            due_at.map(time).transpose()
        })
        .await
    }
}
