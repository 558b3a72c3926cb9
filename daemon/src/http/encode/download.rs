//! `POST|GET|HEAD /api/encode/download/{encode_id}`

use clipmill_core::Code;
use clipmill_storage::Status;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody};
use super::super::{files, wait};
use super::filename::stem;

#[derive(Serialize, ToSchema)]
pub struct StillEncoding {
    message: &'static str,
    /// Always `processing`.
    #[schema(example = "processing")]
    status: &'static str,
    /// 0 to 100.
    #[schema(example = 67)]
    progress: u8,
}

/// The encoded file. Honours `Range`.
#[utoipa::path(
    post,
    path = "/api/encode/download/{encode_id}",
    tag = "encode",
    params(("encode_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "The file, of the codec's media type", content_type = "video/mp4"),
        (status = 202, description = "It is still being encoded", body = StillEncoding),
        (status = 206, description = "Part of the file", content_type = "video/mp4"),
        (status = 303, description = "Where the file is, when the server is configured so"),
        (status = 400, description = "It was not started", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none, or its file is gone", body = ErrorBody),
        (status = 416, description = "The file has no such bytes", body = ErrorBody),
        (status = 500, description = "It could not be encoded; message and code say why", body = ErrorBody),
        (status = 503, description = "The file store does not answer", body = ErrorBody),
    )
)]
pub async fn download(call: Call, id: String) -> Answer {
    let (video, upload) = call.own_upload(&id).await?;
    let is_active = video.job.due_at.is_some() || video.job.lease.is_some();
    match video.job.status {
        Status::Completed => {
            let gone = || ApiError::not_found(Code::FileGone, "The file is no longer there");
            let file = video.file.as_ref().ok_or_else(gone)?;
            let codec = upload.video_codec.unwrap_or_default();
            let quality = upload.quality_preset.unwrap_or_default();
            let name = format!("{}_{codec}_{quality}", stem(&upload.original_filename));
            files::send_file(&call, file, video.expires_at, &name).await
        }
        Status::Failed => {
            let failure = wait::failure(video.job.failure);
            Err(ApiError::failed_job("Video encoding failed", failure))
        }
        Status::Pending if !is_active => {
            Err(ApiError::bad_request(Code::NotStarted, "Video encoding has not been started"))
        }
        Status::Pending | Status::Processing => {
            let progress = call.app.storage.progress(video.id).await?;
            let percent = progress.map_or(0.0, |progress| progress.encoding_progress);
            let body = StillEncoding {
                message: "Video is still being encoded",
                status: "processing",
                // Clamped, so the cast is exact.
                progress: percent.clamp(0.0, 100.0) as u8,
            };
            Ok(reply::json(StatusCode::ACCEPTED, &body))
        }
    }
}

/// The same by GET or HEAD.
#[utoipa::path(
    get,
    path = "/api/encode/download/{encode_id}",
    tag = "encode",
    params(("encode_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "The file, of the codec's media type", content_type = "video/mp4"),
        (status = 302, description = "Where the file is, when the server is configured so"),
    )
)]
pub async fn download_finished(call: Call, id: String) -> Answer {
    download(call, id).await
}
