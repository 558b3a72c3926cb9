//! Who does the work: claims jobs, keeps their leases, writes their records,
//! decides about retries, and sweeps what has expired.
//!
//! The stages themselves are in [`crate::pipeline`]; nothing there sees a record.

mod ask;
mod heart;
mod job;
mod outcome;
mod pool;
mod sweeper;

pub use pool::Pool;
pub use sweeper::{Swept, sweep_expired, sweep_orphans};
