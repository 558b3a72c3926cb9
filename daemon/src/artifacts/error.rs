//! Why a store failed, and whether it can help to try again.
//!
//! [`ArtifactError`] is this room's own type and not [`clipmill_core::Error`]
//! because its message names folders, buckets and addresses, which clients must
//! not see. What leaves the room towards a client is the core's error, with a
//! neutral message and this one as its cause.
//!
//! `object_store` gives the status and the code of an answer only as text, so
//! this file is the one place that reads an error's text.

use std::fmt;
use std::io;

use clipmill_core::{Code, Error, Retry};
use object_store::client::{HttpError, HttpErrorKind};

/// Longest text of a store that is kept, characters.
const LONGEST: usize = 600;

/// Why the artifact store failed. The message holds the texts of all causes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArtifactError {
    /// Stable machine code: `disk_full`, `artifact_store`.
    pub code: Code,
    /// For the log and the operator; may hold paths and addresses, so never
    /// for clients.
    pub message: String,
    /// Whether trying again can help: a store that is away may come back, one
    /// that refuses will refuse again.
    pub retry: Retry,
    pub(super) kind: FailureKind,
}

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// There is no such file, or no such bucket.
    Missing,
    /// No connection could be made.
    Unreachable,
    /// The answer did not come in time.
    Late,
    /// The store refused the request, with its own code when it gave one.
    Refused(Option<String>),
    /// Anything else.
    Other,
}

impl ArtifactError {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> ArtifactError {
        let retry = match &kind {
            FailureKind::Missing | FailureKind::Refused(_) => Retry::Never,
            FailureKind::Unreachable | FailureKind::Late | FailureKind::Other => Retry::Later,
        };
        ArtifactError { code: Code::ArtifactStore, message: message.into(), retry, kind }
    }

    /// An answer that did not come in time.
    pub(super) fn late(what: &str) -> ArtifactError {
        ArtifactError::new(FailureKind::Late, format!("{what}: the store did not answer in time"))
    }

    /// The same failure with another message.
    pub(super) fn with_message(self, message: impl Into<String>) -> ArtifactError {
        ArtifactError { message: message.into(), ..self }
    }

    /// Whether it may be gone later.
    pub fn is_transient(&self) -> bool {
        self.retry != Retry::Never
    }

    pub(super) fn is_missing(&self) -> bool {
        self.kind == FailureKind::Missing
    }

    /// Whether a request for the machine's own credentials failed. The library
    /// names the address of that request in its text and nowhere else.
    pub(super) fn is_of_machine_credentials(&self) -> bool {
        self.message.contains("/latest/")
    }

    /// Whether the service redirected to another region.
    pub(super) fn is_redirect(&self) -> bool {
        is_redirect(&self.message)
    }
}

/// What clients may read, with the failure itself as its cause.
impl From<ArtifactError> for Error {
    fn from(error: ArtifactError) -> Error {
        let code = error.code;
        let retry = error.retry;
        let message = if code == Code::DiskFull {
            "the server's disk is full"
        } else if error.is_transient() {
            "the server's file store does not answer"
        } else {
            "the server's file store refuses"
        };
        Error::new(code, message, retry).caused_by(error)
    }
}

impl From<io::Error> for ArtifactError {
    fn from(error: io::Error) -> ArtifactError {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => FailureKind::Missing,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                FailureKind::Refused(None)
            }
            _ => FailureKind::Other,
        };
        let full =
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let failed = ArtifactError::new(kind, error.to_string());
        if full { ArtifactError { code: Code::DiskFull, ..failed } } else { failed }
    }
}

impl From<object_store::Error> for ArtifactError {
    fn from(error: object_store::Error) -> ArtifactError {
        use object_store::Error;

        let text = shortened(&error);
        if let Error::NotFound { .. } = error {
            return ArtifactError::new(FailureKind::Missing, text);
        }
        if let Some(transport) = find_cause::<HttpError>(&error) {
            let kind = match transport.kind() {
                HttpErrorKind::Connect => FailureKind::Unreachable,
                HttpErrorKind::Timeout => FailureKind::Late,
                _ => FailureKind::Other,
            };
            return ArtifactError::new(kind, innermost_text(&error));
        }
        if let Some(inner) = find_cause::<io::Error>(&error) {
            // The kind decides; the outer text says which file it was.
            return ArtifactError { message: text, ..ArtifactError::from(same_kind(inner)) };
        }
        let kind = match error {
            Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::Precondition { .. }
            | Error::NotModified { .. }
            | Error::AlreadyExists { .. }
            | Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::UnknownConfigurationKey { .. } => FailureKind::Refused(service_code(&text)),
            _ if is_refusal(&text) => FailureKind::Refused(service_code(&text)),
            _ => FailureKind::Other,
        };
        ArtifactError::new(kind, text)
    }
}

/// Whether the service refused a request for good: with a status from 300 to 499
/// other than "timeout" and "too many requests", or by a redirect, which means
/// another region.
fn is_refusal(text: &str) -> bool {
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    match status.and_then(|status| status.parse::<u16>().ok()) {
        Some(408 | 429) => false,
        Some(status) => (300..500).contains(&status),
        None => is_redirect(text),
    }
}

fn is_redirect(text: &str) -> bool {
    text.contains("Received redirect")
}

/// The code in the answer of an S3 service.
fn service_code(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    Some(code.chars().filter(char::is_ascii_alphanumeric).take(64).collect())
}

fn find_cause<T: std::error::Error + 'static>(error: &object_store::Error) -> Option<&T> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref::<T>() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

/// The text of the error and of its innermost cause, which says what happened
/// on the network.
fn innermost_text(error: &object_store::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    let outer = shortened(error);
    let inner = shortened(&innermost);
    if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
}

fn shortened(text: &impl fmt::Display) -> String {
    text.to_string().chars().take(LONGEST).collect()
}

/// An error of the same kind; `io::Error` can't be cloned.
fn same_kind(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::from(error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &'static str) -> ArtifactError {
        ArtifactError::from(object_store::Error::Generic { store: "S3", source: text.into() })
    }

    #[test]
    fn refusals_differ_from_failures_that_pass() {
        let busy = generic("Server returned non-2xx status code: 503 Service Unavailable: ");
        assert!(busy.is_transient());
        assert!(
            generic("Server returned non-2xx status code: 429 Too Many Requests: ").is_transient()
        );
        let text = "Server returned non-2xx status code: 400 Bad Request: \
                    <Error><Code>ExpiredToken</Code></Error>";
        let refused = generic(text);
        assert!(!refused.is_transient());
        assert_eq!(refused.kind, FailureKind::Refused(Some("ExpiredToken".to_owned())));
        assert!(!generic("Received redirect without LOCATION").is_transient());
        assert!(generic("the body broke off").is_transient());
    }

    #[test]
    fn a_full_disk_has_a_code_of_its_own() {
        let full = ArtifactError::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((full.code, full.retry), (Code::DiskFull, Retry::Later));
        let denied = ArtifactError::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!((denied.code, denied.retry), (Code::ArtifactStore, Retry::Never));
    }
}
