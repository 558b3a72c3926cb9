//! `GET /api/video/list`

use chrono::{DateTime, Utc};
use clipmill_core::{Code, Time};
use clipmill_storage::{Cursor, Origin, Page, Video};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody, Number};
use super::{has_file, times};

/// The reference lists everything; this bounds what one answer may hold.
const MOST: u32 = 10_000;

#[derive(Serialize, ToSchema)]
pub struct ListBody {
    /// Newest first.
    videos: Vec<ListedVideo>,
    /// Where the list continues, as `before` of the next request; only when there
    /// may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ListedVideo {
    #[schema(example = "507f1f77bcf86cd799439013")]
    video_id: String,
    /// None for an upload.
    url: Option<String>,
    #[schema(value_type = Option<f64>)]
    start_time: Option<Number>,
    #[schema(value_type = Option<f64>)]
    end_time: Option<Number>,
    #[schema(example = "completed")]
    status: &'static str,
    created_at: DateTime<Utc>,
    file_available: bool,
    /// `youtube` for clips of any site, or `upload`.
    source_type: &'static str,
    additional_message: Option<String>,
    /// Name of an uploaded file.
    original_filename: Option<String>,
    expires_at: Option<DateTime<Utc>>,
}

/// All clips and uploads of the user.
#[utoipa::path(
    get,
    path = "/api/video/list",
    tag = "video",
    params(
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 10000"),
        ("before" = Option<String>, Query, description = "What the answer before gave as `next`"),
    ),
    responses(
        (status = 200, description = "The list", body = ListBody),
        (status = 400, description = "A parameter is wrong", body = ErrorBody),
        (status = 401, description = "No valid token", body = ErrorBody),
    )
)]
pub async fn list(call: Call) -> Answer {
    let user_id = call.login()?.user_id;
    let wrong = |error: &'static str| ApiError::bad_request(Code::InvalidParameter, error);
    let limit = match call.parameter("limit") {
        None => MOST,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| wrong("limit must be from 1 to 10000"))?,
    };
    let before = match call.parameter("before") {
        None => None,
        Some(text) => Some(
            parse_cursor(&text).ok_or_else(|| wrong("before must be the `next` of an answer"))?,
        ),
    };
    let page = Page { before, limit: Some(limit) };
    let videos = call.app.storage.videos_of(user_id, page).await?;
    let is_full = u32::try_from(videos.len()) == Ok(limit);
    let next = videos.last().filter(|_| is_full).map(|video| cursor_text(video.cursor()));
    let videos = videos.into_iter().map(listed).collect();
    Ok(reply::no_store(reply::json(StatusCode::OK, &ListBody { videos, next })))
}

/// A place in the list, as clients send it back.
fn cursor_text(place: Cursor) -> String {
    format!("{}-{}", place.created_at.timestamp_millis(), place.id)
}

fn parse_cursor(text: &str) -> Option<Cursor> {
    let (milliseconds, id) = text.rsplit_once('-')?;
    let created_at = Time::from_timestamp_millis(milliseconds.parse().ok()?)?;
    Some(Cursor { created_at, id: id.parse().ok()? })
}

fn listed(video: Video) -> ListedVideo {
    let file_available = has_file(&video);
    let mut listed = ListedVideo {
        video_id: video.id.to_string(),
        url: None,
        start_time: None,
        end_time: None,
        status: video.job.status.as_str(),
        created_at: video.created_at,
        file_available,
        source_type: "upload",
        additional_message: None,
        original_filename: None,
        expires_at: video.expires_at,
    };
    match video.origin {
        Origin::Clip(clip) => {
            (listed.start_time, listed.end_time) = times(clip.span);
            listed.url = Some(clip.url);
            listed.source_type = "youtube";
            listed.additional_message = clip.additional_message;
        }
        Origin::Upload(upload) => listed.original_filename = Some(upload.original_filename),
    }
    listed
}
