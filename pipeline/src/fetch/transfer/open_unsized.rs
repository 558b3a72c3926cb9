//! A file of which nobody knows yet how long it is: its first answer tells, and
//! brings as much of it as one answer may.

use bytes::Bytes;
use clipmill_core::net::Response;
use clipmill_core::{Code, Error};
use tokio::time::Instant;

use crate::fetch::transfer::download::Need;
use crate::fetch::transfer::origin::Version;
use crate::fetch::transfer::range_request::{chunk, tag};
use crate::fetch::transfer::range_stream::{Line, raced};
use crate::fetch::transfer::scheduler::LONGEST;

/// The longest such file, bytes: it is read into memory later.
pub(crate) const LARGEST: u64 = 512 * 1024 * 1024;

/// Asks for a file from its beginning on, and tells how long it is. Its first
/// bytes are on their way then; or all are in their place, and it tells none,
/// where the server does not serve parts. After an error it may be asked for
/// again.
///
/// # Errors
/// Those of sources; `too_large`.
pub(crate) async fn open(need: &Need<'_>) -> Result<Option<(u64, Line)>, Error> {
    let address = need.address;
    let ask = || async move {
        let asked = Instant::now();
        let response = address.open(0, LONGEST - 1).await?;
        address.means.lanes.answered(asked.elapsed());
        Ok(response)
    };
    let response = raced(ask(), ask, address).await?;
    if response.status() == 200 {
        return all(response, need).await.map(|()| None);
    }
    let Some((0, _, Some(size))) = response.content_range() else {
        return Err(Error::never(Code::SourceFailed, "the server does not tell the file's size"));
    };
    if size > LARGEST {
        return Err(too_large());
    }
    address.pin(Version { size, tag: tag(&response), head: Bytes::new() });
    Ok(Some((size, Line::of(response, 0, size.min(LONGEST)))))
}

/// Puts an answer that is the whole file to its place.
async fn all(mut response: Response, need: &Need<'_>) -> Result<(), Error> {
    let means = &need.address.means;
    let (expected, mut at) = (response.length(), 0);
    while let Some(bytes) = chunk(&mut response, means.stall * 4).await? {
        means.budget.take(bytes.len())?;
        let length = bytes.len() as u64;
        if at + length > LARGEST {
            return Err(too_large());
        }
        need.sink.put(bytes, need.place + at).await?;
        at += length;
    }
    if expected.is_some_and(|expected| at < expected) {
        return Err(Error::later(Code::SourceUnreachable, "the server sent too little"));
    }
    // An answer that broke off may have been longer.
    need.sink.end(need.place + at)
}

/// Why a file is not got.
pub(crate) fn too_large() -> Error {
    Error::never(Code::TooLarge, "a part of the stream has more than 512 MiB")
}
