//! Uploaded files: received, encoded, fetched.

pub mod codecs;
pub mod download;
mod filename;
mod files;
mod form;
pub mod start;
pub mod status;
pub mod upload;

use clipmill_storage::{Origin, Upload, Video};

use super::call::Call;
use super::error::ApiError;
use super::reply::{ErrorBody, Number, StillProcessing};

/// What is said of a record that is not there.
pub const MISSING: &str = "Encode request not found";

impl Call {
    /// An upload of who asks.
    ///
    /// # Errors
    /// As [`Call::own_video`]; a clip counts as not there.
    async fn own_upload(&self, id: &str) -> Result<(Video, Upload), ApiError> {
        let video = self.own_video(id, MISSING).await?;
        match video.origin.clone() {
            Origin::Upload(upload) => Ok((video, upload)),
            Origin::Clip(_) => Err(ApiError::not_found("not_found", MISSING)),
        }
    }
}
