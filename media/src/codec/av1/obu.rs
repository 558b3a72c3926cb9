//! Open bitstream units one after the other (5.3).

use crate::Error;

/// One unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu<'a> {
    /// `obu_type`.
    pub kind: u8,
    /// What follows its header, as far as it is there: of the last one perhaps
    /// only the beginning.
    pub payload: &'a [u8],
    /// Header and payload.
    pub whole: &'a [u8],
}

/// The units in some bytes, which may end within the last one.
pub fn obus(bytes: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, Error>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let found = next(rest);
        rest = found.as_ref().map_or(&[], |(_, after)| *after);
        Some(found.map(|(obu, _)| obu))
    })
}

fn next(bytes: &[u8]) -> Result<(Obu<'_>, &[u8]), Error> {
    let ends = || Error::damaged("a unit of AV1 ends too early");
    let (header, mut rest) = bytes.split_first().ok_or_else(ends)?;
    if header & 0x80 != 0 {
        return Err(Error::damaged("a unit that isn't AV1"));
    }
    if header & 4 != 0 {
        rest = rest.get(1..).ok_or_else(ends)?;
    }
    let mut size = rest.len() as u64;
    if header & 2 != 0 {
        size = 0;
        for place in 0.. {
            let (byte, after) = rest.split_first().ok_or_else(ends)?;
            rest = after;
            size |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                break;
            }
            if place == 7 {
                return Err(Error::damaged("the size of a unit of AV1 is too long"));
            }
        }
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
    let (payload, after) = rest.split_at(size);
    let whole = bytes.get(..bytes.len() - after.len()).unwrap_or_default();
    Ok((Obu { kind: header >> 3 & 15, payload, whole }, after))
}
