//! EBML (RFC 8794): headers of elements, and elements that are in memory.

use crate::Error;

/// Most bytes that the header of an element has: 4 of its id, 8 of its size.
pub const HEADER: usize = 12;

/// The header of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What it is, with the marker bits.
    pub id: u32,
    /// Bytes of its content; none when whoever wrote it did not know.
    pub size: Option<u64>,
    /// Bytes of the header itself.
    pub length: usize,
}

/// The header at the beginning of `bytes`; none when they end too early.
///
/// # Errors
/// When no header begins so.
pub fn header(bytes: &[u8]) -> Result<Option<Header>, Error> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let wide = first.leading_zeros() as usize + 1;
    if wide > 4 {
        return Err(Error::damaged("no Matroska element where one has to be"));
    }
    let Some(id) = bytes.get(..wide) else { return Ok(None) };
    let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    match bytes.get(wide..).map(number).transpose()?.flatten() {
        Some((size, long)) => Ok(Some(Header { id, size, length: wide + long })),
        None => Ok(None),
    }
}

/// A number of variable length, and its own length; none inside when all of
/// its bits are set, none at all when the bytes end too early.
///
/// # Errors
/// When it would be longer than 8 bytes.
pub fn number(bytes: &[u8]) -> Result<Option<(Option<u64>, usize)>, Error> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let long = first.leading_zeros() as usize + 1;
    if long > 8 {
        return Err(Error::damaged("a Matroska number is too long"));
    }
    let Some(bytes) = bytes.get(..long) else { return Ok(None) };
    let all = bytes.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    let mask = (1_u64 << (7 * long)) - 1;
    let value = all & mask;
    Ok(Some(((value != mask).then_some(value), long)))
}

/// The elements within the content of another one.
pub fn children(content: &[u8]) -> Children<'_> {
    Children { rest: content }
}

/// See [`children`].
#[derive(Debug)]
pub struct Children<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<(u32, &'a [u8]), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let found = header(rest).and_then(|header| {
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

/// An element is not within the one around it.
pub fn cut_off() -> Error {
    Error::damaged("a Matroska element is cut off")
}

/// An unsigned integer.
///
/// # Errors
/// When it has more than 8 bytes.
pub fn unsigned(content: &[u8]) -> Result<u64, Error> {
    if content.len() > 8 {
        return Err(Error::damaged("a Matroska integer is too long"));
    }
    Ok(content.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// A floating point number; 0 when it is empty.
///
/// # Errors
/// When it has neither 0, 4 nor 8 bytes, or is not finite.
pub fn float(content: &[u8]) -> Result<f64, Error> {
    let value = match content.len() {
        0 => Some(0.0),
        4 => content.try_into().ok().map(|bytes| f64::from(f32::from_be_bytes(bytes))),
        8 => content.try_into().ok().map(f64::from_be_bytes),
        _ => None,
    };
    value
        .filter(|value| value.is_finite())
        .ok_or_else(|| Error::damaged("a Matroska number makes no sense"))
}

/// Text, without the zeros that may end it; what is not UTF-8 is replaced.
pub fn text(content: &[u8]) -> String {
    let end = content.iter().position(|byte| *byte == 0).unwrap_or(content.len());
    String::from_utf8_lossy(content.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn headers_are_read_and_refused() {
        let known = header(&[0x1F, 0x43, 0xB6, 0x75, 0x40, 0x02]).unwrap().unwrap();
        assert_eq!(known, Header { id: 0x1F43_B675, size: Some(2), length: 6 });
        assert_eq!(header(&[0xA3, 0xFF]).unwrap().unwrap().size, None);
        assert_eq!(header(&[0xA3, 0x01, 0xFF, 0xFF]).unwrap(), None);
        assert!(header(&[0x08, 0x81]).is_err());
        assert!(header(&[0xA3, 0x00]).is_err());
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
