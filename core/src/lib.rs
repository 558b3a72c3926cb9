//! The words that every room shares, and the small mechanisms below all of
//! them. Depends on nothing of clipmill's own.
//!
//! [`Error`] with its [`Code`] is what fails everywhere but in a container's
//! bytes (`clipmill-media`) and a database (`clipmill-storage`). [`Timestamp`]
//! and [`Timescale`] are the only places that convert media time, [`ByteRange`]
//! the only one that knows HTTP's inclusive ends. [`net`] is the guarded HTTP
//! client, [`process`] runs child processes.

mod byte_range;
mod clock;
pub mod disk;
mod error;
mod format;
mod id;
mod lock;
pub mod net;
pub mod probe;
pub mod process;
mod progress;
mod retry;
mod sniff;
mod span;
mod timestamp;

pub use byte_range::ByteRange;
pub use clock::{Clock, ClockOffset, Time};
pub use error::{Chain, Code, Error, Result, Retry, UnknownCode};
pub use format::{OutputFormat, Resolution, UnknownChoice};
pub use id::{Id, ParseIdError};
pub use lock::lock;
pub use progress::{Phase, Progress};
pub use retry::Backoff;
pub use sniff::{FileFormat, SNIFFED_BYTES, sniff};
pub use span::{Moment, Span};
pub use timestamp::{Timescale, Timestamp, micros_of_seconds, scale_floor, scale_nearest};
