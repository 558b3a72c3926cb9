//! The HTTP interface.
//!
//! `routes` is the whole of it as a filter, `serve` runs it on a listener.
//! Handlers are one file an endpoint or a small group; what surrounds them
//! (methods, log, counters, CORS, request ids) is in `route`, what they read is
//! a `call::Call`, and what they answer is a `route::Answer`.
//!
//! Handlers ask storage and put jobs into the queue. They do no work on media
//! but looking at an uploaded file.

mod account;
mod address;
mod body;
mod call;
mod client;
mod cors;
mod encode;
mod error;
mod files;
mod health;
mod limit;
mod openapi;
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
pub use route::Route;
pub use router::{ALL, routes};
pub use serve::serve;
