//! Open bitstream units (5.3), and what the first ones of a sample are.

use super::sequence_header::Av1SequenceHeader;
use crate::MediaError;

/// `obu_type` OBU_SEQUENCE_HEADER (6.2.2).
const SEQUENCE_HEADER: u8 = 1;
/// `obu_type` OBU_FRAME_HEADER.
const FRAME_HEADER: u8 = 3;
/// `obu_type` OBU_FRAME.
const FRAME: u8 = 6;

/// One open bitstream unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu<'a> {
    /// `obu_type`.
    pub obu_type: u8,
    /// The bytes after its header. Of the last unit they may end too early, when
    /// only the start of a sample was read.
    pub payload: &'a [u8],
    /// Header and payload.
    pub whole: &'a [u8],
}

/// The units in some bytes, which may end within the last one.
fn obus(bytes: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, MediaError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let found = split_obu(rest);
        rest = found.as_ref().map_or(&[], |(_, after)| *after);
        Some(found.map(|(obu, _)| obu))
    })
}

/// The first unit, and the bytes after it.
fn split_obu(bytes: &[u8]) -> Result<(Obu<'_>, &[u8]), MediaError> {
    let (header, mut rest) = bytes.split_first().ok_or_else(ends)?;
    // obu_forbidden_bit
    if header & 0x80 != 0 {
        return Err(MediaError::damaged("an OBU that isn't AV1"));
    }
    // obu_extension_flag
    if header & 4 != 0 {
        rest = rest.get(1..).ok_or_else(ends)?;
    }
    // obu_has_size_field
    let size = if header & 2 != 0 { read_leb128(&mut rest)? } else { rest.len() as u64 };
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
    let (payload, after) = rest.split_at(size);
    let whole = bytes.get(..bytes.len() - after.len()).unwrap_or_default();
    Ok((Obu { obu_type: header >> 3 & 15, payload, whole }, after))
}

/// Reads a `leb128()` number (4.10.5).
fn read_leb128(rest: &mut &[u8]) -> Result<u64, MediaError> {
    let mut value = 0;
    for place in 0..8 {
        let (byte, after) = rest.split_first().ok_or_else(ends)?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(MediaError::damaged("the size of an OBU is too long"))
}

fn ends() -> MediaError {
    MediaError::damaged("an OBU ends too early")
}

/// What a decoder finds that starts with a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1SampleStart {
    /// Whether the first frame is a shown keyframe.
    pub is_shown_key_frame: bool,
    /// The sequence header before the first frame, when there is one.
    pub sequence_header: Option<Av1SequenceHeader>,
}

impl Av1SampleStart {
    /// Reads a sample, or the start of one, up to its first frame header.
    ///
    /// # Errors
    /// `Damaged` when it isn't AV1, or there is no frame in these bytes.
    pub fn parse(sample: &[u8]) -> Result<Av1SampleStart, MediaError> {
        let mut sequence_header = None;
        for obu in obus(sample) {
            let obu = obu?;
            match obu.obu_type {
                SEQUENCE_HEADER => sequence_header = Some(Av1SequenceHeader::parse(obu.payload)?),
                FRAME_HEADER | FRAME => {
                    // show_existing_frame 0, frame_type KEY_FRAME 00, show_frame 1 (5.9.2).
                    let first = obu.payload.first().copied().unwrap_or(0xff);
                    let is_shown_key_frame = first >> 4 == 0b0001;
                    return Ok(Av1SampleStart { is_shown_key_frame, sequence_header });
                }
                _ => {}
            }
        }
        Err(MediaError::damaged("a sample without a frame"))
    }
}

/// The first sequence header among some units.
///
/// # Errors
/// `Damaged` when the bytes before it are no units.
pub fn find_sequence_header(units: &[u8]) -> Result<Option<Obu<'_>>, MediaError> {
    for obu in obus(units) {
        let obu = obu?;
        if obu.obu_type == SEQUENCE_HEADER {
            return Ok(Some(obu));
        }
    }
    Ok(None)
}
