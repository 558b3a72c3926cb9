//! The message that decoding can begin at a frame which is no IDR picture.

use crate::codec::bits::BitReader;
use crate::codec::nal::{summed, unescape};

/// Type of the message "recovery point" (D.1.8).
const RECOVERY_POINT: usize = 6;

/// Whether a unit of supplemental information says that with its frame, and
/// none later, the picture is right again for who begins to decode there.
pub fn recovers_at_once(unit: &[u8]) -> bool {
    let plain = unescape(unit.get(1..).unwrap_or_default());
    let mut rest = plain.as_slice();
    while let (Some(kind), Some(size)) = (summed(&mut rest), summed(&mut rest)) {
        let Some((message, after)) = rest.split_at_checked(size) else { return false };
        if kind == RECOVERY_POINT {
            return BitReader::new(message).ue().is_ok_and(|frames| frames == 0);
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_behind_others() {
        // 4 bytes of another one; then a count of 0 in one bit, two flags and the stop.
        assert!(recovers_at_once(&[6, 5, 4, 1, 2, 3, 4, 6, 1, 0b1100_0100, 0x80]));
        assert!(recovers_at_once(&[6, 6, 1, 0b1000_0100, 0x80]));
        // A count of 1, another message, and what ends too early.
        assert!(!recovers_at_once(&[6, 6, 1, 0b0101_0001, 0x80]));
        assert!(!recovers_at_once(&[6, 5, 1, 0b1100_0100, 0x80]));
        assert!(!recovers_at_once(&[6, 6, 2, 0b1100_0100]));
        assert!(!recovers_at_once(&[6, 255, 255]));
    }
}
