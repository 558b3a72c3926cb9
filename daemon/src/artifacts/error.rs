//! Why a store could not do it, and whether it can help to try again.

use std::fmt;
use std::io;

use clipmill_core::{Code, Error, Retry};
use object_store::client::{HttpError, HttpErrorKind};

/// Longest text of a store that is kept, characters.
const LONGEST: usize = 600;

/// Why the artifact store could not do it.
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
    pub(super) why: Why,
}

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// There is no such file, or no such bucket.
    Missing,
    /// Nobody answers there.
    Unreachable,
    /// The answer did not come in time.
    Late,
    /// The store said no, with its own code when it gave one.
    Refused(Option<String>),
    /// Anything else.
    Other,
}

impl ArtifactError {
    pub(super) fn new(why: Why, message: impl Into<String>) -> ArtifactError {
        let retry = match &why {
            Why::Missing | Why::Refused(_) => Retry::Never,
            Why::Unreachable | Why::Late | Why::Other => Retry::Later,
        };
        ArtifactError { code: Code::ArtifactStore, message: message.into(), retry, why }
    }

    /// An answer that did not come in time.
    pub(super) fn late(what: &str) -> ArtifactError {
        ArtifactError::new(Why::Late, format!("{what}: the store did not answer in time"))
    }

    /// Another sentence for the same failure.
    pub(super) fn told(self, message: impl Into<String>) -> ArtifactError {
        ArtifactError { message: message.into(), ..self }
    }

    /// Whether it may be gone later.
    pub fn is_transient(&self) -> bool {
        self.retry != Retry::Never
    }

    pub(super) fn is_missing(&self) -> bool {
        self.why == Why::Missing
    }
}

/// What clients may read, with the failure itself as its cause.
impl From<ArtifactError> for Error {
    fn from(error: ArtifactError) -> Error {
        let (code, retry) = (error.code, error.retry);
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
        let why = match error.kind() {
            io::ErrorKind::NotFound => Why::Missing,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Why::Refused(None)
            }
            _ => Why::Other,
        };
        let full =
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let failed = ArtifactError::new(why, error.to_string());
        if full { ArtifactError { code: Code::DiskFull, ..failed } } else { failed }
    }
}

impl From<object_store::Error> for ArtifactError {
    fn from(error: object_store::Error) -> ArtifactError {
        use object_store::Error;

        let text = cut(&error);
        if let Error::NotFound { .. } = error {
            return ArtifactError::new(Why::Missing, text);
        }
        if let Some(transport) = cause::<HttpError>(&error) {
            let why = match transport.kind() {
                HttpErrorKind::Connect => Why::Unreachable,
                HttpErrorKind::Timeout => Why::Late,
                _ => Why::Other,
            };
            return ArtifactError::new(why, chain(&error));
        }
        if let Some(inner) = cause::<io::Error>(&error) {
            // The kind decides; the outer text says which file it was.
            return ArtifactError { message: text, ..ArtifactError::from(copy(inner)) };
        }
        let why = match error {
            Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::Precondition { .. }
            | Error::NotModified { .. }
            | Error::AlreadyExists { .. }
            | Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::UnknownConfigurationKey { .. } => Why::Refused(code(&text)),
            _ if is_refusal(&text) => Why::Refused(code(&text)),
            _ => Why::Other,
        };
        ArtifactError::new(why, text)
    }
}

/// The library tells the status of an answer only in its text: what is neither
/// success nor the server's own trouble is a refusal, and so is a redirect,
/// which means another region.
fn is_refusal(text: &str) -> bool {
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    match status.and_then(|status| status.parse::<u16>().ok()) {
        Some(408 | 429) => false,
        Some(status) => (300..500).contains(&status),
        None => text.contains("Received redirect"),
    }
}

/// The code in the answer of an S3 service.
fn code(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    Some(code.chars().filter(char::is_ascii_alphanumeric).take(64).collect())
}

fn cause<T: std::error::Error + 'static>(error: &object_store::Error) -> Option<&T> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref::<T>() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

/// The innermost text says what happened on the network.
fn chain(error: &object_store::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    let (outer, inner) = (cut(error), cut(&innermost));
    if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
}

fn cut(text: &impl fmt::Display) -> String {
    text.to_string().chars().take(LONGEST).collect()
}

fn copy(error: &io::Error) -> io::Error {
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
    fn refusals_are_told_from_troubles() {
        let busy = generic("Server returned non-2xx status code: 503 Service Unavailable: ");
        assert!(busy.is_transient());
        assert!(
            generic("Server returned non-2xx status code: 429 Too Many Requests: ").is_transient()
        );
        let text = "Server returned non-2xx status code: 400 Bad Request: \
                    <Error><Code>ExpiredToken</Code></Error>";
        let refused = generic(text);
        assert!(!refused.is_transient());
        assert_eq!(refused.why, Why::Refused(Some("ExpiredToken".to_owned())));
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
