//! SEI messages (7.3.5) that describe the mastering display, content light levels
//! and transfer characteristics.

use super::nal_unit_type::{PREFIX_SEI, nal_unit_type};
use crate::codec::nal::{MAX_PARAMETER_SET, read_sei_number, remove_emulation_prevention};

/// `payloadType` of `mastering_display_colour_volume()` (D.2.28).
const MASTERING_DISPLAY_COLOUR_VOLUME: usize = 137;
/// `payloadType` of `content_light_level_info()` (D.2.35).
const CONTENT_LIGHT_LEVEL_INFO: usize = 144;
/// `payloadType` of `alternative_transfer_characteristics()` (D.2.38).
const ALTERNATIVE_TRANSFER_CHARACTERISTICS: usize = 147;

/// Whether all messages of a prefix SEI NAL unit are HDR metadata: mastering
/// display, content light level, alternative transfer characteristics. They hold
/// for a whole coded video sequence and refer to no parameter set.
pub fn is_display_metadata(unit: &[u8]) -> bool {
    let unit_type = nal_unit_type(unit.first().copied().unwrap_or_default());
    if unit_type != PREFIX_SEI || unit.len() > MAX_PARAMETER_SET {
        return false;
    }
    let rbsp = remove_emulation_prevention(unit);
    let mut rest = rbsp.get(2..).unwrap_or_default();
    let mut found = false;
    // The last byte is the stop bit.
    while rest.len() > 1 {
        let payload_type = read_sei_number(&mut rest);
        let size = read_sei_number(&mut rest);
        let (
            Some(
                MASTERING_DISPLAY_COLOUR_VOLUME
                | CONTENT_LIGHT_LEVEL_INFO
                | ALTERNATIVE_TRANSFER_CHARACTERISTICS,
            ),
            Some(size),
        ) = (payload_type, size)
        else {
            return false;
        };
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
    fn display_metadata_and_other_messages() {
        let light = [0x4e, 1, 144, 4, 1, 2, 3, 4, 0x80];
        assert!(is_display_metadata(&light));
        assert!(is_display_metadata(&[&light[..8], &[147, 1, 18, 0x80]].concat()));
        assert!(!is_display_metadata(&[&light[..8], &[1, 1, 18, 0x80]].concat()), "timing as well");
        assert!(!is_display_metadata(&[0x4e, 1, 0x80]), "nothing");
        assert!(!is_display_metadata(&[0x4e, 1, 144, 255, 255, 0x80]), "beyond its end");
        assert!(!is_display_metadata(&[0x26, 1, 144, 4, 1, 2, 3, 4, 0x80]), "a slice");
    }
}
