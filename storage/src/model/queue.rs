//! What the transitions of the queue take and return.

use clipmill_core::Time;

use super::job::Lease;
use super::video::{StoredFile, Video};

/// A job in the hands of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The record as it was right after the claim.
    pub video: Video,
    /// The right to write to it.
    pub lease: Lease,
}

/// How an enqueue ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Enqueued {
    /// It is in the queue now, with the want that was asked for.
    Queued(Video),
    /// It was in the queue or being worked on already; nothing changed. The
    /// record tells for which want, and whether it is about to be stopped.
    AlreadyActive(Video),
    /// The finished file is of this very want; nothing changed.
    AlreadyCompleted(Video),
    /// There is no such record.
    Missing,
}

/// How a cancel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// No worker had it: it has left the queue and is `pending` again.
    Idle,
    /// A worker has it and will stop at its next heartbeat; when that worker
    /// is dead, the one that takes the job over stops it.
    Requested,
    /// It was not in the queue.
    NotActive,
    /// There is no such record.
    Missing,
}

/// What a worker writes when the file is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The file.
    pub file: StoredFile,
    /// Completion.
    pub now: Time,
    /// When it may go.
    pub expires_at: Time,
}
