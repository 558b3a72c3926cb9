//! NAL units of H.264 and HEVC in a sample of a file (ISO/IEC 14496-15, 4.3.3
//! and 5.3.4.2.1), and emulation prevention (ITU-T H.264, 7.4.1; H.265, 7.4.2).
//!
//! ```text
//! sample:   | length | NAL unit | length | NAL unit | ...     length: 1, 2 or 4 bytes
//! NAL unit: | header | payload with emulation prevention |    header: H.264 1 byte, HEVC 2
//! ```
//!
//! Without the emulation prevention bytes (`00 00 03` becomes `00 00`) the
//! payload is the raw byte sequence payload (RBSP). The functions here keep the
//! header before it; variables with such bytes are called `rbsp`.

use bytes::Bytes;

use crate::{MediaError, ReadAt, Sample};

/// Maximum size of a parameter set in bytes: what `avcC` and `hvcC` can hold.
pub const MAX_PARAMETER_SET: usize = u16::MAX as usize;

/// Bytes per read when only the first bytes of NAL units are needed.
const WINDOW: usize = 2048;

/// Size of the length field before each NAL unit: 1, 2 or 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthSize(u8);

impl LengthSize {
    /// From the byte of `avcC` or `hvcC` whose two lowest bits are
    /// `lengthSizeMinusOne`.
    ///
    /// # Errors
    /// `Damaged` for 3 bytes, which are reserved.
    pub fn from_minus_one(byte: u8) -> Result<LengthSize, MediaError> {
        match byte & 3 {
            2 => Err(MediaError::damaged("NAL units with length fields of 3 bytes")),
            size => Ok(LengthSize(size + 1)),
        }
    }

    /// Size of the length field in bytes.
    pub fn bytes(self) -> usize {
        usize::from(self.0)
    }

    /// Appends a NAL unit, after its length, to a sample.
    ///
    /// # Errors
    /// `Unsupported` when the length doesn't fit.
    pub fn push(self, unit: &[u8], sample: &mut Vec<u8>) -> Result<(), MediaError> {
        sample.extend(self.length_field(unit.len())?);
        sample.extend_from_slice(unit);
        Ok(())
    }

    /// The length field before a NAL unit of `bytes` bytes.
    ///
    /// # Errors
    /// `Unsupported` when the length doesn't fit.
    pub fn length_field(self, bytes: usize) -> Result<Vec<u8>, MediaError> {
        let length = u32::try_from(bytes).ok();
        let length = length.filter(|length| u64::from(*length) >> (8 * self.bytes()) == 0);
        let length = length.ok_or_else(|| {
            MediaError::unsupported(
                "an encoded frame is too large for the source's short length fields",
            )
        })?;
        Ok(length.to_be_bytes().get(4 - self.bytes()..).unwrap_or_default().to_vec())
    }
}

/// The NAL units of a whole sample; empty ones are left out.
///
/// # Errors
/// `Damaged` when a length goes beyond the sample.
pub fn split_nal_units(mut sample: &[u8], lengths: LengthSize) -> Result<Vec<&[u8]>, MediaError> {
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

fn beyond() -> MediaError {
    MediaError::damaged("a NAL unit goes beyond its sample")
}

/// Reads the NAL units of a sample of a file one after the other, and little
/// more than the first bytes of each.
pub struct NalUnitReader<'a> {
    file: &'a dyn ReadAt,
    lengths: LengthSize,
    /// File offset of the next length field.
    next: u64,
    /// File offset of the sample's end.
    end: u64,
    window: Window,
}

/// Bytes of the file that were read last.
struct Window {
    offset: u64,
    bytes: Bytes,
}

/// Where a NAL unit is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NalUnit {
    /// File offset of its first byte, after the length field.
    pub offset: u64,
    /// Bytes, at least 1.
    pub size: u32,
    /// Its first byte.
    pub first: u8,
    /// Its second byte, 0 when it has none.
    pub second: u8,
}

