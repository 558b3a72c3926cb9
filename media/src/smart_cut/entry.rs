//! An MP4's sample entry with another configuration in it.

use crate::Error;
use crate::codec::fields::Fields;

/// Bytes of a picture's sample entry before the boxes in it.
const FIXED: usize = 8 + 78;

/// A sample entry with `content` in its box `name`, and perhaps another name
/// of its own. Everything else stays as it is.
///
/// # Errors
/// `Damaged` when it isn't the entry of a picture with one such box.
pub(super) fn with(
    entry: &[u8],
    name: [u8; 4],
    content: &[u8],
    own_name: Option<[u8; 4]>,
) -> Result<Vec<u8>, Error> {
    let damaged = || Error::damaged("a sample entry that can't be understood");
    let mut fields = Fields::new(entry, "a sample entry ends too early");
    let fixed = fields.take(FIXED)?;
    let size = |bytes: usize| u32::try_from(bytes).map(u32::to_be_bytes).map_err(|_| damaged());
    let mut made = size(0)?.to_vec();
    made.extend(own_name.as_ref().map_or(fixed.get(4..8), |name| Some(&name[..])).unwrap_or(&[]));
    made.extend_from_slice(fixed.get(8..).unwrap_or_default());
    let mut found = 0;
    // Four zeros, or less than a box, may end the list.
    while fields.rest().len() >= 8 {
        let header = fields.clone().take(8)?;
        let (length, kind) = header.split_at(4);
        let length = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
        if length < 8 {
            break;
        }
        let whole = fields.take(length)?;
        if kind == name {
            found += 1;
            made.extend(size(content.len() + 8)?);
            made.extend(name);
            made.extend_from_slice(content);
        } else {
            made.extend_from_slice(whole);
        }
    }
    if found != 1 {
        return Err(damaged());
    }
    let length = size(made.len())?;
    made.get_mut(..4).ok_or_else(damaged)?.copy_from_slice(&length);
    Ok(made)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_box_is_replaced() {
        let made = |name: &[u8; 4], config: &[u8]| {
            let rest = [&[0, 0, 0, 8], &b"pasp"[..], &[0; 4]].concat();
            let config = [&[0, 0, 0, 8 + config.len() as u8], &b"avcC"[..], config].concat();
            let size = (FIXED + config.len() + rest.len()) as u32;
            [&size.to_be_bytes(), &name[..], &[7; 78], &config, &rest].concat()
        };
        let entry = made(b"avc3", &[1, 2]);
        // What ends the list is left away, as the boxes' own sizes tell.
        let short = |entry: Vec<u8>| {
            let size = entry.len() as u32 - 4;
            [&size.to_be_bytes(), &entry[4..entry.len() - 4]].concat()
        };
        let with = |own| with(&entry, *b"avcC", &[3, 4, 5], own).unwrap();
        assert_eq!(with(None), short(made(b"avc3", &[3, 4, 5])));
        assert_eq!(with(Some(*b"avc1")), short(made(b"avc1", &[3, 4, 5])));
        assert!(super::with(&entry, *b"hvcC", &[], None).is_err());
        for length in 0..entry.len() - 12 {
            assert!(super::with(&entry[..length], *b"avcC", &[], None).is_err());
        }
    }
}
