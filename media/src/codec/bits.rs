//! Readers and a writer for headers and decoder configurations: bits of fixed
//! length, exponential Golomb codes (ITU-T H.264, 9.1; ITU-T H.265, 9.2), whole
//! bytes. Callers remove emulation prevention before they read, and insert it
//! after they have written.

use crate::MediaError;

/// Reads bits, the highest of each byte first.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// From the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> BitReader<'a> {
        BitReader { bytes, at: 0 }
    }

    /// Bits read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next bit.
    ///
    /// # Errors
    /// `Damaged` at the end, like all others here.
    pub fn bit(&mut self) -> Result<bool, MediaError> {
        let byte = self.bytes.get(self.at / 8).ok_or_else(ends)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// The next `count` bits, at most 32, as a number.
    ///
    /// # Errors
    /// `Damaged` at the end.
    pub fn bits(&mut self, count: u32) -> Result<u32, MediaError> {
        debug_assert!(count <= 32);
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Ok(value)
    }

    /// Skips bits.
    ///
    /// # Errors
    /// `Damaged` when there are fewer.
    pub fn skip(&mut self, count: usize) -> Result<(), MediaError> {
        let at = self.at.checked_add(count).filter(|at| at.div_ceil(8) <= self.bytes.len());
        self.at = at.ok_or_else(ends)?;
        Ok(())
    }

    /// An unsigned exponential Golomb code, `ue(v)`.
    ///
    /// # Errors
    /// `Damaged` at the end, and for a number of 32 bits and more.
    pub fn ue(&mut self) -> Result<u32, MediaError> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros == 32 {
                return Err(MediaError::damaged("a number in a header is too long"));
            }
        }
        let low = self.bits(zeros)?;
        Ok((1_u32 << zeros) - 1 + low)
    }

    /// A signed exponential Golomb code, `se(v)`.
    ///
    /// # Errors
    /// `Damaged` at the end, and for a number of 32 bits and more.
    pub fn se(&mut self) -> Result<i64, MediaError> {
        let code = i64::from(self.ue()?);
        Ok(if code % 2 == 1 { code / 2 + 1 } else { -(code / 2) })
    }

    /// A `ue(v)` that may be at most `most`.
    ///
    /// # Errors
    /// `Damaged` at the end, and when it is more.
    pub fn ue_to(&mut self, most: u32) -> Result<u32, MediaError> {
        let value = self.ue()?;
        if value > most {
            return Err(MediaError::damaged("a number in a header is out of range"));
        }
        Ok(value)
    }
}

fn ends() -> MediaError {
    MediaError::damaged("a header ends too early")
}

/// Writes bits, the highest of each byte first.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    used: usize,
}

impl BitWriter {
    /// Nothing written.
    pub fn new() -> BitWriter {
        BitWriter::default()
    }

    /// Adds one bit.
    pub fn bit(&mut self, bit: bool) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (7 - self.used % 8);
        }
        self.used += 1;
    }

    /// Adds the lowest `count` bits of `value`, at most 32.
    pub fn bits(&mut self, value: u32, count: u32) {
        for place in (0..count).rev() {
            self.bit(value >> place & 1 == 1);
        }
    }

    /// Adds an unsigned exponential Golomb code; `value` below `u32::MAX`.
    pub fn ue(&mut self, value: u32) {
        let code = value.saturating_add(1);
        let length = 32 - code.leading_zeros();
        self.bits(0, length - 1);
        self.bits(code, length);
    }

    /// Copies the rest of a raw byte sequence payload up to its stop bit, and
    /// closes it with `rbsp_trailing_bits`: the stop bit and zeros up to a whole
    /// byte.
    ///
    /// # Errors
    /// `Damaged` when `rest` has no stop bit.
    pub fn copy_rest(&mut self, mut rest: BitReader<'_>) -> Result<(), MediaError> {
        let last = rest.bytes.iter().rposition(|byte| *byte != 0);
        let stop = last.map(|last| last * 8 + 7 - rest.bytes[last].trailing_zeros() as usize);
        let stop = stop.filter(|stop| *stop >= rest.at);
        let stop = stop.ok_or_else(|| MediaError::damaged("a parameter set has no end"))?;
        self.copy_until(&mut rest, stop)?;
        self.bit(true);
        Ok(())
    }

    /// Copies bits up to the position `end` of the reader.
    ///
    /// # Errors
    /// `Damaged` when the reader ends before.
    pub fn copy_until(&mut self, from: &mut BitReader<'_>, end: usize) -> Result<(), MediaError> {
        while from.at < end {
            let bit = from.bit()?;
            self.bit(bit);
        }
        Ok(())
    }

    /// Whether the last byte is full.
    pub fn is_byte_aligned(&self) -> bool {
        self.used.is_multiple_of(8)
    }

    /// The bytes; unused bits of the last one are 0.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads whole bytes of a decoder configuration, one field after the other.
