//! `POST /api/video/retry/{video_id}`

use clipmill_storage::{Enqueued, Status};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::{ErrorBody, MISSING};

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
    security(("private" = [])),
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
    let video = call.own_video(&id, MISSING).await?;
    let not_failed = || ApiError::conflict("not_failed", "Only what failed can be tried again");
    let want = video.want().filter(|_| video.job.status == Status::Failed);
    let want = want.ok_or_else(not_failed)?;
    match call.app.storage.enqueue(video.id, &want, call.app.clock.now()).await? {
        Enqueued::Queued(_) => {
            call.app.storage.wake_workers().await;
            let body = RetryBody { message: "Queued again", status: "pending" };
            Ok(reply::json(StatusCode::ACCEPTED, &body))
        }
        Enqueued::AlreadyActive(_) | Enqueued::AlreadyCompleted(_) => Err(not_failed()),
        Enqueued::Missing => Err(ApiError::not_found("not_found", MISSING)),
    }
}
