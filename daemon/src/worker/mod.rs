//! Who does the work: claims jobs, keeps their leases, writes their records,
//! decides about retries, and sweeps what has expired.
//!
//! The stages themselves are in [`crate::pipeline`]; nothing there sees a record.

mod ask;
mod clock_sync;
mod heart;
mod job;
mod orphans;
mod outcome;
mod pool;
mod sweeper;

pub use clock_sync::measure_offset;
pub use orphans::{sweep_stores, sweep_work};
pub use pool::Pool;
pub use sweeper::sweep_expired;
