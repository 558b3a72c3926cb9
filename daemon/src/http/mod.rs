//! The HTTP interface.
//!
//! `endpoints` is the table of all endpoints, one row each; `router` finds the
//! one that a request is for, `guard` checks who calls and how often, and the
//! handler answers. Handlers are one file for an endpoint or a small group. What
//! they read is a `call::Call`, and what they return is an `error::Answer`.
//! `serve` runs all of it on a listener.
//!
//! Handlers use storage and put jobs into the queue. They do no work on media but
//! probing an uploaded file.

mod account;
mod address;
mod body;
mod call;
mod client;
mod cors;
mod encode;
mod endpoint;
mod endpoints;
mod error;
mod files;
mod guard;
mod health;
mod range;
mod reply;
mod route;
mod router;
mod serve;
mod sources;
mod stall;
mod video;
mod wait;

pub use call::Peer;
pub use router::routes;
pub use serve::serve;
