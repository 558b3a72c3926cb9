//! Clips: saved, watched, fetched, removed.

use clipmill_core::{Id, Span};

pub mod cancel;
pub mod delete;
pub mod download;
pub mod formats;
pub mod list;
pub mod resolutions;
pub mod retry;
pub mod save;
pub mod status;
pub mod stream;

use clipmill_storage::{Clip, NewVideo, Origin, Status, Video, Want};

use super::address::Address;
use super::call::Call;
use super::error::ApiError;
use super::reply::{ErrorBody, Message, Number, StillProcessing};
use super::sources;
use crate::config::Start;

/// What is said of a record that is not there.
const MISSING: &str = "Video not found";

/// Start and end as clients see them.
fn times(span: Option<Span>) -> (Option<Number>, Option<Number>) {
    (span.map(|span| Number(span.start)), span.map(|span| Number(span.end)))
}

/// Whether there is a file that a download would send at once.
fn has_file(video: &Video) -> bool {
    video.job.status == Status::Completed && video.file.is_some()
}

/// What is saved of a clip.
struct Saving {
    user_id: Id,
    address: Address,
    span: Option<Span>,
    moment: Option<clipmill_core::Moment>,
    additional_message: Option<String>,
    clip_offset: Option<f64>,
}

impl Call {
    /// The id of an existing user.
    ///
    /// # Errors
    /// 400 `invalid_user`
    async fn known_user(&self, id: &str) -> Result<Id, ApiError> {
        let unknown =
            || ApiError::bad_request("invalid_user", "There is no user with this user_id");
        let id = id.trim().parse::<Id>().map_err(|_| unknown())?;
        self.app.storage.user_by_id(id).await?.map(|user| user.id).ok_or_else(unknown)
    }

    /// Saves a clip, lets its formats be found out in the background, and puts
    /// it into the queue where that is configured.
    async fn save_clip(&self, saving: Saving) -> Result<Id, ApiError> {
        let clips = &self.app.config.clips;
        let new = NewVideo {
            id: Id::generate(self.received),
            user_id: saving.user_id,
            origin: Origin::Clip(Clip {
                url: saving.address.url.to_string(),
                youtube_video_id: saving.address.youtube_video_id,
                span: saving.span,
                moment: saving.moment,
                additional_message: saving.additional_message,
                clip_offset: saving.clip_offset,
                format_preference: clips.format.to_string(),
                resolution_preference: clips.resolution.to_string(),
                available_formats: None,
            }),
            created_at: self.received,
            expires_at: None,
        };
        let id = self.app.storage.insert_video(new).await?.id;
        sources::resolve_in_background(&self.app, id, saving.address.url);
        if clips.start == Start::OnSave {
            let want = Want::Clip {
                format: clips.format.to_string(),
                resolution: clips.resolution.to_string(),
            };
            self.app.storage.enqueue(id, &want, self.received).await?;
            self.app.storage.wake_workers().await;
        }
        Ok(id)
    }
}
