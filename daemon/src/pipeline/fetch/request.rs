//! One request for a part of a file, and what its answer means.

use std::collections::BTreeMap;

use bytes::Bytes;
use clipmill_plugins::SourceError;
use clipmill_plugins::net::{Client, NetError, Response};
use url::Url;

use super::budget::Budget;
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
    /// Anything else.
    Other(StageError),
}

/// Asks for the bytes `from..=to`: a part of the file, or all of it where a
/// server does not serve parts.
pub(super) async fn ask(
    client: &Client,
    remote: &Remote,
    from: u64,
    to: u64,
) -> Result<Response, Refusal> {
    let other = |error: NetError| Refusal::Other(SourceError::from(error).into());
    let response =
        client.get(&remote.url, &remote.headers, Some((from, Some(to)))).await.map_err(other)?;
    match response.status() {
        206 => Ok(response),
        200 if from == 0 => Ok(response),
        200 => Err(Refusal::Other(StageError::later(
            "source_failed",
            "the server stopped to serve parts of the file",
        ))),
        403 | 410 => match response.ok() {
            Ok(_) => Err(Refusal::Other(StageError::later("source_failed", "an odd answer"))),
            Err(error) => Err(Refusal::Expired(SourceError::from(error).into())),
        },
        416 => Err(Refusal::Other(StageError::later("source_failed", CHANGED))),
        _ => match response.ok() {
            Ok(_) => Err(Refusal::Other(StageError::never(
                "source_failed",
                "the server answered with something else than a part of the file",
            ))),
            Err(error) => Err(other(error)),
        },
    }
}

/// The first bytes of a file, its size, and what tells its version.
pub(super) type Head = (Bytes, u64, Option<String>);

/// Reads a first part. The outer error is final, the inner one may be tried again.
pub(super) async fn head(
    response: Response,
    most: usize,
    budget: &Budget,
) -> Result<Result<Head, SourceError>, StageError> {
    let tag = tag(&response);
    let Some((0, last, Some(size))) = response.content_range() else {
        return Err(StageError::never("source_failed", "the server does not tell the file's size"));
    };
    match response.bytes(most).await {
        Ok(bytes) => {
            budget.take(bytes.len())?;
            match bytes.len() as u64 == last + 1 {
                true => Ok(Ok((bytes.into(), size, tag))),
                false => {
                    Ok(Err(SourceError::later("source_unreachable", "the server sent too little")))
                }
            }
        }
        Err(error) => Ok(Err(error.into())),
    }
}

/// What tells one version of a file from another.
pub(super) fn tag(response: &Response) -> Option<String> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    header("etag").or_else(|| header("last-modified"))
}
