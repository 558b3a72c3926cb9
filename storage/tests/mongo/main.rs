//! MongoDB and Redis: the suite that every backend passes, and what only
//! servers have.
//!
//! The servers come from the environment, as `scripts/servers.sh` sets it. One
//! that is missing is a failure: a suite that skips itself proves nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken;
mod documents;
mod faults;
mod indexes;
mod library;
mod log;
mod nodes;
mod outages;
mod records;
mod rooms;
mod starts;
mod survival;
mod writes;

use std::sync::Arc;

use clipmill_storage::Storage;

async fn make() -> (Arc<dyn Storage>, rooms::Room) {
    let room = rooms::Room::new().await;
    (Arc::new(room.open().await), room)
}

clipmill_storage::storage_conformance!(make);
