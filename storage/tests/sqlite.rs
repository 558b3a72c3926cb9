//! SQLite: the suite that every backend passes, and what only a file has.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use clipmill_core::{Id, Time};
use clipmill_storage::conformance::Room;
use clipmill_storage::{
    Clip, Health, NewUser, NewVideo, Origin, Queue, Registered, Session, Sessions, Sqlite, Storage,
    StorageError, Users, Video, Videos, Want,
};
use sqlx::Connection;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// A database of its own.
struct Folder {
    storage: Sqlite,
    folder: tempfile::TempDir,
}

#[async_trait]
impl Room for Folder {
    async fn another(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    async fn scribble(&self, video: Id) {
        let mut connection = connect(&self.folder.path().join("test.db")).await;
        // The second time the column is there already.
        sqlx::query("ALTER TABLE videos ADD COLUMN foreign_words TEXT")
            .execute(&mut connection)
            .await
            .ok();
        let scribbled = sqlx::query("UPDATE videos SET foreign_words = 'stay' WHERE id = ?1")
            .bind(video.bytes().to_vec())
            .execute(&mut connection)
            .await
            .unwrap();
        assert_eq!(scribbled.rows_affected(), 1);
        connection.close().await.unwrap();
    }

    async fn is_scribbled(&self, video: Id) -> bool {
        let mut connection = connect(&self.folder.path().join("test.db")).await;
        let words: Option<String> =
            sqlx::query_scalar("SELECT foreign_words FROM videos WHERE id = ?1")
                .bind(video.bytes().to_vec())
                .fetch_one(&mut connection)
                .await
                .unwrap();
        connection.close().await.unwrap();
        words.as_deref() == Some("stay")
    }
}

async fn make() -> (Arc<dyn Storage>, Folder) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Sqlite::open(&folder.path().join("test.db")).await.unwrap();
    (Arc::new(storage.clone()), Folder { storage, folder })
}

clipmill_storage::storage_conformance!(make);

fn now() -> Time {
    DateTime::from_timestamp(1_767_000_000, 0).unwrap()
}

fn new_user() -> NewUser {
    NewUser { email: "a@example.org".to_owned(), password_hash: "$2b$".to_owned(), now: now() }
}

async fn save_clip(storage: &Sqlite) -> Video {
    let origin = Origin::Clip(Clip {
        url: "https://example.org/a.mp4".to_owned(),
        youtube_video_id: None,
        span: None,
        moment: None,
        additional_message: None,
        clip_offset: None,
        format_preference: "mp4".to_owned(),
        resolution_preference: "720p".to_owned(),
        available_formats: None,
    });
    let (id, user_id) = (Id::generate(now()), Id::generate(now()));
    let new = NewVideo { id, user_id, origin, created_at: now(), expires_at: None };
    storage.insert_video(new).await.unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn what_was_saved_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let storage = Sqlite::open(&path).await.unwrap();
    let Registered::New(user) = storage.create_user(new_user()).await.unwrap() else {
        panic!("a new address is taken");
    };
    let clip = save_clip(&storage).await;
    let want = Want::Clip { format: "mp4".to_owned(), resolution: "720p".to_owned() };
    storage.enqueue(clip.id, &want, now()).await.unwrap();
    let lease = Duration::from_secs(60);
    let claimed = storage.claim("worker", now(), lease).await.unwrap().unwrap();
    storage.close().await;
    let after_close = storage.user_by_id(user.id).await.unwrap_err();
    assert!(after_close.is_transient(), "{after_close}");

    let storage = Sqlite::open(&path).await.unwrap();
    assert_eq!(storage.user_by_email("a@example.org").await.unwrap(), Some(user));
    assert_eq!(storage.video(clip.id).await.unwrap(), Some(claimed.video));
    assert_eq!(storage.claim("worker", now(), lease).await.unwrap(), None);
    let again = storage.claim("worker", now() + lease, lease).await.unwrap().unwrap();
    assert_eq!(again.video.id, clip.id);
}

#[tokio::test]
async fn a_copy_of_the_files_of_a_running_database_holds_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let storage = Sqlite::open(&path).await.unwrap();
    let clip = save_clip(&storage).await;
    // What a crash leaves behind: nothing was closed, nothing folded in.
    let copy = tempfile::tempdir().unwrap();
    for name in ["test.db", "test.db-wal"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let after_crash = Sqlite::open(&copy.path().join("test.db")).await.unwrap();
    assert_eq!(after_crash.video(clip.id).await.unwrap(), Some(clip));
}

#[tokio::test]
async fn folder_and_files_are_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let storage = Sqlite::open(&data.join("test.db")).await.unwrap();
    storage.create_user(new_user()).await.unwrap();
    assert_eq!(mode(&data), 0o700);
    let names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(names.len() >= 2, "database and journal: {names:?}");
    for name in names {
        assert_eq!(mode(&name), 0o600, "{}", name.display());
    }
}

