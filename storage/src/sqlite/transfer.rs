//! Whole records, in and out.

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use sqlx::Row;
use sqlx::sqlite::{SqliteArguments, SqliteRow};

use super::bytes::BlobId;
use super::columns::{list, ms, time, video};
use super::{Sqlite, within};
use crate::{Clip, KeptSession, Origin, Put, Result, StorageError, Transfer, Upload, User, Video};

type Statement = sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>;

#[async_trait]
impl Transfer for Sqlite {
    async fn sessions_after(
        &self,
        after: Option<Id>,
        now: Time,
        limit: u32,
    ) -> Result<Vec<KeptSession>> {
        within(async {
            sqlx::query(
                "SELECT * FROM sessions WHERE id > coalesce(?1, x'') AND expires_at > ?2
                 ORDER BY id LIMIT ?3",
            )
            .bind(after.map(BlobId))
            .bind(ms(now))
            .bind(limit)
            .fetch_all(&self.inner.readers)
            .await?
            .iter()
            .map(session)
            .collect()
        })
        .await
    }

    async fn videos_after(&self, after: Option<Id>, limit: u32) -> Result<Vec<Video>> {
        within(async {
            sqlx::query("SELECT * FROM videos WHERE id > coalesce(?1, x'') ORDER BY id LIMIT ?2")
                .bind(after.map(BlobId))
                .bind(limit)
                .fetch_all(&self.inner.readers)
                .await?
                .iter()
                .map(video)
                .collect()
        })
        .await
    }

    async fn put_user(&self, user: &User) -> Result<Put> {
        let statement = sqlx::query(
            "INSERT INTO users (id, email, password_hash, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(BlobId(user.id))
        .bind(user.email.clone())
        .bind(user.password_hash.clone())
        .bind(ms(user.created_at))
        .bind(ms(user.updated_at));
        self.put(statement, "another account has this e-mail").await
    }

    async fn put_session(&self, session: &KeptSession) -> Result<Put> {
        let statement = sqlx::query(
            "INSERT INTO sessions (id, user_id, token_hash, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING",
        )
        .bind(BlobId(session.id))
        .bind(BlobId(session.user_id))
        .bind(session.token_hash.to_vec())
        .bind(ms(session.created_at))
        .bind(ms(session.expires_at));
        self.put(statement, "its account is not there, or another session has its token").await
    }

    async fn put_video(&self, video: &Video) -> Result<Put> {
        let id = video.id;
        let put = self.put(everything(video)?, "it contradicts itself").await?;
        self.inner.videos.outdate(&id);
        Ok(put)
    }
}

impl Sqlite {
    /// Runs an insert that does nothing when the id is there. A constraint
    /// that it hits is the record's fault, not the database's.
    async fn put(&self, statement: Statement, refusal: &'static str) -> Result<Put> {
        self.write(move |inner| async move {
            match statement.execute(&inner.writer).await {
                Ok(done) if done.rows_affected() > 0 => Ok(Put::New),
                Ok(_) => Ok(Put::There),
                Err(error) if error.as_database_error().is_some_and(is_constraint) => {
                    Ok(Put::Refused(refusal.to_owned()))
                }
                Err(error) => Err(error.into()),
            }
        })
        .await
    }
}

fn is_constraint(error: &(dyn sqlx::error::DatabaseError + 'static)) -> bool {
    error.is_unique_violation() || error.is_foreign_key_violation() || error.is_check_violation()
}

fn session(row: &SqliteRow) -> Result<KeptSession> {
    let hash: Vec<u8> = row.try_get("token_hash")?;
    Ok(KeptSession {
        id: row.try_get::<BlobId, _>("id")?.0,
        user_id: row.try_get::<BlobId, _>("user_id")?.0,
        token_hash: hash
            .try_into()
            .map_err(|_| StorageError::Corrupt("the hash of a token is cut off".to_owned()))?,
        created_at: time(row.try_get("created_at")?)?,
        expires_at: time(row.try_get("expires_at")?)?,
    })
}

fn everything(video: &Video) -> Result<Statement> {
    let job = &video.job;
    let statement = sqlx::query(
        "INSERT INTO videos (id, user_id, created_at, expires_at, status, due_at, stage, attempts,
            lease_id, lease_owner, lease_until, cancel_requested, failure_code, failure_message,
            note, started_at, completed_at, file_path, file_size_bytes,
            source_type, url, youtube_video_id, span_start, span_end, moment_at, moment_offset,
            moment_duration, additional_message, clip_offset, format_preference,
            resolution_preference, available_formats, original_filename, input_file_path,
            input_size_bytes, duration, video_codec, audio_codec, quality_preset)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
            ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(BlobId(video.id))
    .bind(BlobId(video.user_id))
    .bind(ms(video.created_at))
    .bind(video.expires_at.map(ms))
    .bind(job.status)
    .bind(job.due_at.map(ms))
    .bind(job.stage)
    .bind(job.attempts)
    .bind(job.lease.as_ref().map(|lease| BlobId(lease.id)))
    .bind(job.lease.as_ref().map(|lease| lease.owner.clone()))
    .bind(job.lease.as_ref().map(|lease| ms(lease.until)))
    .bind(job.cancel_requested)
    .bind(job.failure.as_ref().map(|failure| failure.code.clone()))
    .bind(job.failure.as_ref().map(|failure| failure.message.clone()))
    .bind(job.note.clone())
    .bind(job.started_at.map(ms))
    .bind(job.completed_at.map(ms))
    .bind(video.file.as_ref().map(|file| file.file_path.clone()))
    .bind(video.file.as_ref().map(|file| file.file_size_bytes.cast_signed()));
    let (kind, clip, upload) = match &video.origin {
        Origin::Clip(clip) => ("youtube", Some(clip), None),
        Origin::Upload(upload) => ("upload", None, Some(upload)),
    };
    bind_upload(bind_clip(statement.bind(kind), clip)?, upload)
}

fn bind_clip(statement: Statement, clip: Option<&Clip>) -> Result<Statement> {
    let span = clip.and_then(|clip| clip.span);
    let moment = clip.and_then(|clip| clip.moment);
    let formats = clip.and_then(|clip| clip.available_formats.as_deref());
    Ok(statement
        .bind(clip.map(|clip| clip.url.clone()))
        .bind(clip.and_then(|clip| clip.youtube_video_id.clone()))
        .bind(span.map(|span| span.start))
        .bind(span.map(|span| span.end))
        .bind(moment.map(|moment| ms(moment.at)))
        .bind(moment.map(|moment| moment.offset))
        .bind(moment.map(|moment| moment.duration))
        .bind(clip.and_then(|clip| clip.additional_message.clone()))
        .bind(clip.and_then(|clip| clip.clip_offset))
        .bind(clip.map(|clip| clip.format_preference.clone()))
        .bind(clip.map(|clip| clip.resolution_preference.clone()))
        .bind(formats.map(list).transpose()?))
}

fn bind_upload(statement: Statement, upload: Option<&Upload>) -> Result<Statement> {
    Ok(statement
        .bind(upload.map(|upload| upload.original_filename.clone()))
        .bind(upload.map(|upload| upload.input_file_path.clone()))
        .bind(upload.map(|upload| upload.input_size_bytes.cast_signed()))
        .bind(upload.and_then(|upload| upload.duration))
        .bind(upload.and_then(|upload| upload.video_codec.clone()))
        .bind(upload.and_then(|upload| upload.audio_codec.clone()))
        .bind(upload.and_then(|upload| upload.quality_preset.clone())))
}
