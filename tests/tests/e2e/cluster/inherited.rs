//! The database of an existing deployment: nodes are pointed at it, and its users go on.

use std::fs;

use clipmill_storage::Status;
use clipmill_tests::api::Account;
use clipmill_tests::cluster::Shared;
use clipmill_tests::tool;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::{Client, Collection, Database};
use serde_json::json;

use super::record;
use crate::support::{assert_exact, served};

/// An id of the fixtures, by its end.
fn id(end: &str) -> String {
    format!("507f1f77bcf86cd799439{end}")
}

fn this(end: &str) -> Document {
    doc! { "_id": id(end).parse::<ObjectId>().unwrap() }
}

/// The documents of one collection.
fn documents(collection: &str) -> Vec<Document> {
    let path = tool::workspace().join(format!("tests/fixtures/reference/{collection}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

async fn filled(shared: &Shared) -> Database {
    let client = Client::with_uri_str(shared.variable("MONGODB_URI")).await.unwrap();
    let database = client.database(shared.database());
    for collection in ["users", "sessions", "videos"] {
        database.collection(collection).insert_many(documents(collection)).await.unwrap();
    }
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_reference_service_go_on() {
    let (server, clip) = served();
    let shared = Shared::with_folder("");
    let database = filled(&shared).await;
    let videos: Collection<Document> = database.collection("videos");
    // The addresses of the fixtures lead nowhere, and so do their files.
    for (end, start) in [("a01", 61.1), ("a09", 10.1)] {
        let change =
            doc! { "url": server.url("/main.mp4"), "start_time": start, "end_time": start + 0.8 };
        videos.update_one(this(end), doc! { "$set": change }).await.unwrap();
    }
    let unknown = videos.find_one(this("a09")).await.unwrap().unwrap();
    fs::create_dir_all(shared.files_folder()).unwrap();
    let name = format!("{}.mp4", id("a03"));
    let file = shared.files_folder().join(&name);
    fs::write(&file, "what was made long ago").unwrap();
    let in_an_hour = DateTime::from_millis(DateTime::now().timestamp_millis() + 3_600_000);
    let change =
        doc! { "file_path": file.to_str(), "file_size_bytes": 22, "expires_at": in_an_hour };
    videos.update_one(this("a03"), doc! { "$set": change }).await.unwrap();

    let secret = [("JWT_PRIVATE_SECRET", "the-private-secret-of-the-reference-service")];
    let (a, b) = (shared.daemon_with(&secret), shared.daemon_with(&secret));
    let records = shared.records().await;
    let on_a = Account::login(&a, "user@example.com", "SecurePass123!").await;
    assert_eq!(on_a.user_id, id("011"));
    Account::login(&b, "second@example.com", "OtherPass456!").await;
    // Whoever was logged in still is.
    let session = documents("sessions").remove(0);
    let before = on_a.at(&b).with_token(session.get_str("token").unwrap());
    assert_eq!(before.get("/api/auth/me").await.body["user"]["email"], "user@example.com");

    let listed = on_a.get("/api/video/list").await.body["videos"].clone();
    let mut ids: Vec<_> =
        listed.as_array().unwrap().iter().map(|video| &video["video_id"]).collect();
    ids.reverse();
    // What has expired is swept, as the reference service does.
    let there: Vec<String> = documents("videos")
        .iter()
        .map(|document| document.get_object_id("_id").unwrap().to_hex())
        .filter(|there| *there != id("a07"))
        .collect();
    assert_eq!(json!(ids), json!(there), "{listed}");

    let on_b = on_a.at(&b);
    let out = tempfile::NamedTempFile::new().unwrap();
    for (end, start) in [("a01", 61.1), ("a09", 10.1)] {
        on_b.download_to(&id(end), &json!({}), out.path()).await;
        assert_exact(out.path(), &clip, start, start + 0.8);
        assert_eq!(record(&records, &id(end)).await.job.status, Status::Completed);
    }
    for account in [&on_a, &on_b, &before] {
        let again = account.download(&id("a03"), &json!({})).await;
        assert_eq!(again.status(), 200);
        assert_eq!(again.bytes().await.unwrap(), "what was made long ago");
    }
    // All that nobody here knows of is as it was.
    let now = videos.find_one(this("a09")).await.unwrap().unwrap();
    let ours = ["status", "file_path", "file_size_bytes", "expires_at", "error_message"];
    for (field, then) in unknown.iter().filter(|(field, _)| !ours.contains(&field.as_str())) {
        let now = now.get(field);
        let is_kept = match (now, then) {
            // We add to it.
            (Some(Bson::Document(now)), Bson::Document(then)) => {
                then.iter().all(|(field, then)| same(now.get(field), then))
            }
            _ => same(now, then),
        };
        assert!(is_kept, "{field} was {then} and is {now:?}");
    }
    assert_eq!(on_a.post("/api/auth/logout", &json!({})).await.status, 200);
    assert_eq!(on_b.get("/api/auth/me").await.status, 401);
    assert_eq!(before.get("/api/auth/me").await.status, 200);
}

/// Whether a value is as it was, bit for bit: no number is unequal to itself.
fn same(now: Option<&Bson>, then: &Bson) -> bool {
    let bytes = |value: &Bson| doc! { "": value }.to_vec().unwrap();
    now.is_some_and(|now| bytes(now) == bytes(then))
}
