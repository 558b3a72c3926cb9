//! One request for a part of a file, and what its answer means.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use clipmill_plugins::SourceError;
use clipmill_plugins::net::{Client, NetError, Response};
use url::Url;

use crate::pipeline::StageError;

/// Said of a file of which parts of two versions came.
pub(super) const CHANGED: &str = "the file changed while it was downloaded";

/// Where a file is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remote {
    pub url: Url,
    pub headers: BTreeMap<String, String>,
}

/// Why there is no part of a file.
pub(super) enum Refusal {
    /// The address does not work any more.
    Expired(StageError),
    /// The server wants fewer requests.
    Busy(StageError),
    /// Anything else.
    Other(StageError),
}

impl Refusal {
    /// Why.
    pub fn into_error(self) -> StageError {
        match self {
            Refusal::Expired(error) | Refusal::Busy(error) | Refusal::Other(error) => error,
        }
    }
}

/// Asks for the bytes `from..=to`: a part of the file, or all of it where a
/// server does not serve parts.
pub(super) async fn ask(
    client: &Client,
    remote: &Remote,
    from: u64,
    to: u64,
) -> Result<Response, Refusal> {
    let later = |what: &str| Err(Refusal::Other(StageError::later("source_failed", what)));
    let stage = |error: NetError| StageError::from(SourceError::from(error));
    let asked = client.get(&remote.url, &remote.headers, Some((from, Some(to)))).await;
    let response = asked.map_err(|error| Refusal::Other(stage(error)))?;
    let refusal = match response.status() {
        206 => return Ok(response),
        200 if from == 0 => return Ok(response),
        200 => return later("the server stopped to serve parts of the file"),
        416 => return later(CHANGED),
        403 | 410 => Refusal::Expired,
        429 | 503 => Refusal::Busy,
        _ => Refusal::Other,
    };
    match response.ok() {
        Err(error) => Err(refusal(stage(error))),
        Ok(_) => Err(Refusal::Other(StageError::never(
            "source_failed",
            "the server answered with something else than a part of the file",
        ))),
    }
}

/// The next bytes of an answer; none at its end.
///
/// # Errors
/// Those of sources; `source_timeout` when none come for so long.
pub(super) async fn chunk(
    response: &mut Response,
    patience: Duration,
) -> Result<Option<Bytes>, StageError> {
    match tokio::time::timeout(patience, response.chunk()).await {
        Ok(chunk) => Ok(chunk.map_err(SourceError::from)?),
        Err(_) => Err(StageError::later("source_timeout", "the server sent nothing for a while")),
    }
}

/// What tells one version of a file from another.
pub(super) fn tag(response: &Response) -> Option<String> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    header("etag").or_else(|| header("last-modified"))
}
