//! What a user does with a clip or an encode that is there: `POST
//! /api/video/cancel/{video_id}`, `POST /api/encode/cancel/{encode_id}`, `POST
//! /api/video/retry/{video_id}` and `DELETE /api/video/{video_id}`.

use std::sync::Arc;

use clipmill_core::Code;
use clipmill_storage::{Cancelled, Enqueued, Origin, Status, Video};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::{Call, NO_ENCODE, NO_VIDEO};
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody, Message};
use crate::app::App;

#[derive(Serialize, ToSchema)]
pub struct CancelBody {
    message: &'static str,
    /// `pending` when it has stopped, `processing` when it will in a moment.
    #[schema(example = "pending")]
    status: &'static str,
}

/// Stops the work on a clip or an encode; it can be asked for again.
#[utoipa::path(
    post,
    path = "/api/video/cancel/{video_id}",
    tag = "video",
    params(("video_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "It has left the queue", body = CancelBody),
        (status = 202, description = "It stops in a moment", body = CancelBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
        (status = 409, description = "Nothing is being done", body = ErrorBody),
    )
)]
pub async fn cancel(call: Call, id: String) -> Answer {
    stop(call, &id, NO_VIDEO).await
}

async fn stop(call: Call, id: &str, missing: &'static str) -> Answer {
    let video = call.own_video(id, missing).await?;
    let answer = match call.app.storage.cancel(video.id).await? {
        Cancelled::Idle => {
            call.app.signals.settled.notify_waiters();
            let body = CancelBody { message: "Cancelled", status: "pending" };
            reply::json(StatusCode::OK, &body)
        }
        Cancelled::Requested => {
            let body = CancelBody { message: "Cancelling", status: "processing" };
            reply::json(StatusCode::ACCEPTED, &body)
        }
        Cancelled::NotActive => {
            return Err(ApiError::conflict(Code::NotActive, "Nothing is being done with it"));
        }
        Cancelled::Missing => return Err(ApiError::not_found(Code::NotFound, missing)),
    };
    Ok(answer)
}

/// The same for an encode.
#[utoipa::path(
    post,
    path = "/api/encode/cancel/{encode_id}",
    tag = "encode",
    params(("encode_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "It has left the queue", body = CancelBody),
        (status = 202, description = "It stops in a moment", body = CancelBody),
        (status = 409, description = "Nothing is being done", body = ErrorBody),
    )
)]
pub async fn cancel_encode(call: Call, id: String) -> Answer {
    stop(call, &id, NO_ENCODE).await
}

#[derive(Serialize, ToSchema)]
pub struct RetryBody {
    message: &'static str,
    /// Always `pending`.
    #[schema(example = "pending")]
    status: &'static str,
}

/// Tries a failed clip or encode again.
#[utoipa::path(
    post,
    path = "/api/video/retry/{video_id}",
    tag = "video",
    params(("video_id" = String, Path, description = "The record's id")),
    responses(
        (status = 202, description = "It is in the queue", body = RetryBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
        (status = 409, description = "It has not failed", body = ErrorBody),
    )
)]
pub async fn retry(call: Call, id: String) -> Answer {
    let video = call.own_video(&id, NO_VIDEO).await?;
    let not_failed = || ApiError::conflict(Code::NotFailed, "Only what failed can be tried again");
    let want = video.want().filter(|_| video.job.status == Status::Failed);
    let want = want.ok_or_else(not_failed)?;
    match call.app.storage.enqueue(video.id, &want, call.app.clock.now()).await? {
        Enqueued::Queued(_) => {
            call.app.storage.wake_workers().await;
            let body = RetryBody { message: "Queued again", status: "pending" };
            Ok(reply::json(StatusCode::ACCEPTED, &body))
        }
        Enqueued::AlreadyActive(_) | Enqueued::AlreadyCompleted(_) => Err(not_failed()),
        Enqueued::Missing => Err(ApiError::not_found(Code::NotFound, NO_VIDEO)),
    }
}

/// Removes a clip or an upload with its files; work on it stops.
#[utoipa::path(
    delete,
    path = "/api/video/{video_id}",
    tag = "video",
    params(("video_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "It is gone", body = Message),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub async fn delete(call: Call, id: String) -> Answer {
    let video = call.own_video(&id, NO_VIDEO).await?;
    let app = Arc::clone(&call.app);
    // Record and files go together, also when the client leaves in between.
    let removing = tokio::spawn(async move { remove(&app, &video).await });
    removing.await.map_err(|error| ApiError::internal(&error))??;
    Ok(reply::json(StatusCode::OK, &Message { message: "Video deleted" }))
}

async fn remove(app: &App, video: &Video) -> Result<(), ApiError> {
    // A worker that has it notices at its next heartbeat that the record is gone.
    let Some(removed) = app.storage.delete_video(video.id).await? else {
        return Err(ApiError::not_found(Code::NotFound, NO_VIDEO));
    };
    app.signals.settled.notify_waiters();
    if let Err(error) = app.storage.clear_progress(video.id).await {
        tracing::warn!(video.id = %video.id, %error, "progress of a deleted video stays");
    }
    if let Some(file) = &removed.file {
        // The record is gone, so nothing leads to the file; sweeps remove it.
        if let Err(error) = app.stores.files.delete(&file.file_path).await {
            tracing::warn!(video.id = %video.id, %error, "the file of a deleted video stays");
        }
    }
    if let Origin::Upload(upload) = &removed.origin
        && let Err(error) = app.stores.uploads.delete(&upload.input_file_path).await
    {
        tracing::warn!(video.id = %video.id, %error, "the upload of a deleted video stays");
    }
    Ok(())
}
