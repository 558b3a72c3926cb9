//! `DELETE /api/video/{video_id}`

use clipmill_storage::{Origin, Video};
use http::StatusCode;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::{ErrorBody, MISSING, Message};
use crate::app::App;

/// Removes a clip or an upload with its files; work on it stops.
#[utoipa::path(
    delete,
    path = "/api/video/{video_id}",
    tag = "video",
    security(("private" = [])),
    params(("video_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "It is gone", body = Message),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub async fn delete(call: Call, id: String) -> Answer {
    let video = call.own_video(&id, MISSING).await?;
    let app = std::sync::Arc::clone(&call.app);
    // Record and files go together, also when the client leaves in between.
    let removing = tokio::spawn(async move { remove(&app, &video).await });
    removing.await.map_err(|error| ApiError::internal(&error))??;
    Ok(reply::json(StatusCode::OK, &Message { message: "Video deleted" }))
}

async fn remove(app: &App, video: &Video) -> Result<(), ApiError> {
    // A worker that has it notices at its next heartbeat that the record is gone.
    let Some(removed) = app.storage.delete_video(video.id).await? else {
        return Err(ApiError::not_found("not_found", MISSING));
    };
    app.settled.notify_waiters();
    if let Err(error) = app.storage.clear_progress(video.id).await {
        tracing::warn!(video.id = %video.id, %error, "progress of a deleted video stays");
    }
    if let Some(file) = &removed.file {
        // The record is gone, so nothing leads to the file; sweeps remove it.
        if let Err(error) = app.artifacts.delete(&file.file_path).await {
            tracing::warn!(video.id = %video.id, %error, "the file of a deleted video stays");
        }
    }
    if let Origin::Upload(upload) = &removed.origin
        && let Err(error) = app.uploads.delete(&upload.input_file_path).await
    {
        tracing::warn!(video.id = %video.id, %error, "the upload of a deleted video stays");
    }
    Ok(())
}
