//! NAL units of H.264 and HEVC as they lie in a sample: one after the other,
//! each after its length. Emulation prevention both ways.

use bytes::Bytes;

use crate::codec::bits::BitReader;
use crate::{Error, ReadAt, Sample};

/// Most bytes of a parameter set: what `avcC` and `hvcC` can hold.
pub const LARGEST_SET: usize = u16::MAX as usize;

/// Bytes that are read at once when only the beginnings of units are wanted.
const WINDOW: usize = 2048;

/// What of a coded picture is shown: reads the edges that a sequence parameter
/// set cuts away, in units of chroma samples (ITU-T H.264, 7.4.2.1.1; H.265,
/// 7.4.3.2.1). `fields` is how many fields make a picture.
///
/// # Errors
/// `Damaged` when nothing is left.
pub(crate) fn cropped(
    bits: &mut BitReader<'_>,
    (chroma, planes): (u8, bool),
    fields: u32,
    (width, height): (u32, u32),
) -> Result<(u32, u32), Error> {
    let (across, down) = match (chroma, planes) {
        (1, _) => (2, 2),
        (2, _) => (2, 1),
        _ => (1, 1),
    };
    let mut edges = || Ok::<u32, Error>(bits.ue_to(65_535)? + bits.ue_to(65_535)?);
    let left = |size: u32, cut: u32| {
        let left = size.checked_sub(cut).filter(|left| *left > 0);
        left.ok_or_else(|| Error::damaged("all of a picture is cut away"))
    };
    Ok((left(width, edges()? * across)?, left(height, edges()? * down * fields)?))
}

/// How many bytes tell the length of a unit: 1, 2 or 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthSize(u8);

impl LengthSize {
    /// From `lengthSizeMinusOne` as configurations have it, in the two lowest
    /// bits.
    ///
    /// # Errors
    /// `Damaged` for 3 bytes, which are reserved.
    pub fn minus_one(byte: u8) -> Result<LengthSize, Error> {
        match byte & 3 {
            2 => Err(Error::damaged("units with lengths of 3 bytes")),
            size => Ok(LengthSize(size + 1)),
        }
    }

    /// Bytes.
    pub fn bytes(self) -> usize {
        usize::from(self.0)
    }

    /// Adds a unit after its length.
    ///
    /// # Errors
    /// `Unsupported` when the length doesn't fit.
    pub fn push(self, unit: &[u8], sample: &mut Vec<u8>) -> Result<(), Error> {
        sample.extend(self.length(unit.len())?);
        sample.extend_from_slice(unit);
        Ok(())
    }

    /// The length of a unit of so many bytes, as it is written before it.
    ///
    /// # Errors
    /// `Unsupported` when it doesn't fit.
    pub fn length(self, bytes: usize) -> Result<Vec<u8>, Error> {
        let length = u32::try_from(bytes).ok();
        let length = length.filter(|length| u64::from(*length) >> (8 * self.bytes()) == 0);
        let length = length.ok_or_else(|| {
            Error::unsupported("an encoded frame is too large for the source's short lengths")
        })?;
        Ok(length.to_be_bytes().get(4 - self.bytes()..).unwrap_or_default().to_vec())
    }
}

/// The units of a whole sample; empty ones are left out.
///
/// # Errors
/// `Damaged` when a length goes beyond the sample.
pub fn split(mut sample: &[u8], lengths: LengthSize) -> Result<Vec<&[u8]>, Error> {
    let mut units = Vec::new();
    while !sample.is_empty() {
        let (length, rest) = sample.split_at_checked(lengths.bytes()).ok_or_else(beyond)?;
        let length = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
        let (unit, rest) = rest.split_at_checked(length).ok_or_else(beyond)?;
        if !unit.is_empty() {
            units.push(unit);
        }
        sample = rest;
    }
    Ok(units)
}

fn beyond() -> Error {
    Error::damaged("a unit goes beyond its sample")
}

