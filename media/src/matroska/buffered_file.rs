//! A file of which a little more is read than was asked for, so that many small
//! reads become few requests.

use std::collections::VecDeque;

use bytes::Bytes;

use super::ebml::{self, ElementHeader};
use crate::{MediaError, ReadAt};

/// Bytes at the start of a file that are read at once and kept.
const START: usize = 256 * 1024;

/// Most results of reads that are kept.
const RECENT: usize = 4;

/// A file, its first bytes, and what was read of it last.
pub struct BufferedFile<'a> {
    file: &'a dyn ReadAt,
    start: Bytes,
    /// What was read last, each with its offset.
    recent: VecDeque<(u64, Bytes)>,
    /// Least bytes that a request asks for.
    pub read_ahead: usize,
}

impl<'a> BufferedFile<'a> {
    /// Reads the start of a file.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn open(
        file: &'a dyn ReadAt,
        read_ahead: usize,
    ) -> Result<BufferedFile<'a>, MediaError> {
        let length = usize::try_from(file.size()).unwrap_or(START).min(START);
        let start = file.read_at(0, length).await?;
        Ok(BufferedFile { file, start, recent: VecDeque::new(), read_ahead })
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Bytes at the file's start that cost no request.
    pub fn buffered_start(&self) -> u64 {
        self.start.len() as u64
    }

    /// The bytes `from..from + length`; fewer when the file ends before.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn read_up_to(&mut self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let rest = self.size().saturating_sub(from);
        let length = usize::try_from(rest).unwrap_or(usize::MAX).min(length);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let recent = self.recent.iter().map(|(start, bytes)| (*start, bytes));
        for (start, bytes) in std::iter::once((0, &self.start)).chain(recent) {
            let within = from.checked_sub(start).and_then(|at| usize::try_from(at).ok());
            if let Some(at) = within
                && let Some(end) = at.checked_add(length)
                && end <= bytes.len()
            {
                return Ok(bytes.slice(at..end));
            }
        }
        let wide = usize::try_from(rest).unwrap_or(usize::MAX).min(length.max(self.read_ahead));
        let bytes = self.file.read_at(from, wide).await?;
        if bytes.len() < length {
            return Err(MediaError::read("the file gave too few bytes"));
        }
        let wanted = bytes.slice(..length);
        self.recent.truncate(RECENT - 1);
        self.recent.push_front((from, bytes));
        Ok(wanted)
    }

    /// Exactly the bytes `from..from + length`.
    ///
    /// # Errors
    /// Those of the file, and when it ends before.
    pub async fn read_exact(&mut self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let bytes = self.read_up_to(from, length).await?;
        if bytes.len() == length { Ok(bytes) } else { Err(ebml::cut_off()) }
    }

    /// The header of the element at `at`; none when the file ends within the
    /// header.
    ///
    /// # Errors
    /// Those of the file, and when no element starts there.
    pub async fn header_at(&mut self, at: u64) -> Result<Option<ElementHeader>, MediaError> {
        ebml::parse_header(&self.read_up_to(at, ebml::HEADER_MAX).await?)
    }
}
