//! Which bytes of a file a span needs.
//!
//! [`plan`] decides how they are found:
//!
//! * samples in the tables of `moov`: [`progressive`] selects them, [`prefetch`]
//!   requests the tables early;
//! * fragments with a segment index: [`segments`] reads the index, [`indexed`]
//!   chooses segments, [`trim`] cuts the large ones at the edges of the span;
//! * fragments without one: [`fragmented`] reads one after the other.
//!
//! [`select`] says which samples of a track belong to a span, [`file_times`] when
//! the file's presentation starts, from where spans are counted.

mod file_times;
mod fragmented;
mod indexed;
mod plan;
mod prefetch;
mod progressive;
mod segments;
mod select;
mod trim;

pub use self::plan::locate;
