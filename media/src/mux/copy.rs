//! Copying sample bytes from their files, in few large reads.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::SampleData;

/// Most bytes read at once.
const BUFFER: u64 = 1 << 20;

/// Writes samples one after the other. Neighbours of one file are read together.
pub(crate) struct SampleCopier<'a, W: ?Sized> {
    out: &'a mut W,
    files: &'a [&'a File],
    /// What is still to be copied.
    pending: Option<PendingCopy>,
    buffer: Vec<u8>,
}

/// Bytes of one file.
struct PendingCopy {
    file: usize,
    bytes: Range<u64>,
}

impl<'a, W: Write + ?Sized> SampleCopier<'a, W> {
    pub fn new(out: &'a mut W, files: &'a [&'a File]) -> SampleCopier<'a, W> {
        SampleCopier { out, files, pending: None, buffer: Vec::new() }
    }

    /// Bytes that are in none of the files.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        self.out.write_all(bytes)
    }

    /// One sample.
    pub fn write_sample(&mut self, data: &SampleData) -> io::Result<()> {
        let (file, offset, size) = match data {
            SampleData::Generated(bytes) => return self.write_bytes(bytes),
            SampleData::Chain(parts) => {
                return parts.iter().try_for_each(|part| self.write_sample(part));
            }
            SampleData::Copied { file, offset, size } => (*file, *offset, u64::from(*size)),
        };
        let end = offset.checked_add(size).ok_or(io::ErrorKind::InvalidInput)?;
        match &mut self.pending {
            Some(pending) if pending.file == file && pending.bytes.end == offset => {
                pending.bytes.end = end;
            }
            _ => {
                self.flush()?;
                self.pending = Some(PendingCopy { file, bytes: offset..end });
            }
        }
        Ok(())
    }

    /// Writes what is still to be copied.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(PendingCopy { file, bytes }) = self.pending.take() else { return Ok(()) };
        let file = self.files.get(file).ok_or(io::ErrorKind::InvalidInput)?;
        let mut offset = bytes.start;
        while offset < bytes.end {
            // At most BUFFER, so the cast is exact.
            let length = (bytes.end - offset).min(BUFFER) as usize;
            self.buffer.resize(length, 0);
            file.read_exact_at(&mut self.buffer, offset)?;
            self.out.write_all(&self.buffer)?;
            offset += length as u64;
        }
        Ok(())
    }
}