#[tokio::test]
async fn no_token_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Sqlite::open(&folder.path().join("test.db")).await.unwrap();
    let Registered::New(user) = storage.create_user(new_user()).await.unwrap() else {
        panic!("a new address is taken");
    };
    let token = "secret.of.a.session".to_owned();
    let id = Id::generate(now());
    let expires_at = now() + Duration::from_secs(60);
    let session = Session { id, user_id: user.id, token, created_at: now(), expires_at };
    storage.open_session(session.clone()).await.unwrap();
    assert!(storage.session(&session.token, now()).await.unwrap().is_some());
    storage.close().await;
    let bytes = fs::read(folder.path().join("test.db")).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&user.email), "the data is elsewhere");
    assert!(!holds(&session.token));
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// What the folder of migrations says.
async fn migrations() -> Migrator {
    Migrator::new(Path::new("./migrations")).await.unwrap()
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let mut connection = connect(&path).await;
    migrations().await.run_to(1, &mut connection).await.unwrap();
    sqlx::query("INSERT INTO users VALUES (zeroblob(12), 'a@example.org', '$2b$', 7000, 7000)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();

    let storage = Sqlite::open(&path).await.unwrap();
    let user = storage.user_by_email("a@example.org").await.unwrap().unwrap();
    assert_eq!((user.id, user.created_at.timestamp()), (Id::from([0; 12]), 7));
    save_clip(&storage).await;
}

#[tokio::test]
async fn the_statements_of_the_documentation_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let storage = Sqlite::open(&path).await.unwrap();
    save_clip(&storage).await;
    let mut connection = connect(&path).await;
    let page = include_str!("../../docs/troubleshooting.md");
    let statements = page.split("clipmill.db \"").skip(1);
    let statements: Vec<_> = statements.map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(statements.len() >= 4, "{statements:?}");
    for statement in statements {
        let ran = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await;
        assert!(ran.is_ok(), "{statement}: {ran:?}");
    }
}

#[tokio::test]
async fn every_file_of_the_folder_is_a_migration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Sqlite::open(&path).await.unwrap().close().await;
    let mut connection = connect(&path).await;
    let applied = sqlx::query_as::<_, (i64, String, Vec<u8>)>(
        "SELECT version, description, checksum FROM _sqlx_migrations ORDER BY version",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let migrations = migrations().await;
    let files = migrations.iter().map(|migration| {
        let migration = migration.clone();
        (migration.version, migration.description.into_owned(), migration.checksum.into_owned())
    });
    assert_eq!(applied, files.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Sqlite::open(&path).await.unwrap().close().await;
    let mut connection = connect(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'to come', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let error = Sqlite::open(&path).await.err().unwrap();
    assert!(matches!(error, StorageError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let text = "This is a letter, not a database. ".repeat(200);
    fs::write(&path, &text).unwrap();
    let error = Sqlite::open(&path).await.err().unwrap();
    assert!(matches!(error, StorageError::Corrupt(_)), "{error:?}");
    assert!(error.to_string().contains("test.db"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let storage = Sqlite::open(&path).await.unwrap();
    let clip = save_clip(&storage).await;
    storage.close().await;
    let mut connection = connect(&path).await;
    let changed = sqlx::query("UPDATE videos SET created_at = 9223372036854775807")
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    connection.close().await.unwrap();
    let storage = Sqlite::open(&path).await.unwrap();
    let error = storage.video(clip.id).await.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn a_writer_that_another_process_holds_up_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let storage = Sqlite::open(&path).await.unwrap();
    let mut other = connect(&path).await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let (write, problems) = tokio::join!(storage.create_user(new_user()), storage.problems());
    let error = write.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(problems.iter().any(|words| words.contains("writing")), "{problems:?}");
    // Readers never wait for a writer.
    assert_eq!(storage.user_by_email("a@example.org").await.unwrap(), None);
    lock.rollback().await.unwrap();
    assert!(matches!(storage.create_user(new_user()).await.unwrap(), Registered::New(_)));
}

#[tokio::test]
async fn health_tells_that_the_file_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let storage = Sqlite::open(&path).await.unwrap();
    assert_eq!(storage.problems().await, [""; 0]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "a probe was left behind");
    fs::remove_file(&path).unwrap();
    let problems = storage.problems().await;
    assert!(problems.iter().any(|words| words.contains("disk")), "{problems:?}");
}

#[tokio::test]
async fn a_write_is_finished_when_its_caller_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Sqlite::open(&folder.path().join("test.db")).await.unwrap();
    let clip = save_clip(&storage).await;
    // In the cache now; the write below must be seen all the same.
    assert!(storage.video(clip.id).await.unwrap().is_some());
    // One look at the call begins it; then nobody waits for it any more.
    let mut call = Box::pin(storage.delete_video(clip.id));
    let begun = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await;
    assert!(begun, "the call was faster than its caller");
    drop(call);
    let gone = async {
        while storage.video(clip.id).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), gone).await.expect("the record is still there");
}

/// A claim must stay as fast with a million records as with ten.
#[tokio::test]
async fn the_queue_and_the_lists_are_read_by_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    Sqlite::open(&path).await.unwrap().close().await;
    let mut connection = connect(&path).await;
    let plans = [
        "EXPLAIN QUERY PLAN SELECT id FROM videos WHERE due_at <= 1 ORDER BY due_at, id LIMIT 1",
        "EXPLAIN QUERY PLAN SELECT min(due_at) FROM videos WHERE due_at IS NOT NULL",
        "EXPLAIN QUERY PLAN SELECT * FROM videos WHERE expires_at <= 1 AND due_at IS NULL
         ORDER BY expires_at, id LIMIT 1",
        "EXPLAIN QUERY PLAN SELECT * FROM videos
         WHERE user_id = x'00' AND (1 IS NULL OR (created_at, id) < (1, x'00'))
         ORDER BY created_at DESC, id DESC LIMIT 1",
    ];
    for plan in plans {
        let steps: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(plan).fetch_all(&mut connection).await.unwrap();
        let steps: Vec<_> = steps.into_iter().map(|step| step.3).collect();
        assert!(steps.iter().all(|step| step.contains("INDEX")), "{plan}: {steps:?}");
    }
}
