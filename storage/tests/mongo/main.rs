//! MongoDB and Redis: the suite that every backend passes, and what only
//! servers have.
//!
//! The servers come from the environment, as `scripts/servers.sh` sets it. One
//! that is missing is a failure: a suite that skips itself proves nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod documents;
mod nodes;
mod rooms;
mod starts;

use std::sync::Arc;

use clipmill_storage::Storage;

async fn make() -> (Arc<dyn Storage>, rooms::Room) {
    let room = rooms::Room::new().await;
    (Arc::new(room.open().await), room)
}

clipmill_storage::storage_conformance!(make);
