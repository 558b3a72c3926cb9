//! What a worker writes. Each statement names record and lease, so that a
//! worker that lost its lease changes nothing.

use std::time::Duration;

use async_trait::async_trait;
use clipmill_core::{Id, Time};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row, SqliteConnection};

use super::Sqlite;
use super::bytes::BlobId;
use super::columns::{after, list, ms};
use crate::{Finished, JobFailure, JobUpdate, LeaseHeld, Leases, Result, Status, Videos};

type Query = sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>;

/// Runs one statement whose first two parameters are record and lease. It must
/// answer, when it found them, a column that says whether a cancel is pending.
async fn write(store: &Sqlite, id: Id, statement: Query) -> Result<LeaseHeld> {
    store
        .write(move |inner| async move {
            let row = statement.fetch_optional(&inner.writer).await?;
            inner.videos.outdate(&id);
            Ok(match row {
                None => LeaseHeld::Lost,
                Some(row) if row.try_get(0)? => LeaseHeld::CancelRequested,
                Some(_) => LeaseHeld::Yes,
            })
        })
        .await
}

#[async_trait]
impl Leases for Sqlite {
    async fn heartbeat(
        &self,
        id: Id,
        lease: Id,
        now: Time,
        duration: Duration,
    ) -> Result<LeaseHeld> {
        let until = after(now, duration);
        let statement = sqlx::query(
            "UPDATE videos SET lease_until = max(lease_until, ?3), due_at = max(due_at, ?3)
             WHERE id = ?1 AND lease_id = ?2
             RETURNING cancel_requested",
        );
        write(self, id, statement.bind(BlobId(id)).bind(BlobId(lease)).bind(until)).await
    }

    async fn update_job(&self, id: Id, lease: Id, update: JobUpdate) -> Result<LeaseHeld> {
        let statement = sqlx::query(
            "UPDATE videos SET
                stage = coalesce(?3, stage),
                span_start = coalesce(?4, span_start),
                span_end = coalesce(?5, span_end),
                available_formats = coalesce(?6, available_formats),
                note = coalesce(?7, note)
             WHERE id = ?1 AND lease_id = ?2
             RETURNING cancel_requested",
        )
        .bind(BlobId(id))
        .bind(BlobId(lease))
        .bind(update.stage)
        .bind(update.span.map(|span| span.start))
        .bind(update.span.map(|span| span.end))
        .bind(update.available_formats.as_deref().map(list).transpose()?)
        .bind(update.note);
        write(self, id, statement).await
    }

    async fn finish(&self, id: Id, lease: Id, done: Finished) -> Result<LeaseHeld> {
        let statement = sqlx::query(
            "UPDATE videos SET status = 'completed', due_at = NULL, lease_id = NULL,
                lease_owner = NULL, lease_until = NULL, cancel_requested = 0, failure_code = NULL,
                failure_message = NULL, completed_at = ?3, expires_at = ?4, file_path = ?5,
                file_size_bytes = ?6
             WHERE id = ?1 AND lease_id = ?2
             RETURNING 0",
        )
        .bind(BlobId(id))
        .bind(BlobId(lease))
        .bind(ms(done.now))
        .bind(ms(done.expires_at))
        .bind(done.file.file_path.clone())
        .bind(done.file.file_size_bytes.cast_signed());
        if write(self, id, statement).await? == LeaseHeld::Yes {
            return Ok(LeaseHeld::Yes);
        }
        let record = self.video(id).await?;
        let written = record.is_some_and(|record| {
            record.job.status == Status::Completed && record.file.as_ref() == Some(&done.file)
        });
        Ok(if written { LeaseHeld::Yes } else { LeaseHeld::Lost })
    }

    async fn fail(
        &self,
        id: Id,
        lease: Id,
        why: JobFailure,
        expires_at: Time,
    ) -> Result<LeaseHeld> {
        let statement = sqlx::query(
            "UPDATE videos SET status = 'failed', due_at = NULL, lease_id = NULL, lease_owner = NULL,
                lease_until = NULL, cancel_requested = 0, failure_code = ?3, failure_message = ?4,
                expires_at = ?5
             WHERE id = ?1 AND lease_id = ?2
             RETURNING 0",
        )
        .bind(BlobId(id))
        .bind(BlobId(lease))
        .bind(why.code)
        .bind(why.message)
        .bind(ms(expires_at));
        write(self, id, statement).await
    }

    async fn retry(&self, id: Id, lease: Id, why: JobFailure, due_at: Time) -> Result<LeaseHeld> {
        let statement = sqlx::query(
            "UPDATE videos SET due_at = ?3, lease_id = NULL, lease_owner = NULL, lease_until = NULL,
                failure_code = ?4, failure_message = ?5
             WHERE id = ?1 AND lease_id = ?2
             RETURNING cancel_requested",
        )
        .bind(BlobId(id))
        .bind(BlobId(lease))
        .bind(ms(due_at))
        .bind(why.code)
        .bind(why.message);
        give_back(self, id, statement).await
    }

    async fn release(&self, id: Id, lease: Id, now: Time) -> Result<LeaseHeld> {
        let statement = sqlx::query(
            "UPDATE videos SET due_at = ?3, lease_id = NULL, lease_owner = NULL, lease_until = NULL,
                attempts = max(attempts - 1, 0)
             WHERE id = ?1 AND lease_id = ?2
             RETURNING cancel_requested",
        );
        give_back(self, id, statement.bind(BlobId(id)).bind(BlobId(lease)).bind(ms(now))).await
    }

    async fn stopped(&self, id: Id, lease: Id) -> Result<LeaseHeld> {
        self.write(move |inner| async move {
            let mut tx = inner.begin().await?;
            let held: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM videos WHERE id = ?1 AND lease_id = ?2)",
            )
            .bind(BlobId(id))
            .bind(BlobId(lease))
            .fetch_one(&mut *tx)
            .await?;
            if !held {
                return Ok(LeaseHeld::Lost);
            }
            stop(&mut tx, id).await?;
            tx.commit().await?;
            inner.videos.outdate(&id);
            Ok(LeaseHeld::Yes)
        })
        .await
    }
}

/// Puts a job back into the queue, unless a client wants it to stop.
async fn give_back(store: &Sqlite, id: Id, statement: Query) -> Result<LeaseHeld> {
    store
        .write(move |inner| async move {
            let mut tx = inner.begin().await?;
            let Some(row) = statement.fetch_optional(&mut *tx).await? else {
                return Ok(LeaseHeld::Lost);
            };
            let cancelled = row.try_get(0)?;
            if cancelled {
                stop(&mut tx, id).await?;
            }
            tx.commit().await?;
            inner.videos.outdate(&id);
            Ok(if cancelled { LeaseHeld::CancelRequested } else { LeaseHeld::Yes })
        })
        .await
}

/// Takes a job out of the queue as if it had never been asked for.
pub(super) async fn stop(connection: &mut SqliteConnection, id: Id) -> Result<()> {
    sqlx::query(
        "UPDATE videos SET status = 'pending', due_at = NULL, stage = NULL, attempts = 0,
            lease_id = NULL, lease_owner = NULL, lease_until = NULL, cancel_requested = 0,
            failure_code = NULL, failure_message = NULL, note = NULL, started_at = NULL
         WHERE id = ?1",
    )
    .bind(BlobId(id))
    .execute(connection)
    .await?;
    Ok(())
}
