//! MongoDB for what lasts, Redis for what may be lost: many daemons share both.
//!
//! The collections, fields and indexes are the reference service's, so that its
//! database can be pointed at. Every transition is one atomic update of one
//! document: no transactions, so that a single `mongod` will do. Nothing that
//! lasts is cached in this process, since any other may change it; sessions are
//! cached in Redis, where all see them end.

mod backend;
mod claim;
mod cluster;
mod ephemeral;
mod error;
mod fields;
mod health;
mod indexes;
mod leases;
mod open;
mod queue;
mod readable;
mod record;
mod redis;
mod sessions;
mod sessions_ended;
mod transfer;
mod users;
mod videos;

pub use backend::Mongo;
pub use open::MongoSettings;
