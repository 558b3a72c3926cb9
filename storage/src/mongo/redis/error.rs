//! Why Redis can't be used, as a predicate that follows its name in messages
//! (`Redis at HOST does not answer within 500 ms`).

use std::fmt;
use std::time::Duration;

use ::redis::{ErrorKind, RedisError as DriverError};

use crate::StorageError;

/// Codes with which Redis says that it is busy with itself and will be back.
const PASSING: &[&str] =
    &["LOADING", "BUSY", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "TRYAGAIN"];
/// Codes with which it says that it does not know the account.
const NOT_KNOWN: &[&str] = &["NOAUTH", "WRONGPASS"];
/// Codes of a Redis that shares its keys with others.
const CLUSTER: &[&str] = &["MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN"];
/// Codes that concern one key only, or one command: Redis itself is well.
const OF_ONE_KEY: &[&str] = &["WRONGTYPE", "ERR"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RedisError {
    words: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing answers.
    Unavailable,
    /// It answers, and works again by itself.
    Busy,
    /// It answers, and will not work as it is.
    Wrong,
}

impl RedisError {
    /// No answer in time.
    pub(super) fn silent(waited: Duration) -> RedisError {
        RedisError {
            words: format!("does not answer within {} ms", waited.as_millis()),
            kind: Kind::Unavailable,
        }
    }

    /// The connection ended.
    pub(super) fn closed() -> RedisError {
        RedisError { words: "closed the connection".to_owned(), kind: Kind::Unavailable }
    }

    /// Whether it will be over by itself, though Redis answers.
    pub(super) fn is_passing(&self) -> bool {
        self.kind == Kind::Busy
    }

    /// The reason not to start.
    pub(super) fn at_start(&self, address: &impl fmt::Display) -> StorageError {
        let words = format!("Redis at {address} {self}");
        match self.kind {
            Kind::Unavailable | Kind::Busy => StorageError::Unavailable(words),
            Kind::Wrong => StorageError::Refused(words),
        }
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.words)
    }
}

impl From<DriverError> for RedisError {
    fn from(error: DriverError) -> RedisError {
        let (code, text) = answer(&error);
        let is_one_of = |codes: &[&str]| codes.contains(&code.as_str());
        let (words, kind) = match error.kind() {
            ErrorKind::Io | ErrorKind::InvalidClientConfig => {
                (format!("can't be reached: {error}"), Kind::Unavailable)
            }
            ErrorKind::Client => (format!("can't be reached: {error}"), Kind::Wrong),
            ErrorKind::Parse => {
                (format!("does not speak the protocol of Redis: {error}"), Kind::Wrong)
            }
            ErrorKind::AuthenticationFailed => ("refused the credentials".to_owned(), Kind::Wrong),
            // The driver leaves out the code when it selects a database.
            _ if is_one_of(NOT_KNOWN) || text.starts_with("Authentication required") => {
                (format!("refused the credentials: {code} {text}"), Kind::Wrong)
            }
            _ if is_one_of(CLUSTER) => {
                (format!("is part of a Redis Cluster, not one server: {code} {text}"), Kind::Wrong)
            }
            _ if code == "READONLY" => {
                (format!("is a replica that can't be written to: {code} {text}"), Kind::Wrong)
            }
            _ if code == "NOPERM" => {
                (format!("forbids what clipmill needs: {code} {text}"), Kind::Wrong)
            }
            _ => {
                let kind = if is_one_of(PASSING) { Kind::Busy } else { Kind::Wrong };
                (format!("answers: {code} {text}"), kind)
            }
        };
        RedisError { words, kind }
    }
}

/// Whether an error says nothing about Redis as a whole.
pub(super) fn is_of_one_key(error: &DriverError) -> bool {
    error.kind() == ErrorKind::UnexpectedReturnType
        || OF_ONE_KEY.contains(&answer(error).0.as_str())
}

/// Code and text of the server's answer, that of the first command that failed.
fn answer(error: &DriverError) -> (String, String) {
    let errors = error.clone().into_server_errors();
    if let Some((_, first)) = errors.as_deref().and_then(<[_]>::first) {
        let text = first.details().unwrap_or_default();
        return (first.code().to_owned(), text.to_owned());
    }
    match error.code() {
        Some(code) => (code.to_owned(), error.detail().unwrap_or_default().to_owned()),
        None => (String::new(), error.to_string()),
    }
}
