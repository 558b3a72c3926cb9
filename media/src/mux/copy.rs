//! Copying sample bytes from their files, in few large reads.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::SampleData;

/// Most bytes read at once.
const BUFFER: u64 = 1 << 20;

/// Writes samples one after the other. Neighbours of one file are read together.
pub(crate) struct Copier<'a, W> {
    out: &'a mut W,
    files: &'a [&'a File],
    /// File, first byte and end of what is still to be copied.
    run: Option<(usize, u64, u64)>,
    buffer: Vec<u8>,
}

impl<'a, W: Write> Copier<'a, W> {
    pub fn new(out: &'a mut W, files: &'a [&'a File]) -> Copier<'a, W> {
        Copier { out, files, run: None, buffer: Vec::new() }
    }

    /// Bytes that are in none of the files.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        self.out.write_all(bytes)
    }

    /// One sample.
    pub fn sample(&mut self, data: &SampleData) -> io::Result<()> {
        let (file, offset, size) = match data {
            SampleData::Generated(bytes) => return self.bytes(bytes),
            SampleData::Chain(parts) => return parts.iter().try_for_each(|part| self.sample(part)),
            SampleData::Copied { file, offset, size } => (*file, *offset, u64::from(*size)),
        };
        let end = offset.checked_add(size).ok_or(io::ErrorKind::InvalidInput)?;
        match &mut self.run {
            Some((of, _, till)) if *of == file && *till == offset => *till = end,
            _ => {
                self.flush()?;
                self.run = Some((file, offset, end));
            }
        }
        Ok(())
    }

    /// Writes what is still to be copied.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some((file, mut at, end)) = self.run.take() else { return Ok(()) };
        let file = self.files.get(file).ok_or(io::ErrorKind::InvalidInput)?;
        while at < end {
            // At most BUFFER, so the cast is exact.
            let length = (end - at).min(BUFFER) as usize;
            self.buffer.resize(length, 0);
            file.read_exact_at(&mut self.buffer, at)?;
            self.out.write_all(&self.buffer)?;
            at += length as u64;
        }
        Ok(())
    }
}