impl<'a> NalUnitReader<'a> {
    /// Reads the NAL units of `sample`.
    pub fn new(file: &'a dyn ReadAt, sample: &Sample, lengths: LengthSize) -> NalUnitReader<'a> {
        let end = sample.offset.saturating_add(u64::from(sample.size));
        let window = Window { offset: 0, bytes: Bytes::new() };
        NalUnitReader { file, lengths, next: sample.offset, end, window }
    }

    /// The next NAL unit; empty ones are skipped.
    ///
    /// # Errors
    /// `Damaged` when a length goes beyond the sample, and those of the file.
    pub async fn next(&mut self) -> Result<Option<NalUnit>, MediaError> {
        while self.next < self.end {
            let prefix = self.peek(self.next, self.lengths.bytes()).await?;
            let size = prefix.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
            let offset = self.next + prefix.len() as u64;
            let end = offset.checked_add(u64::from(size)).filter(|end| *end <= self.end);
            self.next = end.ok_or_else(beyond)?;
            if size > 0 {
                let start = self.peek(offset, size.min(2) as usize).await?;
                let byte = |index: usize| start.get(index).copied().unwrap_or_default();
                return Ok(Some(NalUnit { offset, size, first: byte(0), second: byte(1) }));
            }
        }
        Ok(None)
    }

    /// All bytes of a parameter set, or of another NAL unit that must be small.
    ///
    /// # Errors
    /// `TooLarge` when it has more than [`MAX_PARAMETER_SET`], and those of the file.
    pub async fn read(&mut self, unit: NalUnit) -> Result<Bytes, MediaError> {
        let size = usize::try_from(unit.size).unwrap_or(usize::MAX);
        if size > MAX_PARAMETER_SET {
            return Err(MediaError::too_large("a parameter set of more than 64 KiB"));
        }
        self.peek(unit.offset, size).await
    }

    /// The first bytes of a NAL unit, at most `most`.
    ///
    /// # Errors
    /// Those of the file.
    pub async fn read_start(&mut self, unit: NalUnit, most: u32) -> Result<Bytes, MediaError> {
        self.peek(unit.offset, unit.size.min(most) as usize).await
    }

    async fn peek(&mut self, from: u64, length: usize) -> Result<Bytes, MediaError> {
        let window = &self.window;
        let inside = from.checked_sub(window.offset).and_then(|skip| usize::try_from(skip).ok());
        let range = inside.and_then(|skip| Some(skip..skip.checked_add(length)?));
        if let Some(range) = range.filter(|range| range.end <= window.bytes.len()) {
            return Ok(window.bytes.slice(range));
        }
        let left = self.end.saturating_sub(from);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if left < length {
            return Err(beyond());
        }
        let bytes = self.file.read_at(from, left.min(length.max(WINDOW))).await?;
        let wanted = bytes.get(..length).map(|_| bytes.slice(..length)).ok_or_else(beyond)?;
        self.window = Window { offset: from, bytes };
        Ok(wanted)
    }
}

/// Reads `payloadType` or `payloadSize` of an SEI message: a sum of bytes, of
/// which all but the last are 255 (ITU-T H.264, 7.3.2.3.1; H.265, 7.3.5).
pub(crate) fn read_sei_number(rest: &mut &[u8]) -> Option<usize> {
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

/// A NAL unit without its emulation prevention bytes.
pub fn remove_emulation_prevention(unit: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for byte in unit {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(*byte);
    }
    rbsp
}

/// How many bytes of a NAL unit hold its first `rbsp_length` bytes without
/// emulation prevention.
pub fn length_with_emulation_prevention(unit: &[u8], rbsp_length: usize) -> usize {
    let (mut zeros, mut found) = (0, 0);
    for (place, byte) in unit.iter().enumerate() {
        if found == rbsp_length {
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

/// A NAL unit with emulation prevention bytes, so that no start code is in it.
pub fn insert_emulation_prevention(rbsp: &[u8]) -> Vec<u8> {
    let mut unit = Vec::with_capacity(rbsp.len() + rbsp.len() / 64 + 1);
    let mut zeros = 0;
    for byte in rbsp {
        if zeros >= 2 && *byte <= 3 {
            unit.push(3);
            zeros = 0;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        unit.push(*byte);
    }
    // A NAL unit must not end in a zero byte: the next bytes may be zeros as well.
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
        for (rbsp, unit) in cases {
            assert_eq!(insert_emulation_prevention(rbsp), unit, "{rbsp:?}");
            assert_eq!(remove_emulation_prevention(unit), rbsp);
            for length in 0..=rbsp.len() {
                let escaped = &unit[..length_with_emulation_prevention(unit, length)];
                assert_eq!(
                    remove_emulation_prevention(escaped),
                    rbsp[..length],
                    "{length} of {rbsp:?}"
                );
            }
        }
        // All strings of five of the bytes that matter.
        for number in 0..5_u32.pow(5) {
            let rbsp: Vec<u8> = (0..5).map(|place| (number / 5_u32.pow(place) % 5) as u8).collect();
            let unit = insert_emulation_prevention(&rbsp);
            assert!(!unit.windows(3).any(|bytes| bytes[..2] == [0, 0] && bytes[2] < 3));
            // No payload ends in a single zero byte: its stop bit would be missing.
            if rbsp.last() == Some(&0) {
                continue;
            }
            assert_eq!(remove_emulation_prevention(&unit), rbsp, "{unit:?}");
        }
    }

    #[test]
    fn lengths_of_all_sizes() {
        for (minus_one, sample) in [
            (0, &[2, 7, 8, 1, 9][..]),
            (1, &[0, 2, 7, 8, 0, 1, 9]),
            (3, &[0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9]),
        ] {
            let lengths = LengthSize::from_minus_one(minus_one).unwrap();
            assert_eq!(split_nal_units(sample, lengths).unwrap(), [&[7, 8][..], &[9]]);
            let mut made = Vec::new();
            lengths.push(&[7, 8], &mut made).unwrap();
            lengths.push(&[9], &mut made).unwrap();
            assert_eq!(made, sample);
            assert!(split_nal_units(&sample[..sample.len() - 1], lengths).is_err());
        }
        assert!(LengthSize::from_minus_one(2).is_err());
        let short = LengthSize::from_minus_one(0).unwrap();
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
        let lengths = LengthSize::from_minus_one(3).unwrap();
        let file = Bytes::from(bytes.clone());
        let mut units = NalUnitReader::new(&file, &sample, lengths);
        let first = units.next().await.unwrap().unwrap();
        assert_eq!((first.offset, first.size, first.first), (14, 0x2000, 0x65));
        let second = units.next().await.unwrap().unwrap();
        assert_eq!((second.size, second.first, second.second), (3, 0x41, 0x42));
        assert_eq!(units.read(second).await.unwrap()[..], [0x41, 0x42, 0x43]);
        assert_eq!(units.next().await.unwrap(), None);

        let cut = Sample { size: sample.size - 1, ..sample };
        let mut units = NalUnitReader::new(&file, &cut, lengths);
        units.next().await.unwrap();
        assert!(units.next().await.is_err());
    }
}
