//! Request headers that come from sources.

use std::collections::BTreeMap;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::{ByteRange, Code, Error};

/// Headers that belong to the client: a source can't set them.
const OURS: [HeaderName; 12] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::RANGE,
    header::IF_RANGE,
    header::ACCEPT_ENCODING,
    header::PROXY_AUTHORIZATION,
];

/// Most headers that a source sets, and most bytes of them.
const MOST: usize = 64;
const MOST_BYTES: usize = 32 * 1024;

/// Headers that stay with the origin that they were meant for.
const SECRET: [HeaderName; 2] = [header::AUTHORIZATION, header::COOKIE];

/// The headers of a request. Content encodings are never asked for: lengths
/// and ranges count bytes of the file itself.
pub(super) fn prepare(
    given: &BTreeMap<String, String>,
    range: Option<ByteRange>,
) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        else {
            return Err(Error::never(Code::SourceFailed, "a request header is malformed"));
        };
        if !OURS.contains(&name) {
            value.set_sensitive(SECRET.contains(&name));
            headers.insert(name, value);
        }
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(range) = range {
        let value = range.header().and_then(|value| HeaderValue::try_from(value).ok());
        let malformed = || Error::never(Code::SourceFailed, "the byte range is malformed");
        headers.insert(header::RANGE, value.ok_or_else(malformed)?);
    }
    Ok(headers)
}

/// Whether these can be sent: names and values without line breaks, not too
/// many and not too long.
///
/// # Errors
/// `source_failed`.
pub fn check_headers(given: &BTreeMap<String, String>) -> Result<(), Error> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if given.len() > MOST || bytes > MOST_BYTES {
        return Err(Error::never(Code::SourceFailed, "there are too many request headers"));
    }
    prepare(given, None).map(|_| ())
}

/// Takes away what `from` must not hand to `to`.
pub(super) fn on_redirect(headers: &mut HeaderMap, from: &Url, to: &Url) {
    if from.origin() != to.origin() {
        for name in SECRET {
            headers.remove(name);
        }
    }
}
