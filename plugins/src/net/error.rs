//! Why a request failed.

use std::time::Duration;

use crate::{Retry, SourceError};

/// A failed request. Messages name hosts, never whole addresses: those may
/// carry signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NetError {
    /// Stable machine code, one of [`SourceError`]'s.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// Whether trying again can help.
    pub retry: Retry,
}

impl NetError {
    pub(crate) fn never(code: &'static str, message: impl Into<String>) -> NetError {
        NetError { code, message: message.into(), retry: Retry::Never }
    }

    pub(super) fn later(code: &'static str, message: impl Into<String>) -> NetError {
        NetError { code, message: message.into(), retry: Retry::Later }
    }

    pub(super) fn refused(host: &str) -> NetError {
        NetError::never(
            "address_refused",
            format!("{host} is not a public address; the operator can allow its network"),
        )
    }

    pub(super) fn stalled(after: Duration) -> NetError {
        NetError::later(
            "source_timeout",
            format!("the server sent nothing for {} s", after.as_secs_f64()),
        )
    }

    /// From the client's error, with the refusal of an address found in it.
    pub(super) fn from_reqwest(error: reqwest::Error, host: &str) -> NetError {
        let error = error.without_url();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            if cause.is::<Refused>() {
                return NetError::refused(host);
            }
            source = cause.source();
        }
        tracing::debug!(net.host = host, error = ?error, "request failed");
        if error.is_timeout() {
            NetError::later("source_timeout", format!("{host} did not answer in time"))
        } else if error.is_connect() {
            NetError::later("source_unreachable", format!("{host} could not be reached"))
        } else if error.is_builder() {
            NetError::never("unsupported_url", "this address can't be requested")
        } else {
            NetError::later("source_unreachable", format!("the connection to {host} broke"))
        }
    }
}

impl From<NetError> for SourceError {
    fn from(error: NetError) -> SourceError {
        SourceError { code: error.code, message: error.message, retry: error.retry }
    }
}

/// What the resolver answers when no address of a name is permitted.
#[derive(Debug, thiserror::Error)]
#[error("no permitted address")]
pub(super) struct Refused;
