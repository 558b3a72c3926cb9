//! Why a request failed. Messages name hosts, never whole addresses: those may
//! carry signatures.

use std::error::Error as _;
use std::time::Duration;

use crate::{Code, Error};

/// The address of `host` is not permitted.
pub(super) fn refused(host: &str) -> Error {
    Error::never(
        Code::AddressRefused,
        format!("{host} is not a public address; the operator can allow its network"),
    )
}

/// The server sent nothing for so long.
pub(super) fn stalled(after: Duration) -> Error {
    let seconds = after.as_secs_f64();
    Error::later(Code::SourceTimeout, format!("the server sent nothing for {seconds} s"))
}

/// What the HTTP client says, with the resolver's refusal found among its causes.
pub(super) fn from_reqwest(error: reqwest::Error, host: &str) -> Error {
    let error = error.without_url();
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<Refused>() {
            return refused(host);
        }
        source = cause.source();
    }
    tracing::debug!(net.host = host, error = ?error, "request failed");
    let failed = if error.is_timeout() {
        Error::later(Code::SourceTimeout, format!("{host} did not answer in time"))
    } else if error.is_connect() {
        Error::later(Code::SourceUnreachable, format!("{host} could not be reached"))
    } else if error.is_builder() {
        Error::never(Code::UnsupportedUrl, "this address can't be requested")
    } else {
        Error::later(Code::SourceUnreachable, format!("the connection to {host} broke"))
    };
    failed.caused_by(error)
}

/// The resolver found no permitted address for a name.
#[derive(Debug, thiserror::Error)]
#[error("no permitted address")]
pub(super) struct Refused;
