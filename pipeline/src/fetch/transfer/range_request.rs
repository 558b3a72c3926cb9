//! One request for a byte range, and what its response means.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use clipmill_core::net::Response;
use clipmill_core::{ByteRange, Code, Error, Retry};
use url::Url;

use super::context::TransferContext;

/// Where a file is, and the request headers that its server wants.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteAddress {
    pub url: Url,
    pub headers: BTreeMap<String, String>,
}

/// Why a server sent no bytes.
pub enum Refusal {
    /// The address does not work any more.
    Expired(Error),
    /// The server wants fewer requests.
    Busy(Error),
    /// Anything else.
    Other(Error),
}

impl Refusal {
    /// Why.
    pub fn into_error(self) -> Error {
        match self {
            Refusal::Expired(error) | Refusal::Busy(error) | Refusal::Other(error) => error,
        }
    }
}

/// Parts of two versions of the file arrived.
pub(super) fn file_changed() -> Error {
    Error::later(Code::SourceChanged, "the file changed while it was downloaded")
}

/// The server ignored the range of a request for a later part of the file.
pub(super) fn ranges_ignored() -> Error {
    Error::later(Code::SourceFailed, "the server stopped to serve parts of the file")
}

/// Requests a range of a file. The response is that part of it, or all of it where
/// a server does not serve parts. When the server wants fewer requests, the fetch
/// has fewer connections from now on.
pub async fn request_range(
    transfer: &TransferContext,
    address: &RemoteAddress,
    range: ByteRange,
) -> Result<Response, Refusal> {
    let connections = transfer.connections.limit();
    let response = transfer.client.get(&address.url, &address.headers, Some(range)).await;
    let answered = response.map_err(Refusal::Other).and_then(|response| accept(response, range));
    if let Err(Refusal::Busy(error)) = &answered {
        let wait = match error.retry {
            Retry::After(wait) => wait,
            Retry::Later | Retry::Never => Duration::ZERO,
        };
        transfer.connections.lower(connections, wait);
    }
    answered
}

/// Sorts a response by its status.
fn accept(response: Response, range: ByteRange) -> Result<Response, Refusal> {
    let refusal = match response.status() {
        206 => return Ok(response),
        200 if range.offset == 0 => return Ok(response),
        200 => return Err(Refusal::Other(ranges_ignored())),
        416 => return Err(Refusal::Other(file_changed())),
        403 | 410 => Refusal::Expired,
        429 | 503 => Refusal::Busy,
        _ => Refusal::Other,
    };
    match response.ok() {
        Err(error) => Err(refusal(error)),
        Ok(_) => Err(Refusal::Other(Error::never(
            Code::SourceFailed,
            "the server answered with something else than a part of the file",
        ))),
    }
}

/// The next bytes of a response; none at its end.
///
/// # Errors
/// Those of sources; `source_timeout` when none arrive for longer than `stall`.
pub async fn next_bytes(response: &mut Response, stall: Duration) -> Result<Option<Bytes>, Error> {
    match tokio::time::timeout(stall, response.chunk()).await {
        Ok(bytes) => bytes,
        Err(_) => Err(Error::later(Code::SourceTimeout, "the server sent nothing for a while")),
    }
}
