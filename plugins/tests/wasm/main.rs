//! The host of plugins against guests that do right and guests that do wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod guest;
mod host;
mod image;
mod journal;
mod server;

mod aside;
mod computing;
mod conform;
mod frames;
mod limits;
mod malformed;
mod network;
mod reload;
mod serving;
