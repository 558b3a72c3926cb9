//! The records, in the words of the reference documents where it has them.

mod job;
mod name;
mod put;
mod queue;
mod session;
mod user;
mod video;

pub use job::{Job, JobFailure, JobUpdate, Lease, LeaseHeld, Stage, Status};
pub use name::UnknownName;
pub use put::Put;
pub use queue::{Cancelled, Claimed, Enqueued, Finished};
pub(crate) use session::token_hash;
pub use session::{KeptSession, LiveSession, Session};
pub use user::{NewUser, Registered, User};
pub use video::{Clip, Cursor, NewVideo, Origin, Page, StoredFile, Upload, Video, Want};
