//! EBML (RFC 8794), reading: headers of elements, and elements in memory.
//!
//! ```text
//! element = ID (VINT of 1 to 4 bytes, marker bits kept)
//!           size of the content (VINT of 1 to 8 bytes; all ones: unknown)
//!           content: a number, text, bytes, or elements
//! ```

use crate::MediaError;

/// Most bytes of an element's header: 4 of its ID, 8 of its size.
pub const HEADER_MAX: usize = 12;

/// The header of an element (RFC 8794, 5 and 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementHeader {
    /// The element's ID, with the marker bits.
    pub id: u32,
    /// Bytes of its content; none when the muxer did not know.
    pub size: Option<u64>,
    /// Bytes of the header itself.
    pub length: usize,
}

/// The header at the start of `bytes`; none when they end too early.
///
/// # Errors
/// When no header starts with these bytes.
pub fn parse_header(bytes: &[u8]) -> Result<Option<ElementHeader>, MediaError> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let id_length = first.leading_zeros() as usize + 1;
    if id_length > 4 {
        return Err(MediaError::damaged("no Matroska element where one has to be"));
    }
    let Some(id) = bytes.get(..id_length) else { return Ok(None) };
    let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let size = bytes.get(id_length..).map(parse_vint).transpose()?.flatten();
    Ok(size.map(|size| ElementHeader { id, size: size.value, length: id_length + size.length }))
}

/// A variable-size integer (RFC 8794, 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vint {
    /// Its value; none when all of its bits are set.
    pub value: Option<u64>,
    /// Bytes that it takes.
    pub length: usize,
}

/// The variable-size integer at the start of `bytes`; none when they end too
/// early.
///
/// # Errors
/// When it would be longer than 8 bytes.
pub fn parse_vint(bytes: &[u8]) -> Result<Option<Vint>, MediaError> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return Err(MediaError::damaged("a Matroska number is too long"));
    }
    let Some(bytes) = bytes.get(..length) else { return Ok(None) };
    let all = bytes.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    let mask = (1_u64 << (7 * length)) - 1;
    let value = all & mask;
    Ok(Some(Vint { value: (value != mask).then_some(value), length }))
}

/// The elements within the content of another one.
pub fn children(content: &[u8]) -> ChildElements<'_> {
    ChildElements { rest: content }
}

/// See [`children`].
#[derive(Debug)]
pub struct ChildElements<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ChildElements<'a> {
    type Item = Result<(u32, &'a [u8]), MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let found = parse_header(rest).and_then(|header| {
            let header = header.ok_or_else(cut_off)?;
            let size = header.size.and_then(|size| usize::try_from(size).ok());
            let end = size.and_then(|size| size.checked_add(header.length)).ok_or_else(cut_off)?;
            let content = rest.get(header.length..end).ok_or_else(cut_off)?;
            Ok((header.id, content, rest.get(end..).unwrap_or_default()))
        });
        Some(found.map(|(id, content, after)| {
            self.rest = after;
            (id, content)
        }))
    }
}

/// An element reaches beyond its parent or the file.
pub fn cut_off() -> MediaError {
    MediaError::damaged("a Matroska element is cut off")
}

/// An unsigned integer.
///
/// # Errors
/// When it has more than 8 bytes.
pub fn parse_unsigned(content: &[u8]) -> Result<u64, MediaError> {
    if content.len() > 8 {
        return Err(MediaError::damaged("a Matroska integer is too long"));
    }
    Ok(content.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// A floating point number; 0 when it is empty.
///
/// # Errors
/// When it has neither 0, 4 nor 8 bytes, or is not finite.
pub fn parse_float(content: &[u8]) -> Result<f64, MediaError> {
    let value = match content.len() {
        0 => Some(0.0),
        4 => content.try_into().ok().map(|bytes| f64::from(f32::from_be_bytes(bytes))),
        8 => content.try_into().ok().map(f64::from_be_bytes),
        _ => None,
    };
    value
        .filter(|value| value.is_finite())
        .ok_or_else(|| MediaError::damaged("a Matroska number makes no sense"))
}

/// Text, without the zeros that may end it; what is not UTF-8 is replaced.
pub fn parse_text(content: &[u8]) -> String {
    let end = content.iter().position(|byte| *byte == 0).unwrap_or(content.len());
    String::from_utf8_lossy(content.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn headers_are_read_and_refused() {
        let known = parse_header(&[0x1F, 0x43, 0xB6, 0x75, 0x40, 0x02]).unwrap().unwrap();
        assert_eq!(known, ElementHeader { id: 0x1F43_B675, size: Some(2), length: 6 });
        assert_eq!(parse_header(&[0xA3, 0xFF]).unwrap().unwrap().size, None);
        assert_eq!(parse_header(&[0xA3, 0x01, 0xFF, 0xFF]).unwrap(), None);
        assert!(parse_header(&[0x08, 0x81]).is_err());
        assert!(parse_header(&[0xA3, 0x00]).is_err());
    }

    #[test]
    fn children_stay_within_their_parent() {
        let good: Vec<_> = children(&[0xD7, 0x81, 7, 0xEC, 0x80]).collect();
        assert_eq!(good, [Ok((0xD7, &[7_u8][..])), Ok((0xEC, &[][..]))]);
        let bad: Vec<_> = children(&[0xD7, 0x82, 7]).collect();
        assert_eq!(bad, [Err(cut_off())]);
        let endless: Vec<_> = children(&[0xD7, 0xFF, 7]).collect();
        assert_eq!(endless, [Err(cut_off())]);
    }
}
