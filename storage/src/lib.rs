//! What clipmill remembers: users, sessions, videos with their jobs, and the
//! little that may be lost (progress, rate counters, wake-up).
//!
//! The daemon speaks to the [`Storage`] trait only; a backend is chosen at
//! start. Every rule in a trait method's *Behaviour* list has one case of the
//! same name in the conformance suite, and every backend passes all of them.
//!
//! Bytes of media are not kept here, only the keys under which the artifact
//! store holds them. This crate never reads a clock: the caller passes the
//! time, so that expiry and leases can be tested.

mod contract;
mod ephemeral_memory;
mod error;
mod model;
pub mod mongo;
pub mod sqlite;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "conformance")]
pub mod testing;

pub use contract::{
    Cluster, Ephemeral, Health, Leases, Queue, Sessions, Storage, Transfer, Users, Videos,
};
pub use error::{Result, StorageError};
pub use model::*;
pub use mongo::{Mongo, MongoSettings};
pub use sqlite::Sqlite;
