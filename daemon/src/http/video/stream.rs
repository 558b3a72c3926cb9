//! `GET|POST /api/video/save/stream/{token}/{video_id}`: a chat saves a clip of
//! the stream that it watches.
//!
//! A bot gets one line of text with status 200 whatever happens, because chats
//! show nothing else; everyone else gets JSON and status codes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clipmill_core::{Code, Moment};
use clipmill_storage::Clip;
use http::StatusCode;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use warp::reply::Response;

use super::super::call::Call;
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody, Number};
use super::super::{address, guard};
use super::save::{counted_user, new_clip, note, save_clip};
use crate::chat;

/// Seconds before the moment, when the chat does not say.
const OFFSET: f64 = 60.0;
/// Length of the clip in seconds, when the chat does not say.
const DURATION: f64 = 120.0;
/// No stream can be rewound further.
const MAX_OFFSET: f64 = 43_200.0;

#[derive(Serialize, ToSchema)]
pub struct StreamSavedBody {
    message: &'static str,
    /// The record's id.
    #[schema(example = "507f1f77bcf86cd799439013")]
    video_id: String,
    #[schema(example = "dQw4w9WgXcQ")]
    youtube_video_id: String,
}

struct SavedClip {
    body: StreamSavedBody,
    message: Option<String>,
    offset: f64,
}

/// Saves a clip around this very moment of a live stream. Chat bots get one
/// line of text with status 200, for refusals too.
#[utoipa::path(
    get,
    path = "/api/video/save/stream/{token}/{video_id}",
    tag = "video",
    params(
        ("token" = String, Path, description = "A public token"),
        ("video_id" = String, Path, description = "A YouTube video id, or the id of a live chat"),
        ("user_id" = String, Query, description = "Who owns the clip"),
        ("message" = Option<String>, Query, description = "A note"),
        ("offset" = Option<f64>, Query, description = "Seconds before now at which the clip starts; 60"),
        ("duration" = Option<f64>, Query, description = "Seconds that the clip lasts; 120"),
        ("reply" = Option<String>, Query, description = "`text` or `json`, in place of what the headers suggest"),
    ),
    responses(
        (status = 200, description = "One line for a chat", body = String, content_type = "text/plain"),
        (status = 201, description = "Saved", body = StreamSavedBody),
        (status = 400, description = "Bad video, user or numbers", body = ErrorBody),
        (status = 401, description = "No valid public token", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
pub async fn save_stream(call: Call, token: String, video: String) -> Answer {
    let saved = save(&call, &token, &video).await;
    for_caller(&call, saved)
}

/// The same by POST.
#[utoipa::path(
    post,
    path = "/api/video/save/stream/{token}/{video_id}",
    tag = "video",
    params(
        ("token" = String, Path, description = "A public token"),
        ("video_id" = String, Path, description = "A YouTube video id, or the id of a live chat"),
        ("user_id" = String, Query, description = "Who owns the clip"),
    ),
    responses((status = 201, description = "Saved", body = StreamSavedBody))
)]
pub async fn save_stream_by_post(call: Call, token: String, video: String) -> Answer {
    save_stream(call, token, video).await
}

/// Everything else below `save/stream`: a mistyped command still gets a line.
pub fn unknown(call: &Call) -> Answer {
    for_caller(call, Err(ApiError::unknown_path()))
}

/// A line of text for chat bots, JSON for everyone else.
fn for_caller(call: &Call, saved: Result<SavedClip, ApiError>) -> Answer {
    if !chat::asks_for_text(&call.headers, call.parameter("reply").as_deref()) {
        let saved = saved?;
        return Ok(reply::no_store(reply::json(StatusCode::CREATED, &saved.body)));
    }
    let line = match saved {
        Ok(saved) => {
            let link = call.app.config.server.public_url.as_deref();
            chat::saved(saved.message.as_deref(), saved.offset, link)
        }
        Err(error) => chat::refused(for_chat(&error)),
    };
    Ok(text(line))
}

fn text(line: String) -> Response {
    reply::no_store(reply::typed(StatusCode::OK, "text/plain; charset=utf-8", line))
}

/// The reason for a chat: words for the streamer, not for a programmer.
fn for_chat(error: &ApiError) -> &str {
    match error.code {
        Code::TokenExpired => "the token has expired - ask the streamer for a new one",
        Code::InvalidToken => "the token is not valid - ask the streamer to check the command",
        Code::MissingField | Code::InvalidUser => {
            "the user is not known - ask the streamer to check user_id in the command"
        }
        Code::InvalidVideoId => "this is no YouTube video or live chat",
        Code::RateLimited => "too many clips at a time - try again in a minute",
        Code::NotFound => "the address of the command is not right",
        Code::Internal | Code::StorageUnavailable => "the server has a problem - try again later",
        _ => &error.error,
    }
}

async fn save(call: &Call, token: &str, video: &str) -> Result<SavedClip, ApiError> {
    call.app.tokens.check_public(token, call.received)?;
    count_sender(call, token).await?;
    let (video_id, address) = chat::parse_video(video)
        .ok()
        .and_then(|video| {
            Some((video.video_id.clone(), address::youtube_address(&video.video_id)?))
        })
        .ok_or_else(|| {
            ApiError::bad_request(Code::InvalidVideoId, "Invalid YouTube video or live chat id")
        })?;
    let offset = seconds(call, "offset", OFFSET, 0.0..=MAX_OFFSET)?;
    let longest = f64::from(call.app.config.clips.max_seconds);
    let duration = seconds(call, "duration", DURATION.min(longest), 1.0..=longest.max(1.0))?;
    let user = call.parameter("user_id").unwrap_or_default();
    if user.trim().is_empty() {
        return Err(ApiError::bad_request(Code::MissingField, "user_id is required"));
    }
    let user_id = counted_user(call, &user).await?;
    let message = call.parameter("message").as_deref().and_then(note);
    let clip = Clip {
        moment: Some(Moment { at: call.received, offset, duration }),
        additional_message: message.clone(),
        clip_offset: Some(offset),
        ..new_clip(&call.app.config.clips, &address)
    };
    let id = save_clip(call, user_id, address, clip).await?;
    let body = StreamSavedBody {
        message: "Video clip saved successfully",
        video_id: id.to_string(),
        youtube_video_id: video_id,
    };
    Ok(SavedClip { body, message, offset })
}

/// All channels of one bot come from the same few addresses, so bots are
/// counted by their token.
async fn count_sender(call: &Call, token: &str) -> Result<(), ApiError> {
    if chat::asks_for_text(&call.headers, None) {
        let name = URL_SAFE_NO_PAD.encode(&Sha256::digest(token)[..12]);
        let limit = call.app.config.limits.save_per_minute;
        guard::count(call, "save-token", &name, limit).await
    } else {
        guard::count_save(call).await
    }
}

fn seconds(
    call: &Call,
    name: &'static str,
    default: f64,
    range: std::ops::RangeInclusive<f64>,
) -> Result<f64, ApiError> {
    let Some(text) = call.parameter(name).filter(|text| !text.trim().is_empty()) else {
        return Ok(default);
    };
    match Number::parse(&text) {
        Some(Number(seconds)) if range.contains(&seconds) => Ok(seconds),
        _ => Err(ApiError::bad_request(
            Code::InvalidNumber,
            format!("{name} must be from {} to {} seconds", range.start(), range.end()),
        )),
    }
}
