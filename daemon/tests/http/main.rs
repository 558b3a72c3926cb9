//! The HTTP interface over a real database: every endpoint, every status code
//! that it promises, and what must never happen.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod bots;
mod clips;
mod codecs;
mod encodes;
mod operation;
mod orphans;
mod rules;
mod server;
mod uploads;
mod world;
