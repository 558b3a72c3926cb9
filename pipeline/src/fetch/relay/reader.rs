//! A remote file read from somewhere on, for the relay: over one connection at
//! a time, in ranges that are short at first, because a reader may jump away.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use clipmill_core::Error;
use futures_util::Stream;

use crate::fetch::transfer::range_stream::Line;
use crate::fetch::transfer::remote_file::Upstream;
use crate::fetch::transfer::retry::pause;
use crate::fetch::transfer::scheduler::LONGEST;

/// The first range of a reader, bytes; each further one is twice as long.
const FIRST: u64 = 128 * 1024;
/// How much is given out at once of what is kept, bytes.
const PIECE: u64 = 256 * 1024;

/// The bytes `from..=to`, as they come. An error ends the stream and can be had
/// from [`Upstream::failure`].
pub(crate) fn read(
    file: &Arc<Upstream>,
    from: u64,
    to: u64,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let end = to.saturating_add(1).min(file.size);
    let reader =
        Reader { file: Arc::clone(file), at: from, end, range: FIRST, line: None, failures: 0 };
    futures_util::stream::try_unfold(reader, |mut reader| async move {
        match reader.next().await {
            Ok(Some(bytes)) => Ok(Some((bytes, reader))),
            Ok(None) => Ok(None),
            Err(error) => {
                let told = io::Error::other(error.code.as_str());
                reader.file.fail(error);
                Err(told)
            }
        }
    })
}

struct Reader {
    file: Arc<Upstream>,
    /// Next byte.
    at: u64,
    /// First byte that is not wanted.
    end: u64,
    /// Length of the next range.
    range: u64,
    /// The open range.
    line: Option<Line>,
    failures: u32,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while self.at < self.end {
            if let Some(bytes) = self.file.kept(self.at, self.end.min(self.at + PIECE)) {
                self.at += bytes.len() as u64;
                self.line = None;
                return Ok(Some(bytes));
            }
            let (at, range) = (self.at, self.range);
            let line = self.line.get_or_insert_with(|| {
                self.range = (range * 2).min(LONGEST);
                Line::new(at, self.end.min(at + range))
            });
            match line.next(&self.file.address).await {
                Ok(Some(bytes)) => {
                    self.file.keep_start(at, &bytes);
                    self.at += bytes.len() as u64;
                    self.failures = 0;
                    return Ok(Some(bytes));
                }
                Ok(None) => self.line = None,
                Err(error) => {
                    self.line = None;
                    pause(&error, self.failures).await?;
                    self.failures += 1;
                }
            }
        }
        Ok(None)
    }
}
