//! A sample entry of MP4 (`VisualSampleEntry`, ISO/IEC 14496-12, 12.1.3) with
//! another decoder configuration.
//!
//! ```text
//! | size | avc1 | VisualSampleEntry: 78 bytes | avcC | pasp | colr | ... |
//! ```

use crate::MediaError;
use crate::codec::bits::ByteReader;

/// Bytes of a `VisualSampleEntry` before the boxes in it, its header included.
const FIXED: usize = 8 + 78;

/// A sample entry with `config` as the content of its box `config_name`, and
/// perhaps another name (`entry_name`). Everything else stays as it is.
///
/// # Errors
/// `Damaged` when it is no `VisualSampleEntry` with one such box.
pub(super) fn with_config(
    entry: &[u8],
    config_name: [u8; 4],
    config: &[u8],
    entry_name: Option<[u8; 4]>,
) -> Result<Vec<u8>, MediaError> {
    let damaged = || MediaError::damaged("a sample entry that can't be read");
    let mut fields = ByteReader::new(entry, "a sample entry ends too early");
    let fixed = fields.bytes(FIXED)?;
    let size = |bytes: usize| u32::try_from(bytes).map(u32::to_be_bytes).map_err(|_| damaged());
    let mut rewritten = size(0)?.to_vec();
    rewritten
        .extend(entry_name.as_ref().map_or(fixed.get(4..8), |name| Some(&name[..])).unwrap_or(&[]));
    rewritten.extend_from_slice(fixed.get(8..).unwrap_or_default());
    let mut found = 0;
    // Four zero bytes, or less than a box header, may end the list.
    while fields.rest().len() >= 8 {
        let header = fields.clone().bytes(8)?;
        let (length, kind) = header.split_at(4);
        let length = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
        if length < 8 {
            break;
        }
        let whole = fields.bytes(length)?;
        if kind == config_name {
            found += 1;
            rewritten.extend(size(config.len() + 8)?);
            rewritten.extend(config_name);
            rewritten.extend_from_slice(config);
        } else {
            rewritten.extend_from_slice(whole);
        }
    }
    if found != 1 {
        return Err(damaged());
    }
    let length = size(rewritten.len())?;
    rewritten.get_mut(..4).ok_or_else(damaged)?.copy_from_slice(&length);
    Ok(rewritten)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_box_is_replaced() {
        let entry_with = |name: &[u8; 4], config: &[u8]| {
            let rest = [&[0, 0, 0, 8], &b"pasp"[..], &[0; 4]].concat();
            let config = [&[0, 0, 0, 8 + config.len() as u8], &b"avcC"[..], config].concat();
            let size = (FIXED + config.len() + rest.len()) as u32;
            [&size.to_be_bytes(), &name[..], &[7; 78], &config, &rest].concat()
        };
        let entry = entry_with(b"avc3", &[1, 2]);
        // The four zero bytes that end the list are left out.
        let short = |entry: Vec<u8>| {
            let size = entry.len() as u32 - 4;
            [&size.to_be_bytes(), &entry[4..entry.len() - 4]].concat()
        };
        let with = |own| with_config(&entry, *b"avcC", &[3, 4, 5], own).unwrap();
        assert_eq!(with(None), short(entry_with(b"avc3", &[3, 4, 5])));
        assert_eq!(with(Some(*b"avc1")), short(entry_with(b"avc1", &[3, 4, 5])));
        assert!(with_config(&entry, *b"hvcC", &[], None).is_err());
        for length in 0..entry.len() - 12 {
            assert!(with_config(&entry[..length], *b"avcC", &[], None).is_err());
        }
    }
}
