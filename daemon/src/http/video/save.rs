//! `POST /api/video/save`

use clipmill_core::{Code, Id, Span};
use clipmill_storage::{Clip, NewVideo, Origin, Want};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::address::{self, VideoAddress};
use super::super::call::Call;
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody, Number};
use super::super::{guard, sources};
use crate::chat;
use crate::config::{ClipStart, Clips};

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
    /// Seconds before a moment at which the clip starts; kept as a note.
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
    request_body = SaveRequest,
    responses(
        (status = 201, description = "Saved", body = SavedBody),
        (status = 400, description = "Bad address, times or user", body = ErrorBody),
        (status = 401, description = "No valid public token", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
pub async fn save(mut call: Call) -> Answer {
    let request: SaveRequest = call.body.json().await?;
    let url = request.url.ok_or_else(|| missing("url"))?;
    let start = request.start_time.ok_or_else(|| missing("start_time"))?;
    let end = request.end_time.ok_or_else(|| missing("end_time"))?;
    let user = request.user_id.ok_or_else(|| missing("user_id"))?;
    let address = address::parse(&url, &call.app.engine.registry).await?;
    let span = span(start, end, call.app.config.clips.max_seconds)?;
    let user_id = counted_user(&call, &user).await?;
    let clip = Clip {
        span: Some(span),
        additional_message: request.additional_message.as_deref().and_then(note),
        clip_offset: request.clip_offset.map(|Number(offset)| offset),
        ..new_clip(&call.app.config.clips, &address)
    };
    let video_id = save_clip(&call, user_id, address, clip).await?.to_string();
    let body = SavedBody { message: "Video info saved successfully", video_id };
    Ok(reply::json(StatusCode::CREATED, &body))
}

/// The id of an existing user, for whom this saved clip is counted.
///
/// # Errors
/// 400 `invalid_user`, 429 above the limit.
pub async fn counted_user(call: &Call, id: &str) -> Result<Id, ApiError> {
    let unknown = || ApiError::bad_request(Code::InvalidUser, "There is no user with this user_id");
    let id = id.trim().parse::<Id>().map_err(|_| unknown())?;
    let user = call.app.storage.user_by_id(id).await?.ok_or_else(unknown)?;
    let limit = call.app.config.limits.save_per_user_per_minute;
    guard::count(call, "save-user", &user.id.to_string(), limit).await?;
    Ok(user.id)
}

/// A clip of this address with the configured preferences and nothing else.
pub fn new_clip(settings: &Clips, address: &VideoAddress) -> Clip {
    Clip {
        url: address.url.to_string(),
        youtube_video_id: address.youtube_video_id.clone(),
        span: None,
        moment: None,
        additional_message: None,
        clip_offset: None,
        format_preference: settings.format.to_string(),
        resolution_preference: settings.resolution.to_string(),
        available_formats: None,
    }
}

/// Saves a clip, starts to find out its formats in the background, and puts it
/// into the queue where that is configured.
///
/// # Errors
/// When storage fails.
pub async fn save_clip(
    call: &Call,
    user_id: Id,
    address: VideoAddress,
    clip: Clip,
) -> Result<Id, ApiError> {
    let want = Want::Clip {
        format: clip.format_preference.clone(),
        resolution: clip.resolution_preference.clone(),
    };
    let new = NewVideo {
        id: Id::generate(call.received),
        user_id,
        origin: Origin::Clip(clip),
        created_at: call.received,
        expires_at: None,
    };
    let id = call.app.storage.insert_video(new).await?.id;
    sources::resolve_in_background(&call.app, id, address.url);
    if call.app.config.clips.start == ClipStart::OnSave {
        call.app.storage.enqueue(id, &want, call.received).await?;
        call.app.storage.wake_workers().await;
    }
    Ok(id)
}

/// A message as it is kept; none when nothing is left of it.
pub fn note(message: &str) -> Option<String> {
    let message = chat::clean(message, MESSAGE_CHARACTERS);
    (!message.is_empty()).then_some(message)
}

fn missing(field: &'static str) -> ApiError {
    ApiError::bad_request(Code::MissingField, format!("{field} is required")).with("field", field)
}

fn span(start: Number, end: Number, longest: u32) -> Result<Span, ApiError> {
    let (Number(start), Number(end)) = (start, end);
    let wrong = |error: String| Err(ApiError::bad_request(Code::InvalidTimeRange, error));
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
