//! From rows to records, and from times to milliseconds.

use std::time::Duration;

use chrono::DateTime;
use clipmill_core::{Moment, Span, Time};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::bytes::BlobId;
use crate::{
    Clip, Job, JobFailure, Lease, Origin, Result, StorageError, StoredFile, Upload, User, Video,
};

/// The end of the year 9999: later times can't be written as text.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;

/// A moment as a column keeps it.
pub(super) fn ms(time: Time) -> i64 {
    time.timestamp_millis()
}

/// The moment `lasts` after `now`; at most the end of the year 9999.
pub(super) fn after(now: Time, lasts: Duration) -> i64 {
    let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
    ms(now).saturating_add(lasts).min(LAST_MILLISECOND)
}

/// The moment that a column holds.
pub(super) fn time(ms: i64) -> Result<Time> {
    DateTime::from_timestamp_millis(ms)
        .ok_or_else(|| StorageError::Corrupt(format!("{ms} is no time in milliseconds")))
}

fn maybe_time(row: &SqliteRow, column: &str) -> Result<Option<Time>> {
    row.try_get::<Option<i64>, _>(column)?.map(time).transpose()
}

pub(super) fn user(row: &SqliteRow) -> Result<User> {
    Ok(User {
        id: row.try_get::<BlobId, _>("id")?.0,
        email: row.try_get("email")?,
        password_hash: row.try_get("password_hash")?,
        created_at: time(row.try_get("created_at")?)?,
        updated_at: time(row.try_get("updated_at")?)?,
    })
}

pub(super) fn video(row: &SqliteRow) -> Result<Video> {
    Ok(Video {
        id: row.try_get::<BlobId, _>("id")?.0,
        user_id: row.try_get::<BlobId, _>("user_id")?.0,
        origin: match row.try_get("source_type")? {
            "youtube" => Origin::Clip(clip(row)?),
            "upload" => Origin::Upload(upload(row)?),
            other => return Err(StorageError::Corrupt(format!("{other:?} is no source type"))),
        },
        job: job(row)?,
        file: match row.try_get("file_path")? {
            Some(file_path) => Some(StoredFile {
                file_path,
                file_size_bytes: row.try_get::<i64, _>("file_size_bytes")?.cast_unsigned(),
            }),
            None => None,
        },
        created_at: time(row.try_get("created_at")?)?,
        expires_at: maybe_time(row, "expires_at")?,
    })
}

fn clip(row: &SqliteRow) -> Result<Clip> {
    Ok(Clip {
        url: row.try_get("url")?,
        youtube_video_id: row.try_get("youtube_video_id")?,
        span: match row.try_get("span_start")? {
            Some(start) => Some(Span { start, end: row.try_get("span_end")? }),
            None => None,
        },
        moment: match maybe_time(row, "moment_at")? {
            Some(at) => Some(Moment {
                at,
                offset: row.try_get("moment_offset")?,
                duration: row.try_get("moment_duration")?,
            }),
            None => None,
        },
        additional_message: row.try_get("additional_message")?,
        clip_offset: row.try_get("clip_offset")?,
        format_preference: row.try_get("format_preference")?,
        resolution_preference: row.try_get("resolution_preference")?,
        available_formats: match row.try_get("available_formats")? {
            Some(list) => {
                Some(serde_json::from_str(list).map_err(|error| {
                    StorageError::Corrupt(format!("available_formats: {error}"))
                })?)
            }
            None => None,
        },
    })
}

fn upload(row: &SqliteRow) -> Result<Upload> {
    Ok(Upload {
        original_filename: row.try_get("original_filename")?,
        input_file_path: row.try_get("input_file_path")?,
        input_size_bytes: row.try_get::<i64, _>("input_size_bytes")?.cast_unsigned(),
        duration: row.try_get("duration")?,
        video_codec: row.try_get("video_codec")?,
        audio_codec: row.try_get("audio_codec")?,
        quality_preset: row.try_get("quality_preset")?,
    })
}

fn job(row: &SqliteRow) -> Result<Job> {
    Ok(Job {
        status: row.try_get("status")?,
        due_at: maybe_time(row, "due_at")?,
        stage: row.try_get("stage")?,
        attempts: row.try_get("attempts")?,
        lease: lease(row)?,
        cancel_requested: row.try_get("cancel_requested")?,
        failure: match row.try_get("failure_code")? {
            Some(code) => Some(JobFailure { code, message: row.try_get("failure_message")? }),
            None => None,
        },
        note: row.try_get("note")?,
        started_at: maybe_time(row, "started_at")?,
        completed_at: maybe_time(row, "completed_at")?,
    })
}

fn lease(row: &SqliteRow) -> Result<Option<Lease>> {
    Ok(match row.try_get("lease_id")? {
        Some(BlobId(id)) => Some(Lease {
            id,
            owner: row.try_get("lease_owner")?,
            until: time(row.try_get("lease_until")?)?,
        }),
        None => None,
    })
}

/// A list of words as its column keeps it.
pub(super) fn list(words: &[String]) -> Result<String> {
    serde_json::to_string(words).map_err(|error| StorageError::Refused(error.to_string()))
}
