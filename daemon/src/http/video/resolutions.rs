//! `POST /api/video/resolutions`

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::address;
use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::super::sources;
use super::ErrorBody;

#[derive(Deserialize, ToSchema)]
pub struct ResolutionsRequest {
    #[schema(value_type = String, example = "https://youtube.com/watch?v=dQw4w9WgXcQ")]
    url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ResolutionsBody {
    /// The source's own id of the video.
    #[schema(example = "dQw4w9WgXcQ")]
    video_id: String,
    url: String,
    /// Highest first.
    #[schema(example = json!(["1440p", "1080p", "720p"]))]
    resolutions: Vec<String>,
}

/// What a video can be had in, without an account.
#[utoipa::path(
    post,
    path = "/api/video/resolutions",
    tag = "video",
    request_body = ResolutionsRequest,
    responses(
        (status = 200, description = "Resolutions", body = ResolutionsBody),
        (status = 400, description = "Bad or missing address", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 500, description = "The source did not tell", body = ErrorBody),
    )
)]
pub async fn resolutions(mut call: Call, (): ()) -> Answer {
    call.limit_client("public", call.app.config.limits.public_per_minute).await?;
    let request: ResolutionsRequest = call.json().await?;
    let url =
        request.url.ok_or_else(|| ApiError::bad_request("missing_field", "url is required"))?;
    let address = address::parse(&url, &call.app.registry).await?;
    let info = sources::resolve(&call.app, &address.url)
        .await
        .map_err(|why| sources::refused("Failed to retrieve resolutions", why))?;
    let body = ResolutionsBody {
        video_id: address.youtube_video_id.unwrap_or_else(|| info.id.clone()),
        // The client's own words, so that it can match answer and question.
        url: url.trim().to_owned(),
        resolutions: sources::offer(&info).resolutions,
    };
    Ok(reply::json(StatusCode::OK, &body))
}
