//! The records, in the words of the reference documents where it has them.

mod job;
mod name;
mod put;
mod session;
mod user;
mod video;

pub use job::{
    Cancelled, Claimed, Enqueued, Failure, Finished, Job, JobUpdate, Lease, LeaseHeld, Stage,
    Status,
};
pub use name::UnknownName;
pub use put::Put;
pub(crate) use session::token_hash;
pub use session::{KeptSession, LiveSession, Session};
pub use user::{NewUser, Registered, User};
pub use video::{Clip, Cursor, NewVideo, Origin, Page, StoredFile, Upload, Video, Want};
