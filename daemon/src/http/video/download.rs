//! `POST|GET|HEAD /api/video/download/{video_id}`

use std::time::Duration;

use clipmill_core::{Code, Id, OutputFormat, Resolution, Time};
use clipmill_storage::{Enqueued, Origin, Status, StoredFile, Video, Want};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use warp::reply::Response;

use super::super::call::{Call, NO_VIDEO};
use super::super::error::{Answer, ApiError};
use super::super::files;
use super::super::reply::{self, ErrorBody, StillProcessing};
use super::super::wait::{self, JobOutcome};
use super::has_file;

const FAILED: &str = "Video download failed";

#[derive(Default, Deserialize, ToSchema)]
pub struct Preferences {
    /// `mp4`, `webm` or `best`; as saved when absent.
    #[schema(example = "mp4")]
    format_preference: Option<String>,
    /// `720p`, `1080p`, `1440p`, `2160p`, `4320p` or `best`; as saved when absent.
    #[schema(example = "1080p")]
    resolution_preference: Option<String>,
}

/// Makes the clip if need be, waits for it, and sends it. Honours `Range`, and
/// `Prefer: respond-async`. A client that leaves loses nothing: the work continues.
#[utoipa::path(
    post,
    path = "/api/video/download/{video_id}",
    tag = "video",
    params(("video_id" = String, Path, description = "The record's id")),
    request_body(content = Option<Preferences>, description = "May be left out"),
    responses(
        (status = 200, description = "The file", content_type = "video/mp4"),
        (status = 202, description = "It is still being made", body = StillProcessing),
        (status = 206, description = "Part of the file", content_type = "video/mp4"),
        (status = 303, description = "Where the file is, when the server is configured so"),
        (status = 400, description = "Unknown preference", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
        (status = 409, description = "It was cancelled meanwhile", body = ErrorBody),
        (status = 416, description = "The file has no such bytes", body = ErrorBody),
        (status = 500, description = "It could not be made; message and code say why", body = ErrorBody),
        (status = 503, description = "The file store does not answer", body = ErrorBody),
    )
)]
pub async fn download(mut call: Call, id: String) -> Answer {
    let video = call.own_video(&id, NO_VIDEO).await?;
    let preferences: Preferences = call.body.json_if_any().await?;
    let want = wanted(&video, preferences)?;
    make_and_send(&call, video, want).await
}

/// A finished file, by GET or HEAD, which never start work.
#[utoipa::path(
    get,
    path = "/api/video/download/{video_id}",
    tag = "video",
    params(("video_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "The file", content_type = "video/mp4"),
        (status = 206, description = "Part of the file", content_type = "video/mp4"),
        (status = 302, description = "Where the file is, when the server is configured so"),
        (status = 404, description = "There is none, or its file is gone", body = ErrorBody),
        (status = 409, description = "There is no finished file", body = ErrorBody),
    )
)]
pub async fn download_finished(call: Call, id: String) -> Answer {
    let video = call.own_video(&id, NO_VIDEO).await?;
    match &video.file {
        Some(file) if has_file(&video) => send(&call, video.id, file, video.expires_at).await,
        _ => Err(ApiError::conflict(Code::NotReady, "There is no finished file; POST makes it")),
    }
}

async fn make_and_send(call: &Call, video: Video, want: Want) -> Answer {
    // A failed job is reported again; only `retry` tries again.
    if video.job.status == Status::Failed && video.want().as_ref() == Some(&want) {
        return Err(ApiError::failed_job(FAILED, wait::failure(video.job.failure)));
    }
    let app = &call.app;
    match app.storage.enqueue(video.id, &want, app.clock.now()).await? {
        Enqueued::AlreadyCompleted(video) => match &video.file {
            Some(file) => send(call, video.id, file, video.expires_at).await,
            None => Err(ApiError::not_found(Code::FileGone, "The file is no longer there")),
        },
        Enqueued::AlreadyActive(_) => Ok(still_processing()),
        Enqueued::Missing => Err(ApiError::not_found(Code::NotFound, NO_VIDEO)),
        Enqueued::Queued(video) => {
            app.storage.wake_workers().await;
            if call.prefers_async() {
                return Ok(still_processing());
            }
            let limit = Duration::from_secs(app.config.clips.wait_seconds);
            match wait::until_settled(app, video.id, &want, limit).await? {
                JobOutcome::Done(file, end) => send(call, video.id, &file, end).await,
                JobOutcome::Failed(failure) => Err(ApiError::failed_job(FAILED, failure)),
                JobOutcome::Working => Ok(still_processing()),
                JobOutcome::Cancelled => {
                    Err(ApiError::conflict(Code::Cancelled, "The download was cancelled"))
                }
                JobOutcome::Gone => Err(ApiError::not_found(Code::NotFound, NO_VIDEO)),
            }
        }
    }
}

async fn send(call: &Call, id: Id, file: &StoredFile, expires_at: Option<Time>) -> Answer {
    files::send_file(call, file, expires_at, &format!("video_{id}")).await
}

fn still_processing() -> Response {
    let message = "Video is currently being processed";
    reply::json(StatusCode::ACCEPTED, &StillProcessing { message, status: "processing" })
}

/// What is asked for, with the record's own preferences where nothing is said.
fn wanted(video: &Video, preferences: Preferences) -> Result<Want, ApiError> {
    let Origin::Clip(clip) = &video.origin else {
        let error = "An upload is downloaded as an encode";
        return Err(ApiError::bad_request(Code::NotAClip, error));
    };
    let format = preferences.format_preference.map(|format| format.trim().to_ascii_lowercase());
    if format.as_deref().is_some_and(|format| format.parse::<OutputFormat>().is_err()) {
        let error = "format_preference must be mp4, webm or best";
        return Err(ApiError::bad_request(Code::InvalidFormat, error));
    }
    let resolution =
        preferences.resolution_preference.map(|height| height.trim().to_ascii_lowercase());
    if resolution.as_deref().is_some_and(|height| height.parse::<Resolution>().is_err()) {
        let error = "resolution_preference must be 720p, 1080p, 1440p, 2160p, 4320p or best";
        return Err(ApiError::bad_request(Code::InvalidResolution, error));
    }
    Ok(Want::Clip {
        format: format.unwrap_or_else(|| clip.format_preference.clone()),
        resolution: resolution.unwrap_or_else(|| clip.resolution_preference.clone()),
    })
}
