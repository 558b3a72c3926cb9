//! The workers: claim jobs, keep their leases, write their records, decide about
//! retries, and sweep what has expired.
//!
//! The stages themselves are in [`clipmill_pipeline`], which knows no records.

mod clock_sync;
mod heartbeat;
mod job;
mod orphans;
mod outcome;
mod pool;
mod request;
mod sweeper;

pub use clock_sync::measure_offset;
pub use orphans::{sweep_stores, sweep_work};
pub use pool::Pool;
pub use sweeper::sweep_expired;
