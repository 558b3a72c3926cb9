//! `POST /api/video/save`

use clipmill_core::Span;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::address;
use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::{ErrorBody, Number, Saving};
use crate::chat;

/// More of a message is cut off.
pub const MESSAGE_CHARACTERS: usize = 500;

#[derive(Deserialize, ToSchema)]
pub struct SaveRequest {
    /// Address of the video.
    #[schema(value_type = String, example = "https://youtube.com/watch?v=dQw4w9WgXcQ")]
    url: Option<String>,
    /// Seconds from its beginning; a number, or text that is one.
    #[schema(value_type = f64, example = 60)]
    start_time: Option<Number>,
    /// Seconds from its beginning; the first moment that is not wanted.
    #[schema(value_type = f64, example = 120)]
    end_time: Option<Number>,
    /// Who owns the clip.
    #[schema(value_type = String, example = "507f1f77bcf86cd799439011")]
    user_id: Option<String>,
    /// A note.
    additional_message: Option<String>,
    /// Kept as a note of how far before a moment the clip begins.
    #[schema(value_type = Option<f64>)]
    clip_offset: Option<Number>,
}

#[derive(Serialize, ToSchema)]
pub struct SavedBody {
    message: &'static str,
    /// The record's id.
    #[schema(example = "507f1f77bcf86cd799439013")]
    video_id: String,
}

/// Saves a clip, to be downloaded later.
#[utoipa::path(
    post,
    path = "/api/video/save",
    tag = "video",
    security(("public" = [])),
    request_body = SaveRequest,
    responses(
        (status = 201, description = "Saved", body = SavedBody),
        (status = 400, description = "Bad address, times or user", body = ErrorBody),
        (status = 401, description = "No valid public token", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
pub async fn save(mut call: Call, (): ()) -> Answer {
    call.app.tokens.check_public(call.token()?, call.received)?;
    call.limit_client("save", call.app.config.limits.save_per_minute).await?;
    let request: SaveRequest = call.json().await?;
    let url = request.url.ok_or_else(|| missing("url"))?;
    let start = request.start_time.ok_or_else(|| missing("start_time"))?;
    let end = request.end_time.ok_or_else(|| missing("end_time"))?;
    let user = request.user_id.ok_or_else(|| missing("user_id"))?;
    let address = address::parse(&url, &call.app.registry).await?;
    let span = span(start, end, call.app.config.clips.max_seconds)?;
    let user_id = call.known_user(&user).await?;
    let limit = call.app.config.limits.save_per_user_per_minute;
    call.limit("save-user", &user_id.to_string(), limit).await?;
    let saving = Saving {
        user_id,
        address,
        span: Some(span),
        moment: None,
        additional_message: request.additional_message.as_deref().and_then(note),
        clip_offset: request.clip_offset.map(|Number(offset)| offset),
    };
    let video_id = call.save_clip(saving).await?.to_string();
    let body = SavedBody { message: "Video info saved successfully", video_id };
    Ok(reply::json(StatusCode::CREATED, &body))
}

/// A message as it is kept; none when nothing is left of it.
pub fn note(message: &str) -> Option<String> {
    let message = chat::clean(message, MESSAGE_CHARACTERS);
    (!message.is_empty()).then_some(message)
}

fn missing(field: &'static str) -> ApiError {
    ApiError::bad_request("missing_field", format!("{field} is required")).with("field", field)
}

fn span(start: Number, end: Number, longest: u32) -> Result<Span, ApiError> {
    let (Number(start), Number(end)) = (start, end);
    let wrong = |error: String| Err(ApiError::bad_request("invalid_time_range", error));
    // A year of seconds: far beyond any video, and safe to calculate with.
    if !(0.0..=31_536_000.0).contains(&start) || end > 31_536_000.0 {
        return wrong("start_time must be 0 or more".to_owned());
    }
    if end <= start {
        return wrong("end_time must be greater than start_time".to_owned());
    }
    if end - start > f64::from(longest) {
        return wrong(format!("A clip may last at most {longest} seconds"));
    }
    Ok(Span { start, end })
}
