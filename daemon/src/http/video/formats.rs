//! What a video can be had in: `GET /api/video/formats/{video_id}` and, without
//! an account, `POST /api/video/resolutions`.

use std::collections::{BTreeMap, BTreeSet};

use clipmill_core::{Code, Id};
use clipmill_storage::Origin;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::super::address::{self, VideoAddress};
use super::super::call::{Call, NO_VIDEO};
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody};
use super::super::sources;

#[derive(Serialize, ToSchema)]
pub struct FormatsBody {
    /// The source's own id of the video.
    #[schema(example = "dQw4w9WgXcQ")]
    video_id: String,
    /// Highest first.
    #[schema(example = json!(["1440p", "1080p", "720p"]))]
    resolutions: Vec<String>,
    #[schema(value_type = Vec<String>, example = json!(["mp4", "webm"]))]
    extensions: BTreeSet<&'static str>,
    /// The extensions of each resolution.
    #[schema(value_type = Object, example = json!({"1080p": ["mp4", "webm"]}))]
    formats: BTreeMap<String, BTreeSet<&'static str>>,
}

/// What a video can be had in.
#[utoipa::path(
    get,
    path = "/api/video/formats/{video_id}",
    tag = "video",
    params(("video_id" = String, Path, description = "A record's id, or a YouTube video id")),
    responses(
        (status = 200, description = "Resolutions and extensions", body = FormatsBody),
        (status = 400, description = "Neither kind of id, or an upload", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
        (status = 500, description = "The source could not say", body = ErrorBody),
    )
)]
pub async fn formats(call: Call, id: String) -> Answer {
    let address = address_of(&call, &id).await?;
    let info = sources::resolve(&call.app, &address.url)
        .await
        .map_err(|error| sources::refused("Failed to retrieve formats", error))?;
    let offer = sources::offer(&info);
    let body = FormatsBody {
        video_id: address.youtube_video_id.unwrap_or_else(|| info.id.clone()),
        resolutions: offer.resolutions,
        extensions: offer.extensions,
        formats: offer.formats,
    };
    Ok(reply::json(StatusCode::OK, &body))
}

async fn address_of(call: &Call, id: &str) -> Result<VideoAddress, ApiError> {
    if id.parse::<Id>().is_err() {
        // A live chat's id is as good here as it is for saving.
        let video = crate::chat::parse_video(id).ok();
        return video.and_then(|video| address::youtube_address(&video.video_id)).ok_or_else(
            || {
                ApiError::bad_request(
                    Code::InvalidVideoId,
                    "Neither a record nor a YouTube video id",
                )
            },
        );
    }
    match call.own_video(id, NO_VIDEO).await?.origin {
        Origin::Clip(clip) => {
            let url = Url::parse(&clip.url).map_err(|error| ApiError::internal(&error))?;
            Ok(VideoAddress { url, youtube_video_id: clip.youtube_video_id })
        }
        Origin::Upload(_) => {
            Err(ApiError::bad_request(Code::NotAClip, "An uploaded file has no formats to choose"))
        }
    }
}

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
        (status = 500, description = "The source could not say", body = ErrorBody),
    )
)]
pub async fn resolutions(mut call: Call) -> Answer {
    let request: ResolutionsRequest = call.body.json().await?;
    let url =
        request.url.ok_or_else(|| ApiError::bad_request(Code::MissingField, "url is required"))?;
    let address = address::parse(&url, &call.app.engine.registry).await?;
    let info = sources::resolve(&call.app, &address.url)
        .await
        .map_err(|error| sources::refused("Failed to retrieve resolutions", error))?;
    let body = ResolutionsBody {
        video_id: address.youtube_video_id.unwrap_or_else(|| info.id.clone()),
        // The client's own words, so that it can match answer and question.
        url: url.trim().to_owned(),
        resolutions: sources::offer(&info).resolutions,
    };
    Ok(reply::json(StatusCode::OK, &body))
}