#[derive(Debug, Clone)]
pub struct ByteReader<'a> {
    bytes: &'a [u8],
    ends: &'static str,
}

impl<'a> ByteReader<'a> {
    /// Reads all of `bytes`; `ends` is the text of the error when they end too
    /// early.
    pub fn new(bytes: &'a [u8], ends: &'static str) -> ByteReader<'a> {
        ByteReader { bytes, ends }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// `Damaged` when there are fewer, like all others here.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], MediaError> {
        let (taken, rest) =
            self.bytes.split_at_checked(count).ok_or_else(|| MediaError::damaged(self.ends))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// `Damaged` at the end.
    pub fn u8(&mut self) -> Result<u8, MediaError> {
        Ok(self.bytes(1)?.iter().fold(0, |_, byte| *byte))
    }

    /// The next two bytes, the higher first.
    ///
    /// # Errors
    /// `Damaged` at the end.
    pub fn u16(&mut self) -> Result<u16, MediaError> {
        Ok(self.bytes(2)?.iter().fold(0, |value, byte| value << 8 | u16::from(*byte)))
    }

    /// The bytes that have not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn exponential_golomb_round_trips() {
        let values = [0, 1, 2, 6, 7, 14, 15, 30, 31, 254, 255, 65_535, u32::MAX - 2, u32::MAX - 1];
        let mut writer = BitWriter::new();
        for value in values {
            writer.ue(value);
        }
        let bytes = writer.finish();
        let mut reader = BitReader::new(&bytes);
        for value in values {
            assert_eq!(reader.ue().unwrap(), value);
        }
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // 1, 010, 011, 00100, 00101: unsigned 0 to 4, signed 0, 1, -1, 2, -2.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut reader = BitReader::new(&bytes);
        let unsigned: Vec<u32> = (0..5).map(|_| reader.ue().unwrap()).collect();
        assert_eq!(unsigned, [0, 1, 2, 3, 4]);
        let mut reader = BitReader::new(&bytes);
        let signed: Vec<i64> = (0..5).map(|_| reader.se().unwrap()).collect();
        assert_eq!(signed, [0, 1, -1, 2, -2]);
    }

    #[test]
    fn the_end_is_an_error() {
        assert!(BitReader::new(&[]).bit().is_err());
        assert!(BitReader::new(&[0; 16]).ue().is_err(), "a code without an end");
        assert!(BitReader::new(&[0]).ue().is_err());
        assert!(BitReader::new(&[1]).skip(9).is_err());
        assert!(BitReader::new(&[1]).skip(usize::MAX).is_err());
    }

    #[test]
    fn a_rest_is_closed_again() {
        // 101 and the stop bit, moved by three bits.
        let mut writer = BitWriter::new();
        writer.bits(0b111, 3);
        writer.copy_rest(BitReader::new(&[0b1011_0000, 0])).unwrap();
        assert_eq!(writer.finish(), [0b1111_0110]);
        let mut writer = BitWriter::new();
        writer.copy_rest(BitReader::new(&[0b1000_0000])).unwrap();
        assert_eq!(writer.finish(), [0b1000_0000]);
        assert!(BitWriter::new().copy_rest(BitReader::new(&[0, 0])).is_err());
    }
}
