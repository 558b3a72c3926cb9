//! The SEI message "recovery point": decoding can start at a picture that is no
//! IDR picture (D.1.8, D.2.8).

use crate::codec::bits::BitReader;
use crate::codec::nal::{read_sei_number, remove_emulation_prevention};

/// `payloadType` of `recovery_point()`.
const RECOVERY_POINT: usize = 6;

/// Whether an SEI NAL unit says that a decoder which starts with its picture
/// outputs that picture and all later ones correctly: `recovery_frame_cnt` is 0.
pub fn is_exact_recovery_point(unit: &[u8]) -> bool {
    let rbsp = remove_emulation_prevention(unit.get(1..).unwrap_or_default());
    let mut rest = rbsp.as_slice();
    while let (Some(payload_type), Some(size)) =
        (read_sei_number(&mut rest), read_sei_number(&mut rest))
    {
        let Some((payload, after)) = rest.split_at_checked(size) else { return false };
        if payload_type == RECOVERY_POINT {
            let recovery_frame_cnt = BitReader::new(payload).ue();
            return recovery_frame_cnt.is_ok_and(|frames| frames == 0);
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_points_are_found_after_other_messages() {
        // 4 bytes of another message; then recovery_frame_cnt 0 in one bit, two
        // flags and the stop bit.
        assert!(is_exact_recovery_point(&[6, 5, 4, 1, 2, 3, 4, 6, 1, 0b1100_0100, 0x80]));
        assert!(is_exact_recovery_point(&[6, 6, 1, 0b1000_0100, 0x80]));
        // recovery_frame_cnt 1, another message, and messages that end too early.
        assert!(!is_exact_recovery_point(&[6, 6, 1, 0b0101_0001, 0x80]));
        assert!(!is_exact_recovery_point(&[6, 5, 1, 0b1100_0100, 0x80]));
        assert!(!is_exact_recovery_point(&[6, 6, 2, 0b1100_0100]));
        assert!(!is_exact_recovery_point(&[6, 255, 255]));
    }
}