/// The units of a sample of a file, one after the other, reading little more
/// than the beginning of each.
pub struct Units<'a> {
    file: &'a dyn ReadAt,
    lengths: LengthSize,
    at: u64,
    end: u64,
    window: (u64, Bytes),
}

/// Where a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its first byte in the file, after the length.
    pub offset: u64,
    /// Bytes, at least 1.
    pub size: u32,
    /// Its first byte.
    pub first: u8,
    /// Its second byte, 0 when it has none.
    pub second: u8,
}

impl<'a> Units<'a> {
    /// Those of `sample`.
    pub fn new(file: &'a dyn ReadAt, sample: &Sample, lengths: LengthSize) -> Units<'a> {
        let end = sample.offset.saturating_add(u64::from(sample.size));
        Units { file, lengths, at: sample.offset, end, window: (0, Bytes::new()) }
    }

    /// The next one; empty ones are passed over.
    ///
    /// # Errors
    /// `Damaged` when a length goes beyond the sample, and those of the file.
    pub async fn next(&mut self) -> Result<Option<Unit>, Error> {
        while self.at < self.end {
            let prefix = self.peek(self.at, self.lengths.bytes()).await?;
            let size = prefix.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
            let offset = self.at + prefix.len() as u64;
            let end = offset.checked_add(u64::from(size)).filter(|end| *end <= self.end);
            self.at = end.ok_or_else(beyond)?;
            if size > 0 {
                let start = self.peek(offset, size.min(2) as usize).await?;
                let byte = |index: usize| start.get(index).copied().unwrap_or_default();
                return Ok(Some(Unit { offset, size, first: byte(0), second: byte(1) }));
            }
        }
        Ok(None)
    }

    /// The bytes of a parameter set, or of another unit that must be small.
    ///
    /// # Errors
    /// `TooLarge` when it has more than [`LARGEST_SET`], and those of the file.
    pub async fn read(&mut self, unit: Unit) -> Result<Bytes, Error> {
        let size = usize::try_from(unit.size).unwrap_or(usize::MAX);
        if size > LARGEST_SET {
            return Err(Error::too_large("a parameter set of more than 64 KiB"));
        }
        self.peek(unit.offset, size).await
    }

    /// The first bytes of a unit, at most `most`.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn beginning(&mut self, unit: Unit, most: u32) -> Result<Bytes, Error> {
        self.peek(unit.offset, unit.size.min(most) as usize).await
    }

    async fn peek(&mut self, from: u64, length: usize) -> Result<Bytes, Error> {
        let (start, window) = &self.window;
        let inside = from.checked_sub(*start).and_then(|skip| usize::try_from(skip).ok());
        let range = inside.and_then(|skip| Some(skip..skip.checked_add(length)?));
        if let Some(range) = range.filter(|range| range.end <= window.len()) {
            return Ok(window.slice(range));
        }
        let left = self.end.saturating_sub(from);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if left < length {
            return Err(beyond());
        }
        let bytes = self.file.read_at(from, left.min(length.max(WINDOW))).await?;
        let wanted = bytes.get(..length).map(|_| bytes.slice(..length)).ok_or_else(beyond)?;
        self.window = (from, bytes);
        Ok(wanted)
    }
}

/// A number as a sum of bytes, of which all but the last are 255: type and size
/// of a message of supplemental information (H.264, 7.3.2.3.1; H.265, 7.3.5).
pub(crate) fn summed(rest: &mut &[u8]) -> Option<usize> {
    let mut sum = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        sum += usize::from(*byte);
        if *byte != 255 {
            return Some(sum);
        }
    }
}

