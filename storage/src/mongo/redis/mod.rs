//! Redis: what the daemons of a cluster share and may lose. A cache of
//! sessions, the progress of jobs, rate counters and the wake-up.
//!
//! Nothing here fails because Redis is away: a session is then looked up in the
//! database, progress and counters are this process's own, and workers find
//! work when they look into the queue by themselves. [`Redis::problem`] tells.
//!
//! Not the module's: whether a session is valid (the database knows), and any
//! decision that must not be lost.

mod address;
mod client;
mod commands;
mod connection;
mod counters;
mod error;
mod listener;
mod names;
mod pace;
mod pending_invalidations;
mod preflight;
mod progress;
mod sessions;
#[cfg(test)]
mod tests;

pub(super) use client::Redis;
pub(super) use sessions::Cached;
