//! One request for a part of a file, and what its answer means.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use clipmill_core::net::{Client, Response};
use clipmill_core::{Code, Error};
use url::Url;

/// Parts of two versions of the file arrived.
pub(crate) fn changed() -> Error {
    Error::later(Code::SourceChanged, "the file changed while it was downloaded")
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remote {
    pub url: Url,
    pub headers: BTreeMap<String, String>,
}

/// Why there is no part of a file.
pub(crate) enum Refusal {
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

/// Asks for the bytes `from..=to`: a part of the file, or all of it where a
/// server does not serve parts.
pub(crate) async fn ask(
    client: &Client,
    remote: &Remote,
    from: u64,
    to: u64,
) -> Result<Response, Refusal> {
    let later = |what: &str| Err(Refusal::Other(Error::later(Code::SourceFailed, what)));
    let asked = client.get(&remote.url, &remote.headers, Some((from, Some(to)))).await;
    let response = asked.map_err(|error| Refusal::Other(error))?;
    let refusal = match response.status() {
        206 => return Ok(response),
        200 if from == 0 => return Ok(response),
        200 => return later("the server stopped to serve parts of the file"),
        416 => return Err(Refusal::Other(changed())),
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

/// The next bytes of an answer; none at its end.
///
/// # Errors
/// Those of sources; `source_timeout` when none come for so long.
pub(crate) async fn chunk(
    response: &mut Response,
    patience: Duration,
) -> Result<Option<Bytes>, Error> {
    match tokio::time::timeout(patience, response.chunk()).await {
        Ok(chunk) => Ok(chunk.map_err(Error::from)?),
        Err(_) => Err(Error::later(Code::SourceTimeout, "the server sent nothing for a while")),
    }
}

/// What tells one version of a file from another.
pub(crate) fn tag(response: &Response) -> Option<String> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    header("etag").or_else(|| header("last-modified"))
}
