//! `GET /api/video/formats/{video_id}`

use std::collections::{BTreeMap, BTreeSet};

use clipmill_core::Id;
use clipmill_storage::Origin;
use http::StatusCode;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::super::address::{self, Address};
use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::super::sources;
use super::{ErrorBody, MISSING};

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
    security(("private" = [])),
    params(("video_id" = String, Path, description = "A record's id, or a YouTube video id")),
    responses(
        (status = 200, description = "Resolutions and extensions", body = FormatsBody),
        (status = 400, description = "Neither kind of id, or an upload", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 403, description = "It belongs to another user", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
        (status = 500, description = "The source did not tell", body = ErrorBody),
    )
)]
pub async fn formats(call: Call, id: String) -> Answer {
    let address = address_of(&call, &id).await?;
    let info = sources::resolve(&call.app, &address.url)
        .await
        .map_err(|why| sources::refused("Failed to retrieve formats", why))?;
    let offer = sources::offer(&info);
    let body = FormatsBody {
        video_id: address.youtube_video_id.unwrap_or_else(|| info.id.clone()),
        resolutions: offer.resolutions,
        extensions: offer.extensions,
        formats: offer.formats,
    };
    Ok(reply::json(StatusCode::OK, &body))
}

async fn address_of(call: &Call, id: &str) -> Result<Address, ApiError> {
    if id.parse::<Id>().is_err() {
        call.login().await?;
        // A live chat's id is as good here as it is for saving.
        let video = crate::chat::parse_video(id).ok();
        return video.and_then(|video| address::of_youtube(&video.video_id)).ok_or_else(|| {
            ApiError::bad_request("invalid_video_id", "Neither a record nor a YouTube video id")
        });
    }
    match call.own_video(id, MISSING).await?.origin {
        Origin::Clip(clip) => {
            let url = Url::parse(&clip.url).map_err(|error| ApiError::internal(&error))?;
            Ok(Address { url, youtube_video_id: clip.youtube_video_id })
        }
        Origin::Upload(_) => {
            Err(ApiError::bad_request("not_a_clip", "An uploaded file has no formats to choose"))
        }
    }
}
