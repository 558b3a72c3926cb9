//! Opening and closing the file: permissions, connections, schema.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlSafeStr as _};

use super::fresh::Fresh;
use super::{CACHE_TTL, Inner, Sqlite};
use crate::ephemeral_memory::EphemeralMemory;
use crate::{Result, StorageError};

/// Version, name and statements of each migration: the files of `storage/migrations`. What has been
/// released never changes: databases hold a checksum of it.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "users", include_str!("../../migrations/0001_users.sql")),
    (2, "videos", include_str!("../../migrations/0002_videos.sql")),
    (3, "cluster", include_str!("../../migrations/0003_cluster.sql")),
];

/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(4);
/// Reads are short and mostly answered by the caches.
const READERS: u32 = 3;
/// Records that the cache holds; one takes about 1 KB.
const CACHED_VIDEOS: u64 = 1_000;

impl Sqlite {
    /// Opens the database at `path`, makes it (for this user only) when there
    /// is none, and brings its schema up to date.
    ///
    /// # Errors
    /// `Refused` when the file can't be made or was written by a newer
    /// version, `Corrupt` when it is no database or a damaged one,
    /// `Unavailable` when another process holds it for too long.
    pub async fn open(path: &Path) -> Result<Sqlite> {
        create(path).map_err(|error| {
            StorageError::Refused(format!("can't create the database {}: {error}", path.display()))
        })?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(
                options(path)
                    .journal_mode(SqliteJournalMode::Wal)
                    // With NORMAL the last commits may be gone after a power loss. A viewer
                    // who read "clip saved" has no second chance, so each commit is synced.
                    .synchronous(SqliteSynchronous::Full)
                    .pragma("journal_size_limit", "16777216")
                    .pragma("cache_size", "-2048"),
            )
            .await
            .map_err(|error| with_path(path, error.into()))?;
        if let Err(error) = migrator().run(&writer).await {
            writer.close().await;
            return Err(with_path(path, migration(error)));
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options(path).read_only(true).pragma("cache_size", "-1024"))
            .await
            .map_err(|error| with_path(path, error.into()))?;
        tracing::debug!(db.path = %path.display(), "opened the database");
        Ok(Sqlite {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                writer,
                readers,
                sessions: super::sessions::cache(),
                videos: Fresh::new(CACHED_VIDEOS, CACHE_TTL),
                ephemeral: EphemeralMemory::new(),
            }),
        })
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        // Statements carry addresses and hashes; they have no place in a log.
        .disable_statement_logging()
}

/// Makes folder and file for this user only. SQLite gives its journal files
/// the permissions of the database. What exists keeps the permissions that its
/// owner gave it.
fn create(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.create(parent)?;
    }
    let mut file = fs::OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    match file.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, statements)| {
        let statements = statements.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, statements, false)
    });
    Migrator::with_migrations(migrations.into())
}

fn migration(error: MigrateError) -> StorageError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        MigrateError::VersionMissing(_) => {
            StorageError::Refused("it was written by a newer version of clipmill".to_owned())
        }
        other => StorageError::Refused(other.to_string()),
    }
}

/// Names the file, so that a person knows which one to look at.
fn with_path(path: &Path, error: StorageError) -> StorageError {
    let named = |words: String| format!("{}: {words}", path.display());
    match error {
        StorageError::Unavailable(words) => StorageError::Unavailable(named(words)),
        StorageError::Corrupt(words) => StorageError::Corrupt(named(words)),
        StorageError::Refused(words) => StorageError::Refused(named(words)),
    }
}
