//! A document that makes no sense is told of, and hides no other.

use chrono::TimeDelta;
use clipmill_core::Id;
use clipmill_storage::{
    LeaseHeld, Leases, Page, Queue, Sessions, StorageError, Transfer, Users, Videos,
};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

use crate::library::{self, id, oid, token};
use crate::log;
use crate::records::{at, claim, claimed, done, queued, rendition};
use crate::rooms::Room;

fn object(id: Id) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

fn millis(time: clipmill_core::Time) -> DateTime {
    DateTime::from_millis(time.timestamp_millis())
}

async fn set(room: &Room, id: Id, fields: Document) {
    let videos = room.collection("videos");
    let changed = videos.update_one(doc! { "_id": object(id) }, doc! { "$set": fields }).await;
    assert_eq!(changed.unwrap().matched_count, 1);
}

async fn document(room: &Room, id: Id) -> Document {
    let videos = room.collection("videos");
    videos.find_one(doc! { "_id": object(id) }).await.unwrap().unwrap()
}

#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(result: Result<T, StorageError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt(_)), "{error:?}");
}

/// One field of the wrong type each, or with a value that means nothing.
fn wrong_fields() -> Vec<Document> {
    let decimal: Bson = "1.5".parse::<mongodb::bson::Decimal128>().unwrap().into();
    vec![
        doc! { "url": 5 },
        doc! { "url": Bson::Null },
        doc! { "source_type": "vimeo" },
        doc! { "source_type": ["youtube"] },
        doc! { "status": "lost" },
        doc! { "status": 1 },
        doc! { "created_at": "2026-01-18T10:00:00Z" },
        doc! { "created_at": DateTime::MAX },
        doc! { "start_time": decimal },
        doc! { "end_time": f64::NAN },
        doc! { "available_formats": ["720p", 720] },
        doc! { "file_path": true },
        doc! { "file_path": "a", "file_size_bytes": { "bytes": 1 } },
        doc! { "error_message": ["no"] },
        doc! { "job": "none" },
        doc! { "job.stage": "polish" },
        doc! { "job.lease": { "id": 7, "until": DateTime::MAX } },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_record_is_told_and_hides_no_other() {
    let room = library::room().await;
    let storage = room.open().await;
    let videos = room.collection("videos");
    // Between the good ones, in every list: pages of two are often all broken.
    let mut broken = Vec::new();
    for (number, fields) in wrong_fields().into_iter().enumerate() {
        let mut copy = library::video("a01");
        let id = ObjectId::new();
        copy.insert("_id", id);
        let minute = i64::try_from(number % 10).unwrap();
        let made = DateTime::parse_rfc3339_str("2026-01-18T10:00:30Z").unwrap();
        copy.insert("created_at", DateTime::from_millis(made.timestamp_millis() + minute * 60_000));
        copy.insert("expires_at", millis(at(0)));
        videos.insert_one(&copy).await.unwrap();
        set(&room, Id::from(id.bytes()), fields).await;
        broken.push(Id::from(id.bytes()));
    }
    let good: Vec<_> = (1..=9).rev().map(|number| id(&format!("a0{number}"))).collect();

    for &id in &broken {
        assert_corrupt(storage.video(id).await);
        assert_corrupt(storage.enqueue(id, &rendition("mp4"), at(0)).await);
    }
    for limit in [None, Some(1), Some(2), Some(5), Some(9), Some(100)] {
        let (mut before, mut listed) = (None, Vec::new());
        loop {
            let page = storage.videos_of(id("011"), Page { before, limit }).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.cursor());
            // A short page means that there are no more.
            let is_full = limit.is_some_and(|limit| page.len() == limit as usize);
            listed.extend(page.into_iter().map(|video| video.id));
            if !is_full {
                break;
            }
        }
        assert_eq!(listed, good, "{limit:?}");
    }
    let line = format!("db.id=\"ObjectId(\\\"{}\\\")\"", broken[0]);
    let lines = log::warnings(&line);
    assert!(lines.iter().any(|line| line.contains("url")), "{lines:?}");

    // Nor do they stop a sweep or a move.
    let expired = storage.expired_videos(at(0), 2).await.unwrap();
    assert_eq!(expired.iter().map(|it| it.id).collect::<Vec<_>>(), [id("a03"), id("a07")]);
    set(&room, id("a08"), doc! { "expires_at": millis(at(0)) }).await;
    let expired = storage.expired_videos(at(0), 3).await.unwrap();
    assert_eq!(expired.last().map(|video| video.id), Some(id("a08")));
    let mut moved = Vec::new();
    while let Some(last) = {
        let page = storage.videos_after(moved.last().copied(), 2).await.unwrap();
        moved.extend(page.iter().map(|video| video.id));
        page.last().map(|video| video.id)
    } {
        assert_eq!(moved.last(), Some(&last));
    }
    moved.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(moved, good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_account_or_session_hides_no_other() {
    let room = library::room().await;
    let storage = room.open().await;
    let now = chrono::Utc::now();
    let (users, sessions) = (room.collection("users"), room.collection("sessions"));
    users.insert_one(doc! { "_id": oid("000"), "email": "x@example.com" }).await.unwrap();
    users
        .insert_one(doc! { "_id": oid("015"), "email": 7, "password_hash": "$2b$" })
        .await
        .unwrap();
    let over = DateTime::from_millis(now.timestamp_millis() + 60_000);
    for (end, change) in [
        ("001", doc! { "user_id": oid("011"), "token": 7 }),
        ("002", doc! { "user_id": "nobody", "token": "of.nobody" }),
        ("003", doc! { "user_id": oid("000"), "token": "of.a.broken.account" }),
        ("014", doc! { "user_id": oid("011") }),
    ] {
        let mut session = doc! { "_id": oid(end), "expires_at": over };
        session.extend(change);
        sessions.insert_one(session).await.unwrap();
    }

    assert_corrupt(storage.user_by_email("x@example.com").await);
    assert_corrupt(storage.user_by_id(id("015")).await);
    assert!(storage.user_by_email("user@example.com").await.unwrap().is_some());
    let first = storage.list_users(None, 2).await.unwrap();
    assert_eq!(first.iter().map(|it| it.id).collect::<Vec<_>>(), [id("011"), id("021")]);
    let rest = storage.list_users(Some(id("021")), 2).await.unwrap();
    assert_eq!(rest.iter().map(|it| it.id).collect::<Vec<_>>(), [id("031")]);

    assert_corrupt(storage.session("of.nobody", now).await);
    let mut moved = Vec::new();
    loop {
        let page = storage.sessions_after(moved.last().copied(), now, 1).await.unwrap();
        if page.is_empty() {
            break;
        }
        moved.extend(page.iter().map(|session| session.id));
    }
    // The account of 003 can be asked for its sessions, though not read.
    assert_eq!(moved, [id("003"), id("012"), id("022")]);

    // A password change ends the good ones among the broken.
    assert!(storage.session(&token("012"), now).await.unwrap().is_some());
    assert!(storage.set_password(id("011"), "$2b$new", now).await.unwrap());
    assert_eq!(storage.session(&token("012"), now).await.unwrap(), None);
    assert_eq!(sessions.count_documents(doc! { "user_id": oid("011") }).await.unwrap(), 0);
    storage.purge_sessions(now + TimeDelta::hours(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_cannot_be_read_do_not_hold_up_the_queue() {
    let room = Room::new().await;
    let storage = room.open().await;
    let mut broken = Vec::new();
    for number in 0..45 {
        let id = queued(&storage, at(number)).await;
        set(&room, id, doc! { "job.stage": "polish", "job.attempts": 2 }).await;
        broken.push(id);
    }
    let good = queued(&storage, at(100)).await;

    // One claim looks at some of them only; it never fails, nor does it come back for more.
    let mut looks = 0;
    let job = loop {
        looks += 1;
        assert!(looks < 10, "the good one is never claimed");
        if let Some(job) = claim(&storage, at(100)).await {
            break job;
        }
    };
    assert_eq!(job.video.id, good);
    assert_eq!(claim(&storage, at(100)).await, None);
    assert!(!log::warnings(&broken[0].to_string()).is_empty());
    let lease = job.lease.id;
    assert_eq!(storage.finish(good, lease, done("a", at(101))).await.unwrap(), LeaseHeld::Yes);

    // They are not lost: nothing but their time has changed, and mended they are claimed.
    assert_eq!(storage.next_due().await.unwrap(), Some(at(700)));
    assert_eq!(storage.active_jobs().await.unwrap().len(), broken.len());
    let set_aside = document(&room, broken[7]).await;
    let job = set_aside.get_document("job").unwrap();
    assert_eq!(job.get("attempts").and_then(Bson::as_i64), Some(2), "{job}");
    assert_eq!(job.get("stage"), Some(&Bson::from("polish")));
    assert!(!job.contains_key("lease"));
    set(&room, broken[7], doc! { "job.stage": "trim" }).await;
    let mended = loop {
        if let Some(job) = claim(&storage, at(700)).await {
            break job;
        }
    };
    assert_eq!((mended.video.id, mended.video.job.attempts), (broken[7], 3));
}

/// Values that no version of clipmill writes, where the queue itself looks.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_the_queue_does_not_stop_it() {
    let room = Room::new().await;
    let storage = room.open().await;
    for due in [Bson::from("soon"), Bson::Null, 7.into(), DateTime::MAX.into()] {
        let id = queued(&storage, at(0)).await;
        set(&room, id, doc! { "job.due_at": due }).await;
    }
    assert_eq!(storage.next_due().await.unwrap(), None);
    assert_eq!(claim(&storage, at(5)).await, None);
    let first = queued(&storage, at(1)).await;
    set(&room, first, doc! { "job.attempts": "many" }).await;
    let second = queued(&storage, at(2)).await;
    assert_eq!(storage.next_due().await.unwrap(), Some(at(1)));
    let job = claimed(&storage, at(5)).await;
    assert_eq!((job.video.id, job.video.job.attempts), (first, 1));
    assert_eq!(storage.release(first, job.lease.id, at(3)).await.unwrap(), LeaseHeld::Yes);
    assert_eq!(storage.next_due().await.unwrap(), Some(at(2)));
    assert_eq!(claimed(&storage, at(5)).await.video.id, second);
    assert_eq!(claimed(&storage, at(5)).await.video.id, first);
    assert_eq!(claim(&storage, at(5)).await, None);
    // A leased one whose lease was broken by hand is in nobody's way, and comes back.
    set(&room, first, doc! { "job.lease": 7 }).await;
    assert_eq!(claim(&storage, at(64)).await, None);
    assert_eq!(claimed(&storage, at(65)).await.video.id, first);
    assert_eq!(claimed(&storage, at(65)).await.video.id, second);
}