/// A unit without the bytes that only keep it from looking like a start code.
pub fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for byte in unit {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

/// How many bytes of a unit the first `plain` ones without emulation prevention
/// are.
pub fn escaped_length(unit: &[u8], plain: usize) -> usize {
    let (mut zeros, mut found) = (0, 0);
    for (place, byte) in unit.iter().enumerate() {
        if found == plain {
            return place;
        }
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        found += 1;
    }
    unit.len()
}

/// A unit with the bytes that keep it from looking like a start code.
pub fn escape(plain: &[u8]) -> Vec<u8> {
    let mut unit = Vec::with_capacity(plain.len() + plain.len() / 64 + 1);
    let mut zeros = 0;
    for byte in plain {
        if zeros >= 2 && *byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        unit.push(*byte);
    }
    // A unit must not end in zero: what follows could begin with zeros.
    if zeros > 0 {
        unit.push(3);
    }
    unit
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn emulation_prevention_round_trips() {
        let cases: [(&[u8], &[u8]); 6] = [
            (&[0, 0, 1], &[0, 0, 3, 1]),
            (&[0, 0, 0, 0, 1], &[0, 0, 3, 0, 0, 3, 1]),
            (&[0, 0, 3], &[0, 0, 3, 3]),
            (&[0, 0, 4], &[0, 0, 4]),
            (&[9, 0, 0], &[9, 0, 0, 3]),
            (&[], &[]),
        ];
        for (plain, unit) in cases {
            assert_eq!(escape(plain), unit, "{plain:?}");
            assert_eq!(unescape(unit), plain);
            for length in 0..=plain.len() {
                let escaped = &unit[..escaped_length(unit, length)];
                assert_eq!(unescape(escaped), plain[..length], "{length} of {plain:?}");
            }
        }
        // All strings of five of the bytes that matter.
        for number in 0..5_u32.pow(5) {
            let plain: Vec<u8> =
                (0..5).map(|place| (number / 5_u32.pow(place) % 5) as u8).collect();
            let unit = escape(&plain);
            assert!(!unit.windows(3).any(|bytes| bytes[..2] == [0, 0] && bytes[2] < 3));
            // No payload ends in a single zero byte: its stop bit would be missing.
            if plain.last() == Some(&0) {
                continue;
            }
            assert_eq!(unescape(&unit), plain, "{unit:?}");
        }
    }

    #[test]
    fn lengths_of_all_sizes() {
        for (minus_one, sample) in [
            (0, &[2, 7, 8, 1, 9][..]),
            (1, &[0, 2, 7, 8, 0, 1, 9]),
            (3, &[0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9]),
        ] {
            let lengths = LengthSize::minus_one(minus_one).unwrap();
            assert_eq!(split(sample, lengths).unwrap(), [&[7, 8][..], &[9]]);
            let mut made = Vec::new();
            lengths.push(&[7, 8], &mut made).unwrap();
            lengths.push(&[9], &mut made).unwrap();
            assert_eq!(made, sample);
            assert!(split(&sample[..sample.len() - 1], lengths).is_err());
        }
        assert!(LengthSize::minus_one(2).is_err());
        let short = LengthSize::minus_one(0).unwrap();
        assert!(short.push(&[0; 256], &mut Vec::new()).is_err());
    }

    #[tokio::test]
    async fn units_of_a_file() {
        let mut bytes = vec![0xee; 10];
        bytes.extend([0, 0, 0x20, 0]);
        bytes.extend(vec![0x65; 0x2000]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 3, 0x41, 0x42, 0x43]);
        let sample =
            Sample { offset: 10, size: bytes.len() as u32 - 10, pts: 0, duration: 1, sync: true };
        let lengths = LengthSize::minus_one(3).unwrap();
        let file = Bytes::from(bytes.clone());
        let mut units = Units::new(&file, &sample, lengths);
        let first = units.next().await.unwrap().unwrap();
        assert_eq!((first.offset, first.size, first.first), (14, 0x2000, 0x65));
        let second = units.next().await.unwrap().unwrap();
        assert_eq!((second.size, second.first, second.second), (3, 0x41, 0x42));
        assert_eq!(units.read(second).await.unwrap()[..], [0x41, 0x42, 0x43]);
        assert_eq!(units.next().await.unwrap(), None);

        let cut = Sample { size: sample.size - 1, ..sample };
        let mut units = Units::new(&file, &cut, lengths);
        units.next().await.unwrap();
        assert!(units.next().await.is_err());
    }
}
