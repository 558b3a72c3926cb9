//! `GET /api/video/status/{video_id}`

use chrono::{DateTime, Utc};
use clipmill_core::Progress;
use clipmill_storage::{Origin, Status, Video};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::{Call, NO_VIDEO};
use super::super::error::Answer;
use super::super::reply::{self, ErrorBody, Number};
use super::{has_file, times};

#[derive(Serialize, ToSchema)]
pub struct StatusBody {
    #[schema(example = "507f1f77bcf86cd799439013")]
    video_id: String,
    /// `pending`, `processing`, `completed` or `failed`.
    #[schema(example = "processing")]
    status: &'static str,
    /// None for an upload.
    url: Option<String>,
    /// Seconds; none while the moment of a live stream has not been found.
    #[schema(value_type = Option<f64>)]
    start_time: Option<Number>,
    #[schema(value_type = Option<f64>)]
    end_time: Option<Number>,
    created_at: DateTime<Utc>,
    file_available: bool,
    /// Highest first; none when unknown.
    available_formats: Option<Vec<String>>,
    format_preference: Option<String>,
    resolution_preference: Option<String>,
    additional_message: Option<String>,
    /// Why it failed, or why the last attempt did.
    error_message: Option<String>,
    error_code: Option<String>,
    /// What a person should know of how the file was made.
    note: Option<String>,
    file_size_bytes: Option<u64>,
    #[schema(value_type = Option<f64>)]
    file_size_mb: Option<Number>,
    /// When file and record go.
    expires_at: Option<DateTime<Utc>>,
    /// While it is being processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressView>,
}

/// How far the work is.
#[derive(Serialize, ToSchema)]
pub struct ProgressView {
    /// `initializing`, `downloading` or `encoding`.
    #[schema(value_type = String, example = "downloading")]
    current_phase: clipmill_core::Phase,
    /// 0 to 100.
    #[schema(value_type = f64, example = 45.2)]
    download_progress: Number,
    /// 0 to 100.
    #[schema(value_type = f64)]
    encoding_progress: Number,
    #[schema(example = "2.3x")]
    speed: Option<String>,
    #[schema(example = "03:24")]
    eta: Option<String>,
    fps: Option<f64>,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> ProgressView {
        ProgressView {
            current_phase: progress.current_phase,
            download_progress: Number(progress.download_progress),
            encoding_progress: Number(progress.encoding_progress),
            speed: progress.speed,
            eta: progress.eta,
            fps: progress.fps,
        }
    }
}

/// How far a clip is.
#[utoipa::path(
    get,
    path = "/api/video/status/{video_id}",
    tag = "video",
    params(("video_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "Its state", body = StatusBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub async fn status(call: Call, id: String) -> Answer {
    let video = call.own_video(&id, NO_VIDEO).await?;
    let progress = if video.job.status == Status::Processing {
        let known = call.app.storage.progress(video.id).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the progress could not be read; the answer goes without");
            None
        });
        Some(known.unwrap_or_else(Progress::initializing).into())
    } else {
        None
    };
    Ok(reply::no_store(reply::json(StatusCode::OK, &body(video, progress))))
}

fn body(video: Video, progress: Option<ProgressView>) -> StatusBody {
    let file_available = has_file(&video);
    let size = video.file.filter(|_| file_available).map(|file| file.file_size_bytes);
    let clip = match video.origin {
        Origin::Clip(clip) => Some(clip),
        Origin::Upload(_) => None,
    };
    let (start_time, end_time) = times(clip.as_ref().and_then(|clip| clip.span));
    let (error_code, error_message) =
        video.job.failure.map(|failure| (failure.code, failure.message)).unzip();
    let mut body = StatusBody {
        video_id: video.id.to_string(),
        status: video.job.status.as_str(),
        url: None,
        start_time,
        end_time,
        created_at: video.created_at,
        file_available,
        available_formats: None,
        format_preference: None,
        resolution_preference: None,
        additional_message: None,
        error_message,
        error_code,
        note: video.job.note,
        file_size_bytes: size,
        file_size_mb: size.map(reply::megabytes),
        expires_at: video.expires_at,
        progress,
    };
    if let Some(clip) = clip {
        body.url = Some(clip.url);
        body.available_formats = clip.available_formats;
        body.format_preference = Some(clip.format_preference);
        body.resolution_preference = Some(clip.resolution_preference);
        body.additional_message = clip.additional_message;
    }
    body
}
