//! The first request of a file of unknown size: its response states the size and
//! brings as much of the file as one response may.

use clipmill_core::net::Response;
use clipmill_core::{ByteRange, Code, Error};

use super::range_download::RangeDownload;
use super::range_request::next_bytes;
use super::range_stream::{
    LONGEST_REQUEST, RangeStream, race_when_silent, request_measured, sent_too_little,
};

/// The longest such file, bytes: it is read into memory later.
const MAX_SIZE: u64 = 512 * 1024 * 1024;

/// How a server answered.
pub(super) enum OpenedDownload {
    /// It serves parts; the first ones are on their way.
    Ranged {
        /// Bytes of the whole file.
        size: u64,
        stream: Box<RangeStream>,
    },
    /// It sent the whole file, which is in its place.
    Complete,
}

/// Checks that a file which is read into memory later is not too large for that.
///
/// # Errors
/// `too_large`.
pub fn check_fits_memory(bytes: u64) -> Result<(), Error> {
    if bytes <= MAX_SIZE {
        return Ok(());
    }
    Err(Error::never(Code::TooLarge, "a part of the stream has more than 512 MiB"))
}

/// Requests a file from its first byte on. After an error it may be opened again.
///
/// # Errors
/// Those of sources; `too_large`.
pub(super) async fn open_unsized(file: &RangeDownload<'_>) -> Result<OpenedDownload, Error> {
    let origin = file.origin;
    let request = || request_measured(origin, ByteRange { offset: 0, len: LONGEST_REQUEST });
    let response = race_when_silent(request(), request, origin.transfer.stall).await?;
    if response.status() == 200 {
        write_all(response, file).await?;
        return Ok(OpenedDownload::Complete);
    }
    let size = origin.pin(&response)?;
    check_fits_memory(size)?;
    let range = ByteRange { offset: 0, len: size.min(LONGEST_REQUEST) };
    Ok(OpenedDownload::Ranged {
        size,
        stream: Box::new(RangeStream::with_response(response, range)),
    })
}

/// Writes a response that is the whole file to its place.
async fn write_all(mut response: Response, file: &RangeDownload<'_>) -> Result<(), Error> {
    let transfer = &file.origin.transfer;
    let expected = response.length();
    let mut written = 0;
    while let Some(bytes) = next_bytes(&mut response, transfer.unraced_stall()).await? {
        transfer.budget.count(bytes.len())?;
        let len = bytes.len() as u64;
        check_fits_memory(written + len)?;
        file.sink.write_at(bytes, file.target_offset + written).await?;
        written += len;
    }
    if expected.is_some_and(|expected| written < expected) {
        return Err(sent_too_little());
    }
    // A response that broke off before may have been longer.
    file.sink.truncate(file.target_offset + written)
}
