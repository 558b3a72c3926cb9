//! The records, in the words of the reference documents where it has them.

mod id;
mod job;
mod name;
mod progress;
mod put;
mod session;
mod user;
mod video;

pub use id::{Id, ParseIdError};
pub use job::{
    Cancelled, Claimed, Enqueued, Failure, Finished, Job, JobUpdate, Lease, LeaseHeld, Stage,
    Status,
};
pub use name::UnknownName;
pub use progress::{Phase, Progress};
pub use put::Put;
pub(crate) use session::token_hash;
pub use session::{KeptSession, LiveSession, Session};
pub use user::{NewUser, Registered, User};
pub use video::{
    Clip, Cursor, Moment, NewVideo, Origin, Page, Span, StoredFile, Upload, Video, Want,
};

/// A point in time, UTC. Backends keep milliseconds; finer parts are cut off.
pub type Time = chrono::DateTime<chrono::Utc>;
