//! MongoDB and Redis: the suite that every backend passes, and what only
//! servers have.
//!
//! The servers come from the environment, as `scripts/servers.sh` sets it. One
//! that is missing is a failure: a suite that skips itself proves nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use clipmill_core::Id;

mod broken;
mod calls;
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

use async_trait::async_trait;
use clipmill_storage::{Storage, conformance};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, bson, doc};

#[async_trait]
impl conformance::Room for rooms::Room {
    async fn another(&self) -> Arc<dyn Storage> {
        Arc::new(self.open().await)
    }

    async fn scribble(&self, video: Id) {
        let this = doc! { "_id": ObjectId::from_bytes(video.bytes()) };
        let scribble = doc! { "$set": { "foreign": foreign(), "job.foreign": foreign() } };
        let scribbled = self.collection("videos").update_one(this, scribble).await.unwrap();
        assert_eq!(scribbled.matched_count, 1);
    }

    async fn is_scribbled(&self, video: Id) -> bool {
        let this = doc! { "_id": ObjectId::from_bytes(video.bytes()) };
        let found = self.collection("videos").find_one(this).await.unwrap().unwrap();
        let within = found.get_document("job").ok().and_then(|job| job.get("foreign"));
        found.get("foreign") == Some(&foreign()) && within == Some(&foreign())
    }
}

/// A value of which no part is ours.
fn foreign() -> Bson {
    bson!({ "words": ["stay", 7, null], "deep": { "status": "stay" } })
}

async fn make() -> (Arc<dyn Storage>, rooms::Room) {
    let room = rooms::Room::new().await;
    (Arc::new(room.open().await), room)
}

clipmill_storage::storage_conformance!(make);
