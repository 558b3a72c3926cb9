//! Waiting for a job, as the reference's download does.

use std::time::Duration;

use clipmill_core::{Code, Id, Time};
use clipmill_storage::{JobFailure, Status, StoredFile, Video, Want};
use tokio::time::Instant;

use super::error::ApiError;
use crate::app::App;

/// How often the record is read even when no worker of this process reports a
/// change: the worker may be another process.
const POLL: Duration = Duration::from_secs(1);

/// How a wait ended.
pub enum JobOutcome {
    /// The file of the wanted preferences is there, until it expires.
    Done(StoredFile, Option<Time>),
    /// It could not be made.
    Failed(JobFailure),
    /// It is still being made.
    Working,
    /// A client cancelled it.
    Cancelled,
    /// The record was removed.
    Gone,
}

/// What the record says of this want now.
pub fn outcome(video: Option<Video>, want: &Want) -> JobOutcome {
    let Some(video) = video else { return JobOutcome::Gone };
    let is_this = video.want().as_ref() == Some(want);
    match (video.job.status, video.file) {
        (Status::Completed, Some(file)) if is_this => JobOutcome::Done(file, video.expires_at),
        (Status::Failed, _) if is_this => JobOutcome::Failed(failure(video.job.failure)),
        (Status::Pending, _) if video.job.due_at.is_none() && video.job.lease.is_none() => {
            JobOutcome::Cancelled
        }
        _ => JobOutcome::Working,
    }
}

/// Waits until the job has ended, `limit` has passed, or the daemon stops.
///
/// # Errors
/// When storage fails.
pub async fn until_settled(
    app: &App,
    id: Id,
    want: &Want,
    limit: Duration,
) -> Result<JobOutcome, ApiError> {
    let end = Instant::now() + limit;
    loop {
        let settled = app.signals.settled.notified();
        tokio::pin!(settled);
        // A job that ends between the read and the wait is noticed.
        settled.as_mut().enable();
        let now = match app.storage.video(id).await {
            Ok(video) => outcome(video, want),
            // The job survives a passing outage, and so does this wait.
            Err(error) if error.is_transient() && Instant::now() < end => JobOutcome::Working,
            Err(error) => return Err(error.into()),
        };
        if !matches!(now, JobOutcome::Working) || Instant::now() >= end {
            return Ok(now);
        }
        let pause = POLL.min(end.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = settled => {}
            () = tokio::time::sleep(pause) => {}
            // The job continues after the next start; the client need not wait for it here.
            () = app.signals.stopping.cancelled() => return Ok(now),
        }
    }
}

/// Why a failed job failed.
pub fn failure(failure: Option<JobFailure>) -> JobFailure {
    failure.unwrap_or_else(|| JobFailure {
        code: Code::Unknown.to_string(),
        message: "The reason was not recorded".to_owned(),
    })
}
