//! What SQLite's and the pool's failures mean to a caller.

use sqlx::error::DatabaseError;

use crate::StorageError;

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> StorageError {
        match error {
            sqlx::Error::Database(error) => database(&*error),
            sqlx::Error::PoolTimedOut => {
                StorageError::Unavailable("all connections are busy".to_owned())
            }
            sqlx::Error::PoolClosed => StorageError::Unavailable("it was closed".to_owned()),
            sqlx::Error::WorkerCrashed => StorageError::Unavailable("a connection died".to_owned()),
            sqlx::Error::Io(error) => StorageError::Unavailable(error.to_string()),
            error @ (sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)) => StorageError::Corrupt(error.to_string()),
            other => StorageError::Refused(other.to_string()),
        }
    }
}

fn database(error: &dyn DatabaseError) -> StorageError {
    let words = error.message().to_owned();
    // The low byte of an extended result code is the primary one:
    // https://www.sqlite.org/rescode.html
    let code = error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(1) & 0xff;
    match code {
        BUSY | LOCKED | NOMEM | IOERR | FULL | CANTOPEN => StorageError::Unavailable(words),
        CORRUPT | NOTADB => StorageError::Corrupt(words),
        _ => StorageError::Refused(words),
    }
}

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;
