//! `POST /api/encode/start/{encode_id}`, and what it can be asked for: `GET
//! /api/encode/codecs`.

use std::collections::BTreeMap;
use std::time::Duration;

use clipmill_core::Code;
use clipmill_storage::{Enqueued, StoredFile, Video, Want};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::reply::Response;

use super::super::call::{Call, NO_ENCODE};
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody, Number, StillProcessing};
use super::super::wait::{self, JobOutcome};

const FAILED: &str = "Video encoding failed";

#[derive(Deserialize, ToSchema)]
pub struct EncodeRequest {
    /// One of the codecs that `/api/encode/codecs` names.
    #[schema(value_type = String, example = "h264")]
    video_codec: Option<String>,
    /// One of its qualities.
    #[schema(value_type = String, example = "high")]
    quality_preset: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct EncodedBody {
    message: &'static str,
    /// Always `completed`.
    #[schema(example = "completed")]
    status: &'static str,
    #[schema(example = "507f1f77bcf86cd799439014")]
    encode_id: String,
    #[schema(value_type = Option<f64>, example = 38.5)]
    file_size_mb: Option<Number>,
}

/// Encodes an upload and waits for it. Honours `Prefer: respond-async`. A
/// client that leaves loses nothing: the work continues.
#[utoipa::path(
    post,
    path = "/api/encode/start/{encode_id}",
    tag = "encode",
    params(("encode_id" = String, Path, description = "The record's id")),
    request_body = EncodeRequest,
    responses(
        (status = 200, description = "Encoded", body = EncodedBody),
        (status = 202, description = "It is still being encoded", body = StillProcessing),
        (status = 400, description = "Unknown codec or quality", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
        (status = 409, description = "It was cancelled meanwhile", body = ErrorBody),
        (status = 500, description = "It could not be encoded; message and code say why", body = ErrorBody),
    )
)]
pub async fn start(mut call: Call, id: String) -> Answer {
    let (video, _) = call.own_upload(&id).await?;
    let request: EncodeRequest = call.body.json().await?;
    let want = wanted(&call, request)?;
    let app = &call.app;
    match app.storage.enqueue(video.id, &want, app.clock.now()).await? {
        Enqueued::AlreadyCompleted(video) => {
            Ok(completed("Video already encoded", &video, video.file.as_ref()))
        }
        Enqueued::AlreadyActive(_) => Ok(still_encoding()),
        Enqueued::Missing => Err(ApiError::not_found(Code::NotFound, NO_ENCODE)),
        Enqueued::Queued(video) => {
            app.storage.wake_workers().await;
            if call.prefers_async() {
                return Ok(still_encoding());
            }
            let limit = Duration::from_secs(app.config.clips.wait_seconds);
            match wait::until_settled(app, video.id, &want, limit).await? {
                JobOutcome::Done(file, _) => {
                    Ok(completed("Video encoded successfully", &video, Some(&file)))
                }
                JobOutcome::Failed(failure) => Err(ApiError::failed_job(FAILED, failure)),
                JobOutcome::Working => Ok(still_encoding()),
                JobOutcome::Cancelled => {
                    Err(ApiError::conflict(Code::Cancelled, "The encoding was cancelled"))
                }
                JobOutcome::Gone => Err(ApiError::not_found(Code::NotFound, NO_ENCODE)),
            }
        }
    }
}

fn wanted(call: &Call, request: EncodeRequest) -> Result<Want, ApiError> {
    let asked = request.video_codec.unwrap_or_default().trim().to_ascii_lowercase();
    let codecs =
        call.app.engine.registry.offered_codecs().into_iter().map(|codec| codec.describe());
    let mut names = Vec::new();
    for codec in codecs {
        if codec.name != asked {
            names.push(codec.name);
            continue;
        }
        let quality = request.quality_preset.unwrap_or_default().trim().to_ascii_lowercase();
        if codec.qualities.contains(&quality) {
            return Ok(Want::Encode { codec: codec.name, quality });
        }
        let error = format!("quality_preset must be one of: {}", codec.qualities.join(", "));
        return Err(ApiError::bad_request(Code::InvalidQuality, error));
    }
    let error = format!("video_codec must be one of: {}", names.join(", "));
    Err(ApiError::bad_request(Code::InvalidCodec, error))
}

fn completed(message: &'static str, video: &Video, file: Option<&StoredFile>) -> Response {
    let body = EncodedBody {
        message,
        status: "completed",
        encode_id: video.id.to_string(),
        file_size_mb: file.map(|file| reply::megabytes(file.file_size_bytes)),
    };
    reply::json(StatusCode::OK, &body)
}

fn still_encoding() -> Response {
    let message = "Video is currently being encoded";
    reply::json(StatusCode::ACCEPTED, &StillProcessing { message, status: "processing" })
}

#[derive(Serialize, ToSchema)]
pub struct CodecsBody {
    /// The qualities of each codec, best first.
    #[schema(example = json!({"h264": ["lossless", "high", "medium"]}))]
    codecs: BTreeMap<String, Vec<String>>,
}

/// What uploads can be encoded to.
#[utoipa::path(
    get,
    path = "/api/encode/codecs",
    tag = "encode",
    responses((status = 200, description = "Codecs and their qualities", body = CodecsBody))
)]
pub async fn codecs(call: Call) -> Answer {
    let offered =
        call.app.engine.registry.offered_codecs().into_iter().map(|codec| codec.describe());
    let codecs = offered.map(|codec| (codec.name, codec.qualities)).collect();
    Ok(reply::json(StatusCode::OK, &CodecsBody { codecs }))
}
