//! Clips: saved, watched, fetched, removed.

pub mod control;
pub mod download;
pub mod formats;
pub mod list;
pub mod save;
pub mod status;
pub mod stream;

use clipmill_core::Span;
use clipmill_storage::{Status, Video};

use super::reply::Number;

/// Start and end as clients see them.
fn times(span: Option<Span>) -> (Option<Number>, Option<Number>) {
    (span.map(|span| Number(span.start)), span.map(|span| Number(span.end)))
}

/// Whether there is a file that a download would send at once.
fn has_file(video: &Video) -> bool {
    video.job.status == Status::Completed && video.file.is_some()
}
