//! `POST /api/video/cancel/{video_id}` and `POST /api/encode/cancel/{encode_id}`

use clipmill_storage::Cancelled;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::encode;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::{ErrorBody, MISSING};

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
    security(("private" = [])),
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
    stop(call, &id, MISSING).await
}

async fn stop(call: Call, id: &str, missing: &'static str) -> Answer {
    let video = call.own_video(id, missing).await?;
    let answer = match call.app.storage.cancel(video.id).await? {
        Cancelled::Idle => {
            call.app.settled.notify_waiters();
            let body = CancelBody { message: "Cancelled", status: "pending" };
            reply::json(StatusCode::OK, &body)
        }
        Cancelled::Requested => {
            let body = CancelBody { message: "Cancelling", status: "processing" };
            reply::json(StatusCode::ACCEPTED, &body)
        }
        Cancelled::NotActive => {
            return Err(ApiError::conflict("not_active", "Nothing is being done with it"));
        }
        Cancelled::Missing => return Err(ApiError::not_found("not_found", missing)),
    };
    Ok(answer)
}

/// The same for an encode.
#[utoipa::path(
    post,
    path = "/api/encode/cancel/{encode_id}",
    tag = "encode",
    security(("private" = [])),
    params(("encode_id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, description = "It has left the queue", body = CancelBody),
        (status = 202, description = "It stops in a moment", body = CancelBody),
        (status = 409, description = "Nothing is being done", body = ErrorBody),
    )
)]
pub async fn cancel_encode(call: Call, id: String) -> Answer {
    stop(call, &id, encode::MISSING).await
}
