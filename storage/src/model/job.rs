//! The work on a video: its state, the queue and the lease.

use clipmill_core::{Id, Span, Time};
use serde::{Deserialize, Serialize};

use super::name::named;

/// State of a video, in the reference's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Saved; it is not in the queue yet.
    Pending,
    /// Being worked on, or waiting for its next attempt.
    Processing,
    /// The file is there.
    Completed,
    /// It could not be made.
    Failed,
}

/// The stages of the pipeline, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Getting the span from the source.
    Fetch,
    /// Finding the exact cut.
    Trim,
    /// Making the wanted codec and container.
    Transcode,
    /// Putting the file into the artifact store.
    Retain,
}

named!(Status { Pending => "pending", Processing => "processing", Completed => "completed", Failed => "failed" });
named!(Stage { Fetch => "fetch", Trim => "trim", Transcode => "transcode", Retain => "retain" });

/// The work on one video.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What clients see.
    pub status: Status,
    /// When it may next be claimed (for a leased job: when the lease ends);
    /// none when it is not in the queue.
    pub due_at: Option<Time>,
    /// The last stage that began, of any attempt at the current want.
    pub stage: Option<Stage>,
    /// Claims so far, less those that were given back.
    pub attempts: u32,
    /// Who works on it.
    pub lease: Option<Lease>,
    /// A client wants it to stop.
    pub cancel_requested: bool,
    /// Why it failed, or why the last attempt did.
    pub failure: Option<JobFailure>,
    /// What a person should know of how it was made (a fallback and its reason).
    pub note: Option<String>,
    /// When the first attempt at the current want began.
    pub started_at: Option<Time>,
    /// When it was completed.
    pub completed_at: Option<Time>,
}

impl Job {
    /// A job that no client has asked for yet.
    pub fn idle() -> Job {
        Job {
            status: Status::Pending,
            due_at: None,
            stage: None,
            attempts: 0,
            lease: None,
            cancel_requested: false,
            failure: None,
            note: None,
            started_at: None,
            completed_at: None,
        }
    }
}

/// The right to work on a job until a moment. Each claim makes a new one, and
/// a write with an older one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Identity of this claim.
    pub id: Id,
    /// Name of the worker, for people.
    pub owner: String,
    /// When it may be taken over.
    pub until: Time,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFailure {
    /// Stable machine code, snake case.
    pub code: String,
    /// For people; without paths and secrets.
    pub message: String,
}

/// What a worker writes down between stages. Fields that are none stay as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobUpdate {
    /// The stage that begins.
    pub stage: Option<Stage>,
    /// The span, once a moment has been turned into one.
    pub span: Option<Span>,
    /// Heights that the source offers.
    pub available_formats: Option<Vec<String>>,
    /// A fallback and its reason.
    pub note: Option<String>,
}

/// Whether a write found its lease still valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LeaseHeld {
    /// Written.
    Yes,
    /// Written, and a client wants the job to stop.
    CancelRequested,
    /// Nothing was written: another worker has it, or the record is gone.
    Lost,
}
