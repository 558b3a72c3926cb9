//! A file seen through a window, so that many small reads become few calls.

use std::collections::VecDeque;

use bytes::Bytes;

use super::ebml::{self, Header};
use crate::{Error, ReadAt};

/// Bytes at the beginning of a file that are read at once and kept.
const HEAD: usize = 256 * 1024;

/// Most reads that are kept.
const RECENT: usize = 4;

/// A file, its beginning, and what was read of it last.
pub struct Window<'a> {
    file: &'a dyn ReadAt,
    head: Bytes,
    /// What was read last, and where.
    recent: VecDeque<(u64, Bytes)>,
    /// Least bytes that a call asks for.
    pub ahead: usize,
}

impl<'a> Window<'a> {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn open(file: &'a dyn ReadAt, ahead: usize) -> Result<Window<'a>, Error> {
        let length = usize::try_from(file.size()).unwrap_or(HEAD).min(HEAD);
        let head = file.read_at(0, length).await?;
        Ok(Window { file, head, recent: VecDeque::new(), ahead })
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.file.size()
    }

    /// Bytes of the beginning that cost no call.
    pub fn head(&self) -> u64 {
        self.head.len() as u64
    }

    /// The bytes `from..from + length`, fewer where the file ends.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn some(&mut self, from: u64, length: usize) -> Result<Bytes, Error> {
        let rest = self.size().saturating_sub(from);
        let length = usize::try_from(rest).unwrap_or(usize::MAX).min(length);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let recent = self.recent.iter().map(|(start, bytes)| (*start, bytes));
        for (start, bytes) in std::iter::once((0, &self.head)).chain(recent) {
            let within = from.checked_sub(start).and_then(|at| usize::try_from(at).ok());
            if let Some(at) = within
                && let Some(end) = at.checked_add(length)
                && end <= bytes.len()
            {
                return Ok(bytes.slice(at..end));
            }
        }
        let wide = usize::try_from(rest).unwrap_or(usize::MAX).min(length.max(self.ahead));
        let bytes = self.file.read_at(from, wide).await?;
        if bytes.len() < length {
            return Err(Error::read("the file gave too few bytes"));
        }
        let wanted = bytes.slice(..length);
        self.recent.truncate(RECENT - 1);
        self.recent.push_front((from, bytes));
        Ok(wanted)
    }

    /// Exactly the bytes `from..from + length`.
    ///
    /// # Errors
    /// Those of the file, or it ends before.
    pub async fn exact(&mut self, from: u64, length: usize) -> Result<Bytes, Error> {
        let bytes = self.some(from, length).await?;
        if bytes.len() == length { Ok(bytes) } else { Err(ebml::cut_off()) }
    }

    /// The header of the element at `at`; none where the file ends before the
    /// header does.
    ///
    /// # Errors
    /// Those of the file, or when no element begins there.
    pub async fn header(&mut self, at: u64) -> Result<Option<Header>, Error> {
        ebml::header(&self.some(at, ebml::HEADER).await?)
    }
}
