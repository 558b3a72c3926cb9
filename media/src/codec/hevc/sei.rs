//! Further information beside pictures (7.3.5), as far as a cut needs it.

use super::{PREFIX_SEI, unit_type};
use crate::codec::nal::{LARGEST_SET, summed, unescape};

/// Whether a unit tells nothing but how bright pictures are meant: the display
/// that they were made on, their light levels, their transfer function. That
/// holds for a whole sequence and refers to no parameter set.
pub fn is_of_light(unit: &[u8]) -> bool {
    let kind = unit_type(unit.first().copied().unwrap_or_default());
    if kind != PREFIX_SEI || unit.len() > LARGEST_SET {
        return false;
    }
    let plain = unescape(unit);
    let mut rest = plain.get(2..).unwrap_or_default();
    let mut found = false;
    // The last byte is the stop bit.
    while rest.len() > 1 {
        let message = summed(&mut rest).zip(summed(&mut rest));
        let Some((137 | 144 | 147, size)) = message else { return false };
        let Some(after) = rest.get(size..) else { return false };
        rest = after;
        found = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_light_and_others() {
        let light = [0x4e, 1, 144, 4, 1, 2, 3, 4, 0x80];
        assert!(is_of_light(&light));
        assert!(is_of_light(&[&light[..8], &[147, 1, 18, 0x80]].concat()));
        assert!(!is_of_light(&[&light[..8], &[1, 1, 18, 0x80]].concat()), "timing as well");
        assert!(!is_of_light(&[0x4e, 1, 0x80]), "nothing");
        assert!(!is_of_light(&[0x4e, 1, 144, 255, 255, 0x80]), "beyond its end");
        assert!(!is_of_light(&[0x26, 1, 144, 4, 1, 2, 3, 4, 0x80]), "a slice");
    }
}
