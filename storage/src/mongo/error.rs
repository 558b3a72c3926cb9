//! From the driver's errors to ours.

use mongodb::error::{Error as DriverError, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure};

use crate::StorageError;

/// The server's code for a key that is there already.
const DUPLICATE_KEY: i32 = 11000;

/// Codes that say "not now": the primary steps down or is being elected, the
/// server starts or stops, two writers met, or it took too long.
const PASSING: &[i32] =
    &[6, 7, 50, 64, 89, 91, 112, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];

/// Codes that say "not you": the account may not, or has the wrong password.
const NOT_ALLOWED: &[i32] = &[13, 18, 8000];

impl From<DriverError> for StorageError {
    fn from(error: DriverError) -> StorageError {
        let words = words(&error);
        match error.kind.as_ref() {
            ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Shutdown => StorageError::Unavailable(words),
            ErrorKind::Authentication { .. } => StorageError::Refused(words),
            ErrorKind::BsonDeserialization(_) | ErrorKind::InvalidResponse { .. } => {
                StorageError::Corrupt(words)
            }
            _ if error.contains_label(RETRYABLE_WRITE_ERROR) => StorageError::Unavailable(words),
            ErrorKind::Write(WriteFailure::WriteConcernError(_)) => {
                StorageError::Unavailable(words)
            }
            _ if code(&error).is_some_and(|code| PASSING.contains(&code)) => {
                StorageError::Unavailable(words)
            }
            _ => StorageError::Refused(words),
        }
    }
}

/// What the driver says, without the topology that it adds to it.
fn words(error: &DriverError) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => command.message.clone(),
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.message.clone(),
        ErrorKind::Io(cause) => cause.to_string(),
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        ErrorKind::ServerSelection { message, .. } => match message.split_once("Topology: ") {
            Some((_, topology)) => format!("no server can be reached: {}", causes(topology)),
            None => message.clone(),
        },
        kind => kind.to_string(),
    }
}

/// The causes that the driver noted for each server, or all of its words.
fn causes(topology: &str) -> String {
    let found: Vec<_> = topology
        .split("Error: Kind: ")
        .skip(1)
        .filter_map(|rest| rest.split(", labels:").next())
        .collect();
    if found.is_empty() { topology.to_owned() } else { found.join("; ") }
}

/// The server's code, if the error came from the server.
pub(super) fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        _ => None,
    }
}

/// Whether a unique index refused the write.
pub(super) fn is_duplicate(error: &DriverError) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// Whether the server refused the account.
pub(super) fn is_not_allowed(error: &DriverError) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Authentication { .. })
        || code(error).is_some_and(|code| NOT_ALLOWED.contains(&code))
}
