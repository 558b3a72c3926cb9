//! `GET /api/encode/status/{encode_id}`

use chrono::{DateTime, Utc};
use clipmill_storage::Status;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::Answer;
use super::super::reply::{self, ErrorBody, Number};

#[derive(Serialize, ToSchema)]
pub struct EncodeStatusBody {
    #[schema(example = "507f1f77bcf86cd799439014")]
    encode_id: String,
    /// `pending`, `processing`, `completed` or `failed`.
    #[schema(example = "processing")]
    status: &'static str,
    /// 0 to 100.
    #[schema(example = 67)]
    progress: u8,
    #[schema(example = "myvideo.avi")]
    original_filename: String,
    /// None until it was started.
    #[schema(example = "h264")]
    video_codec: Option<String>,
    audio_codec: Option<String>,
    #[schema(example = "high")]
    quality_preset: Option<String>,
    created_at: DateTime<Utc>,
    encoding_started_at: Option<DateTime<Utc>>,
    encoding_completed_at: Option<DateTime<Utc>>,
    /// Seconds of video, when known.
    #[schema(value_type = Option<f64>)]
    duration: Option<Number>,
    file_available: bool,
    /// Of the encoded file; of the uploaded one until there is one.
    #[schema(value_type = f64, example = 38.5)]
    file_size_mb: Number,
    /// Why it failed, or why the last attempt did.
    error_message: Option<String>,
    error_code: Option<String>,
    /// What a person should know of how the file was made.
    note: Option<String>,
    #[schema(example = "2.3x")]
    speed: Option<String>,
    #[schema(example = "03:24")]
    eta: Option<String>,
    fps: Option<f64>,
    /// When files and record go.
    expires_at: Option<DateTime<Utc>>,
}

/// How far an encode is.
#[utoipa::path(
    get,
    path = "/api/encode/status/{encode_id}",
    tag = "encode",
    params(("encode_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "Its state", body = EncodeStatusBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub async fn status(call: Call, id: String) -> Answer {
    let (video, upload) = call.own_upload(&id).await?;
    let job = video.job;
    let running = if job.status == Status::Processing {
        call.app.storage.progress(video.id).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the progress could not be read; the answer goes without");
            None
        })
    } else {
        None
    };
    let progress = match job.status {
        Status::Completed => 100,
        // Clamped, so the cast is exact.
        _ => running.as_ref().map_or(0.0, |running| running.encoding_progress.clamp(0.0, 100.0))
            as u8,
    };
    let file = video.file.filter(|_| job.status == Status::Completed);
    let size = file.as_ref().map_or(upload.input_size_bytes, |file| file.file_size_bytes);
    let (error_code, error_message) =
        job.failure.map(|failure| (failure.code, failure.message)).unzip();
    let (speed, eta, fps) =
        running.map_or((None, None, None), |running| (running.speed, running.eta, running.fps));
    let body = EncodeStatusBody {
        encode_id: video.id.to_string(),
        status: job.status.as_str(),
        progress,
        original_filename: upload.original_filename,
        video_codec: upload.video_codec,
        audio_codec: upload.audio_codec,
        quality_preset: upload.quality_preset,
        created_at: video.created_at,
        encoding_started_at: job.started_at,
        encoding_completed_at: job.completed_at,
        duration: upload.duration.map(Number),
        file_available: file.is_some(),
        file_size_mb: reply::megabytes(size),
        error_message,
        error_code,
        note: job.note,
        speed,
        eta,
        fps,
        expires_at: video.expires_at,
    };
    Ok(reply::no_store(reply::json(StatusCode::OK, &body)))
}
