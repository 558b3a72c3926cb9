//! A database that the reference service wrote: `tests/fixtures/reference`.

use clipmill_core::Id;
use mongodb::bson::Document;

use crate::rooms::Room;

const USERS: &str = include_str!("../../../tests/fixtures/reference/users.json");
const SESSIONS: &str = include_str!("../../../tests/fixtures/reference/sessions.json");
const VIDEOS: &str = include_str!("../../../tests/fixtures/reference/videos.json");

fn documents(json: &str) -> Vec<Document> {
    serde_json::from_str(json).unwrap()
}

/// A room as the reference service leaves it.
pub async fn room() -> Room {
    let room = Room::new().await;
    for (name, json) in [("users", USERS), ("sessions", SESSIONS), ("videos", VIDEOS)] {
        room.collection(name).insert_many(documents(json)).await.unwrap();
    }
    room
}

/// An id by its end.
pub fn id(end: &str) -> Id {
    format!("507f1f77bcf86cd799439{end}").parse().unwrap()
}

/// The token of a session.
pub fn token(session: &str) -> String {
    let all = documents(SESSIONS);
    let found = all.iter().find(|document| document.get_object_id("_id").unwrap() == oid(session));
    found.unwrap().get_str("token").unwrap().to_owned()
}

/// The document of a record.
pub fn video(end: &str) -> Document {
    let mut all = documents(VIDEOS).into_iter();
    all.find(|document| document.get_object_id("_id").unwrap() == oid(end)).unwrap()
}

/// An id by its end, as documents have it.
pub fn oid(end: &str) -> mongodb::bson::oid::ObjectId {
    mongodb::bson::oid::ObjectId::from_bytes(id(end).bytes())
}
