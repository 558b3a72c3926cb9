//! What clipmill writes could be read by the reference service.

use clipmill_core::Id;
use clipmill_storage::{
    JobUpdate, LeaseHeld, Leases, Mongo, Origin, Sessions, Users, Videos, Want,
};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::ElementType;
use mongodb::bson::{Bson, Document, doc};

use crate::library;
use crate::records::{
    at, claimed, clip, done, encode, enqueue, new_id, new_session, new_video, rendition, upload,
    user, why,
};
use crate::rooms::Room;

async fn document(room: &Room, collection: &str, id: Id) -> Document {
    let filter = doc! { "_id": ObjectId::from_bytes(id.bytes()) };
    room.collection(collection).find_one(filter).await.unwrap().unwrap()
}

/// Whether a value can stand where the reference service has another.
fn is_like(ours: &Bson, theirs: &Bson) -> bool {
    let is_number =
        |value: &Bson| matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_));
    match theirs {
        Bson::Null => true,
        Bson::Array(all) => {
            let strings = all.iter().all(|item| item.element_type() == ElementType::String);
            strings
                && matches!(ours, Bson::Array(ours) if ours.iter().all(|it| it.as_str().is_some()))
        }
        _ => ours.element_type() == theirs.element_type() || (is_number(ours) && is_number(theirs)),
    }
}

/// Each field of the reference service is in our document, and of its type.
#[track_caller]
fn assert_like(ours: &Document, theirs: &Document) {
    for (name, theirs) in theirs {
        let value = ours.get(name).unwrap_or_else(|| panic!("no {name}: {ours}"));
        assert!(is_like(value, theirs), "{name} is {value:?}, not like {theirs:?}");
    }
}

async fn finished(storage: &Mongo, origin: Origin, want: &Want) -> Id {
    let id = storage.insert_video(new_video(new_id(), origin, at(0))).await.unwrap().id;
    enqueue(storage, id, want, at(1)).await;
    let lease = claimed(storage, at(2)).await.lease.id;
    let update = JobUpdate { note: Some("noted".to_owned()), ..JobUpdate::default() };
    assert_eq!(storage.update_job(id, lease, update).await.unwrap(), LeaseHeld::Yes);
    let held = storage.finish(id, lease, done("files/a.mp4", at(3))).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn records_have_every_field_of_the_reference_service() {
    let room = Room::new().await;
    let storage = room.open().await;
    let id = finished(&storage, clip(), &rendition("mp4")).await;
    let ours = document(&room, "videos", id).await;
    assert_like(&ours, &library::video("a03"));
    assert_like(&ours, &library::video("a08"));
    assert_eq!(ours.get_str("status").unwrap(), "completed");
    assert_eq!(ours.get_str("source_type").unwrap(), "youtube");
    assert_eq!(ours.get_str("file_path").unwrap(), "files/a.mp4");
    assert_eq!(ours.get("error_message"), Some(&Bson::Null));
    assert_eq!(ours.get_datetime("expires_at").unwrap().timestamp_millis() % 1000, 0);

    let id = finished(&storage, upload(), &encode()).await;
    let ours = document(&room, "videos", id).await;
    assert_like(&ours, &library::video("a07"));
    assert_eq!(ours.get_str("source_type").unwrap(), "upload");
    assert_eq!(ours.get("encoding_progress"), Some(&Bson::Int32(100)));
    assert_eq!(ours.get_str("audio_codec").unwrap(), "aac");

    // Those that nobody has asked for yet, and one that failed.
    for (origin, like) in [(clip(), "a01"), (upload(), "a06")] {
        let new = new_video(new_id(), origin, at(0));
        let id = storage.insert_video(new).await.unwrap().id;
        let ours = document(&room, "videos", id).await;
        assert_like(&ours, &library::video(like));
        for name in ["file_path", "error_message", "file_size_bytes", "expires_at"] {
            assert_eq!(ours.get(name), Some(&Bson::Null), "{name}");
        }
        assert_eq!(ours.get_str("status").unwrap(), "pending");
    }
    let id = storage.insert_video(new_video(new_id(), clip(), at(0))).await.unwrap().id;
    enqueue(&storage, id, &rendition("webm"), at(1)).await;
    let lease = claimed(&storage, at(2)).await.lease.id;
    let ours = document(&room, "videos", id).await;
    assert_like(&ours, &library::video("a05"));
    assert_eq!(ours.get_str("status").unwrap(), "processing");
    assert_eq!(storage.fail(id, lease, why(), at(99)).await.unwrap(), LeaseHeld::Yes);
    let ours = document(&room, "videos", id).await;
    assert_like(&ours, &library::video("a04"));
    assert_eq!(ours.get_str("status").unwrap(), "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_sessions_are_written_like_those_of_the_reference_service() {
    let room = Room::new().await;
    let storage = room.open().await;
    let user = user(&storage).await;
    let session = new_session(user.id, at(0));
    storage.open_session(session.clone()).await.unwrap();
    let theirs = library::room().await;
    for (collection, id, end) in [("users", user.id, "011"), ("sessions", session.id, "012")] {
        let like = document(&theirs, collection, library::id(end)).await;
        assert_like(&document(&room, collection, id).await, &like);
    }
    // The token itself, by which the reference service looks for it.
    let ours = document(&room, "sessions", session.id).await;
    assert_eq!(ours.get_str("token").unwrap(), session.token);
    assert!(storage.set_password(user.id, "$2b$new", at(1)).await.unwrap());
    let like = document(&theirs, "users", library::id("011")).await;
    assert_like(&document(&room, "users", user.id).await, &like);
}
