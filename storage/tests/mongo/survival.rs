//! Fields that clipmill does not know survive whatever it does to a document.

use chrono::TimeDelta;
use clipmill_core::{Id, Span};
use clipmill_storage::{
    Cancelled, JobUpdate, LeaseHeld, Leases, Mongo, Origin, Queue, Sessions, Stage, Status, Users,
    Videos, Want,
};
use mongodb::bson::{Bson, Document, doc};

use crate::library::{self, id, oid, token};
use crate::records::{MINUTE, at, claimed, done, encode, enqueue, read, rendition, why};
use crate::rooms::Room;

/// Fields that clipmill may write, those of the reference service first.
const KNOWN: &[&str] = &[
    "_id",
    "user_id",
    "source_type",
    "url",
    "youtube_video_id",
    "start_time",
    "end_time",
    "status",
    "file_path",
    "error_message",
    "format_preference",
    "resolution_preference",
    "available_formats",
    "original_filename",
    "input_file_path",
    "video_codec",
    "audio_codec",
    "quality_preset",
    "encoding_progress",
    "encoding_started_at",
    "encoding_completed_at",
    "additional_message",
    "clip_offset",
    "file_size_bytes",
    "created_at",
    "expires_at",
    "input_size_bytes",
    "duration",
];
/// The same within `job`.
const KNOWN_OF_JOBS: &[&str] =
    &["due_at", "stage", "attempts", "lease", "cancel_requested", "error_code", "note"];

/// What clipmill does not know of a document, in bytes.
fn unknown(document: &Document) -> Vec<u8> {
    let mut unknown = without(document, KNOWN);
    if let Some(Bson::Document(job)) = unknown.get_mut("job") {
        *job = without(job, KNOWN_OF_JOBS);
    }
    unknown.to_vec().unwrap()
}

fn without(document: &Document, names: &[&str]) -> Document {
    let fields = document.iter().filter(|(name, _)| !names.contains(&name.as_str()));
    fields.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A record of the library that has all unknown fields that there are, and what
/// is expected of them.
struct Watched<'a> {
    room: &'a Room,
    id: Id,
    expected: Vec<u8>,
}

impl Watched<'_> {
    async fn in_room<'a>(room: &'a Room, end: &str) -> Watched<'a> {
        let mut document = library::video(end);
        for (name, value) in library::video("a09") {
            if !KNOWN.contains(&name.as_str()) {
                document.insert(name, value);
            }
        }
        let videos = room.collection("videos");
        videos.replace_one(doc! { "_id": oid(end) }, &document).await.unwrap();
        let expected = unknown(&document);
        assert!(expected.len() > 500, "there is something to lose");
        Watched { room, id: id(end), expected }
    }

    async fn is_whole_after(&self, step: &str) {
        let videos = self.room.collection("videos");
        let filter = doc! { "_id": mongodb::bson::oid::ObjectId::from_bytes(self.id.bytes()) };
        let document = videos.find_one(filter).await.unwrap().unwrap();
        assert_eq!(unknown(&document), self.expected, "after {step}: {document}");
    }
}

