//! The records of clips and uploads.

use std::sync::Arc;

use async_trait::async_trait;
use clipmill_core::{Id, Time};

use super::bytes::BlobId;
use super::columns::{list, ms, video};
use super::{Sqlite, within};
use crate::{Clip, NewVideo, Origin, Page, Result, Upload, Video, Videos};

#[async_trait]
impl Videos for Sqlite {
    async fn insert_video(&self, new: NewVideo) -> Result<Video> {
        self.write(|inner| async move {
            let id = new.id;
            let insert = match new.origin {
                Origin::Clip(clip) => insert_clip(clip)?,
                Origin::Upload(upload) => insert_upload(upload),
            };
            let row = insert
                .bind(BlobId(id))
                .bind(BlobId(new.user_id))
                .bind(ms(new.created_at))
                .bind(new.expires_at.map(ms))
                .fetch_one(&inner.writer)
                .await?;
            inner.videos.outdate(&id);
            video(&row)
        })
        .await
    }

    async fn video(&self, id: Id) -> Result<Option<Video>> {
        let since = match self.inner.videos.get(&id).await {
            Ok(video) => return Ok(Some(Video::clone(&video))),
            Err(since) => since,
        };
        let row = within(async {
            Ok(sqlx::query("SELECT * FROM videos WHERE id = ?1")
                .bind(BlobId(id))
                .fetch_optional(&self.inner.readers)
                .await?)
        })
        .await?;
        let Some(video) = row.as_ref().map(video).transpose()? else {
            return Ok(None);
        };
        self.inner.videos.put(id, since, Arc::new(video.clone())).await;
        Ok(Some(video))
    }

    async fn videos_of(&self, user: Id, page: Page) -> Result<Vec<Video>> {
        within(async {
            sqlx::query(
                "SELECT * FROM videos
                 WHERE user_id = ?1 AND (?2 IS NULL OR (created_at, id) < (?2, ?3))
                 ORDER BY created_at DESC, id DESC LIMIT ?4",
            )
            .bind(BlobId(user))
            .bind(page.before.map(|cursor| ms(cursor.created_at)))
            .bind(page.before.map(|cursor| BlobId(cursor.id)))
            // SQLite takes a negative limit for none.
            .bind(page.limit.map_or(-1, i64::from))
            .fetch_all(&self.inner.readers)
            .await?
            .iter()
            .map(video)
            .collect()
        })
        .await
    }

    async fn set_available_formats(&self, id: Id, formats: &[String]) -> Result<()> {
        let formats = list(formats)?;
        self.write(move |inner| async move {
            sqlx::query(
                "UPDATE videos SET available_formats = ?2
                 WHERE id = ?1 AND source_type = 'youtube'",
            )
            .bind(BlobId(id))
            .bind(formats)
            .execute(&inner.writer)
            .await?;
            inner.videos.outdate(&id);
            Ok(())
        })
        .await
    }

    async fn set_expiry(&self, id: Id, expires_at: Time) -> Result<bool> {
        self.write(move |inner| async move {
            let moved = sqlx::query(
                "UPDATE videos SET expires_at = ?2 WHERE id = ?1 AND status = 'completed'",
            )
            .bind(BlobId(id))
            .bind(ms(expires_at))
            .execute(&inner.writer)
            .await?
            .rows_affected();
            inner.videos.outdate(&id);
            Ok(moved > 0)
        })
        .await
    }

    async fn expired_videos(&self, now: Time, limit: u32) -> Result<Vec<Video>> {
        within(async {
            sqlx::query(
                "SELECT * FROM videos WHERE expires_at <= ?1 AND due_at IS NULL
                 ORDER BY expires_at, id LIMIT ?2",
            )
            .bind(ms(now))
            .bind(limit)
            .fetch_all(&self.inner.readers)
            .await?
            .iter()
            .map(video)
            .collect()
        })
        .await
    }

    async fn delete_expired_video(&self, id: Id, now: Time) -> Result<bool> {
        self.write(move |inner| async move {
            let gone = sqlx::query(
                "DELETE FROM videos WHERE id = ?1 AND expires_at <= ?2 AND due_at IS NULL",
            )
            .bind(BlobId(id))
            .bind(ms(now))
            .execute(&inner.writer)
            .await?
            .rows_affected();
            inner.videos.outdate(&id);
            Ok(gone > 0)
        })
        .await
    }

    async fn delete_video(&self, id: Id) -> Result<Option<Video>> {
        self.write(move |inner| async move {
            let row = sqlx::query("DELETE FROM videos WHERE id = ?1 RETURNING *")
                .bind(BlobId(id))
                .fetch_optional(&inner.writer)
                .await?;
            inner.videos.outdate(&id);
            row.as_ref().map(video).transpose()
        })
        .await
    }
}

type Insert = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

// Both leave id, user, time and expiry to be bound as the last four.

fn insert_clip(clip: Clip) -> Result<Insert> {
    Ok(sqlx::query(
        "INSERT INTO videos (source_type, url, youtube_video_id, span_start, span_end, moment_at,
            moment_offset, moment_duration, additional_message, clip_offset, format_preference,
            resolution_preference, available_formats, id, user_id, created_at, expires_at)
         VALUES ('youtube', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
    )
    .bind(clip.url)
    .bind(clip.youtube_video_id)
    .bind(clip.span.map(|span| span.start))
    .bind(clip.span.map(|span| span.end))
    .bind(clip.moment.map(|moment| ms(moment.at)))
    .bind(clip.moment.map(|moment| moment.offset))
    .bind(clip.moment.map(|moment| moment.duration))
    .bind(clip.additional_message)
    .bind(clip.clip_offset)
    .bind(clip.format_preference)
    .bind(clip.resolution_preference)
    .bind(clip.available_formats.as_deref().map(list).transpose()?))
}

fn insert_upload(upload: Upload) -> Insert {
    sqlx::query(
        "INSERT INTO videos (source_type, original_filename, input_file_path, input_size_bytes,
            duration, video_codec, audio_codec, quality_preset, id, user_id, created_at,
            expires_at)
         VALUES ('upload', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
    )
    .bind(upload.original_filename)
    .bind(upload.input_file_path)
    .bind(upload.input_size_bytes.cast_signed())
    .bind(upload.duration)
    .bind(upload.video_codec)
    .bind(upload.audio_codec)
    .bind(upload.quality_preset)
}
