//! Whole bytes of a configuration, one field after the other.

use crate::Error;

/// What is left of some bytes.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    ends: &'static str,
}

impl<'a> Fields<'a> {
    /// All of `bytes`; `ends` is said when they end too early.
    pub fn new(bytes: &'a [u8], ends: &'static str) -> Fields<'a> {
        Fields { bytes, ends }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// `Damaged` when there are fewer, like all others here.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) =
            self.bytes.split_at_checked(count).ok_or_else(|| Error::damaged(self.ends))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// `Damaged` at the end.
    pub fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?.iter().fold(0, |_, byte| *byte))
    }

    /// The next two bytes, the higher first.
    ///
    /// # Errors
    /// `Damaged` at the end.
    pub fn u16(&mut self) -> Result<u16, Error> {
        Ok(self.take(2)?.iter().fold(0, |value, byte| value << 8 | u16::from(*byte)))
    }

    /// All that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}