/// Every call that changes a record, from the first wish to the end.
async fn lead_a_life(storage: &Mongo, watched: &Watched<'_>, want: &Want) {
    let id = watched.id;
    let formats = ["720p".to_owned()];
    storage.set_available_formats(id, &formats).await.unwrap();
    watched.is_whole_after("set_available_formats").await;

    enqueue(storage, id, want, at(0)).await;
    watched.is_whole_after("enqueue").await;
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Idle);
    watched.is_whole_after("cancel of an idle job").await;

    enqueue(storage, id, want, at(0)).await;
    let job = claimed(storage, at(0)).await;
    assert_eq!((job.video.id, job.video.job.attempts), (id, 1));
    watched.is_whole_after("claim").await;
    let held = storage.heartbeat(id, job.lease.id, at(1), MINUTE).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    watched.is_whole_after("heartbeat").await;
    let update = JobUpdate {
        stage: Some(Stage::Trim),
        span: matches!(job.video.origin, Origin::Clip(_)).then_some(Span { start: 1.5, end: 2.0 }),
        available_formats: Some(formats.to_vec()),
        note: Some("noted".to_owned()),
    };
    assert_eq!(storage.update_job(id, job.lease.id, update).await.unwrap(), LeaseHeld::Yes);
    watched.is_whole_after("update_job").await;
    assert_eq!(storage.retry(id, job.lease.id, why(), at(5)).await.unwrap(), LeaseHeld::Yes);
    watched.is_whole_after("retry").await;

    let job = claimed(storage, at(5)).await;
    watched.is_whole_after("a second claim").await;
    assert_eq!(storage.release(id, job.lease.id, at(6)).await.unwrap(), LeaseHeld::Yes);
    watched.is_whole_after("release").await;
    claimed(storage, at(6)).await;
    assert_eq!(storage.reclaim("worker", at(7)).await.unwrap(), 1);
    watched.is_whole_after("reclaim").await;
    let job = claimed(storage, at(7)).await;
    assert_eq!(storage.cancel(id).await.unwrap(), Cancelled::Requested);
    watched.is_whole_after("cancel of a running job").await;
    assert_eq!(storage.stopped(id, job.lease.id).await.unwrap(), LeaseHeld::Yes);
    watched.is_whole_after("stopped").await;

    enqueue(storage, id, want, at(10)).await;
    let job = claimed(storage, at(10)).await;
    assert_eq!(storage.fail(id, job.lease.id, why(), at(99)).await.unwrap(), LeaseHeld::Yes);
    watched.is_whole_after("fail").await;
    enqueue(storage, id, want, at(11)).await;
    let job = claimed(storage, at(11)).await;
    let held = storage.finish(id, job.lease.id, done("files/a", at(12))).await.unwrap();
    assert_eq!(held, LeaseHeld::Yes);
    watched.is_whole_after("finish").await;
    assert!(storage.set_expiry(id, at(500)).await.unwrap());
    watched.is_whole_after("set_expiry").await;

    assert!(!storage.delete_expired_video(id, at(499)).await.unwrap());
    watched.is_whole_after("a delete that came too early").await;
    let finished = read(storage, id).await;
    assert_eq!(finished.job.status, Status::Completed);
    assert_eq!(finished.file, Some(done("files/a", at(12)).file));
    assert_eq!(finished.want().as_ref(), Some(want));
    assert!(storage.delete_expired_video(id, at(500)).await.unwrap());
    assert_eq!(storage.video(id).await.unwrap(), None);
}

/// In whatever state the reference service left it.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_of_records_survive_every_change() {
    for (end, want) in [
        ("a09", rendition("webm")),
        ("a03", rendition("webm")),
        ("a04", rendition("mp4")),
        ("a05", rendition("mp4")),
        ("a06", encode()),
        ("a07", encode()),
    ] {
        let room = library::room().await;
        let storage = room.open().await;
        let watched = Watched::in_room(&room, end).await;
        lead_a_life(&storage, &watched, &want).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_of_accounts_and_sessions_survive() {
    let room = library::room().await;
    let before = |name: &'static str, end: &'static str| {
        let collection = room.collection(name);
        async move { collection.find_one(doc! { "_id": oid(end) }).await.unwrap().unwrap() }
    };
    let (user, session) = (before("users", "021").await, before("sessions", "022").await);
    let storage = room.open().await;
    let now = chrono::Utc::now();
    assert!(storage.session(&token("022"), now).await.unwrap().is_some());
    storage.purge_sessions(now).await.unwrap();
    assert_eq!(before("sessions", "022").await.to_vec().unwrap(), session.to_vec().unwrap());

    let later = now + TimeDelta::seconds(1);
    assert!(storage.set_password(id("021"), "$2b$new", later).await.unwrap());
    let mut changed = before("users", "021").await;
    assert_eq!(changed.get_str("password_hash").unwrap(), "$2b$new");
    // What is new is clipmill's own.
    assert_eq!(changed.remove("sessions_ended").and_then(|count| count.as_i32()), Some(1));
    assert!(matches!(changed.remove("sessions_ended_at"), Some(Bson::DateTime(_))));
    for name in ["password_hash", "updated_at"] {
        changed.insert(name, user.get(name).unwrap());
    }
    assert_eq!(changed.to_vec().unwrap(), user.to_vec().unwrap());
}
