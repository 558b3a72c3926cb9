//! The indexes of the reference service, made here or found.

use std::time::{Duration, Instant};

use clipmill_storage::{Mongo, StorageError, Users};
use mongodb::IndexModel;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::IndexOptions;

use crate::library;
use crate::log;
use crate::rooms::Room;

/// Those that reference-api.md names, as its driver names them: collection, key,
/// whether unique, and seconds after which documents go.
const INDEXES: &[(&str, &str, bool, Option<u64>)] = &[
    ("users", "email", true, None),
    ("sessions", "token", true, None),
    ("sessions", "user_id", false, None),
    ("sessions", "expires_at", false, Some(0)),
    ("videos", "user_id", false, None),
    ("videos", "status", false, None),
    ("videos", "expires_at", false, None),
];

fn index(key: &str, unique: bool, seconds: Option<u64>) -> IndexModel {
    let mut options = IndexOptions::builder().name(format!("{key}_1")).build();
    options.unique = unique.then_some(true);
    options.expire_after = seconds.map(Duration::from_secs);
    IndexModel::builder().keys(doc! { key: 1 }).options(options).build()
}

async fn indexes(room: &Room, collection: &str) -> Vec<IndexModel> {
    use futures_util::TryStreamExt;
    let found = room.collection(collection).list_indexes().await.unwrap();
    found.try_collect().await.unwrap()
}

fn name(index: &IndexModel) -> Option<&str> {
    index.options.as_ref()?.name.as_deref()
}

async fn assert_all_there(room: &Room) {
    for &(collection, key, unique, seconds) in INDEXES {
        let all = indexes(room, collection).await;
        let expected = format!("{key}_1");
        let found = all.iter().find(|index| name(index) == Some(&expected));
        let found = found.unwrap_or_else(|| panic!("no {collection}.{key}_1: {all:?}"));
        assert_eq!(found.keys.keys().collect::<Vec<_>>(), [key]);
        let options = found.options.clone().unwrap();
        assert_eq!(options.unique == Some(true), unique, "{collection}.{key}");
        assert_eq!(
            options.expire_after.map(|after| after.as_secs()),
            seconds,
            "{collection}.{key}"
        );
    }
}

async fn refusal(room: &Room) -> String {
    match Mongo::open(&room.settings).await {
        Ok(_) => panic!("it opens"),
        Err(error @ StorageError::Refused(_)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_made_once() {
    let room = Room::new().await;
    room.open().await;
    assert_all_there(&room).await;
    let counts = |room| async move {
        let mut counts = Vec::new();
        for collection in ["users", "sessions", "videos"] {
            counts.push(indexes(room, collection).await.len());
        }
        counts
    };
    let first = counts(&room).await;
    // Also by several daemons that start together.
    let (a, b, c) = tokio::join!(room.open(), room.open(), room.open());
    assert_eq!(counts(&room).await, first);
    drop((a, b, c));
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_of_the_reference_service_are_taken() {
    let room = library::room().await;
    for &(collection, key, unique, seconds) in INDEXES {
        let made = room.collection(collection).create_index(index(key, unique, seconds)).await;
        assert_eq!(made.unwrap().index_name, format!("{key}_1"));
    }
    let storage = room.open().await;
    assert_all_there(&room).await;
    for collection in ["users", "sessions", "videos"] {
        let all = indexes(&room, collection).await;
        let twice = INDEXES.iter().filter(|(of, ..)| *of == collection).any(|(_, key, ..)| {
            all.iter().filter(|index| index.keys == doc! { *key: 1 }).count() != 1
        });
        assert!(!twice, "{collection}: {all:?}");
    }
    assert!(storage.user_by_email("user@example.com").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_not_unique_is_refused() {
    for (collection, key) in [("users", "email"), ("sessions", "token")] {
        let room = library::room().await;
        room.collection(collection).create_index(index(key, false, None)).await.unwrap();
        let words = refusal(&room).await;
        assert!(
            words.contains(&format!("the index on {collection}.{key} is not unique")),
            "{words}"
        );
        assert!(words.contains("drop it"), "{words}");
        room.collection(collection).drop_index(format!("{key}_1")).await.unwrap();
        room.open().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_addresses_are_refused() {
    let room = library::room().await;
    let users = room.collection("users");
    let again = doc! { "email": "user@example.com", "password_hash": "$2b$" };
    users.insert_one(&again).await.unwrap();
    let words = refusal(&room).await;
    assert!(words.contains("equal values of users.email, which must be unique"), "{words}");
    assert!(words.contains("remove all but one of each"), "{words}");
    users.delete_one(again).await.unwrap();
    room.open().await;
    assert_all_there(&room).await;
}

/// A unique index of another name does as well, and one with another lifetime is
/// the operator's choice.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_with_other_options_is_taken_with_a_warning() {
    let room = library::room().await;
    let (users, sessions) = (room.collection("users"), room.collection("sessions"));
    let mut own = index("email", true, None);
    own.options.as_mut().unwrap().name = Some("one_account_an_address".to_owned());
    users.create_index(own).await.unwrap();
    sessions.create_index(index("expires_at", false, Some(3600))).await.unwrap();
    room.open().await;
    let all = indexes(&room, "users").await;
    assert_eq!(all.iter().filter(|index| index.keys == doc! { "email": 1 }).count(), 1, "{all:?}");
    let all = indexes(&room, "sessions").await;
    let kept = all.iter().find(|index| name(index) == Some("expires_at_1")).unwrap();
    let seconds = kept.options.as_ref().unwrap().expire_after.unwrap().as_secs();
    assert_eq!(seconds, 3600);
    assert!(!log::warnings("users.email").is_empty());
    assert!(!log::warnings("sessions.expires_at").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_removes_sessions_that_are_over() {
    let room = Room::new().await;
    room.open().await;
    let sessions = room.collection("sessions");
    let now = DateTime::now().timestamp_millis();
    let session = |token: &str, expires_at| -> Document {
        doc! { "token": token, "expires_at": DateTime::from_millis(expires_at) }
    };
    sessions.insert_one(session("over", now - 1_000)).await.unwrap();
    sessions.insert_one(session("valid", now + 3_600_000)).await.unwrap();
    let began = Instant::now();
    // DocumentDB looks every few seconds here, MongoDB once a minute.
    while sessions.count_documents(doc! { "token": "over" }).await.unwrap() > 0 {
        assert!(began.elapsed() < Duration::from_secs(70), "it is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sessions.count_documents(doc! { "token": "valid" }).await.unwrap(), 1);
}
