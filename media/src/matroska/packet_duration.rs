//! How long a packet of audio is, as its codec says. Matroska stores only when
//! packets start.

use crate::CodecId;

/// Nanoseconds of a packet; none when its codec does not say.
pub fn packet_nanos(codec: &CodecId, sample_rate: u32, packet: &[u8]) -> Option<u64> {
    let samples = match codec {
        CodecId::Opus => {
            return opus_packet_samples(packet).map(|samples| samples * 1_000_000_000 / 48_000);
        }
        CodecId::Aac => 1024,
        CodecId::Mp3 if sample_rate < 32_000 => 576,
        CodecId::Mp3 => 1152,
        CodecId::Ac3 | CodecId::Eac3 => 1536,
        _ => return None,
    };
    (samples * 1_000_000_000_u64).checked_div(u64::from(sample_rate))
}

/// Samples of 48 kHz in a packet of Opus (RFC 6716, 3.1).
fn opus_packet_samples(packet: &[u8]) -> Option<u64> {
    let first = *packet.first()?;
    let config = usize::from(first >> 3);
    let frame = match config {
        0..12 => [480, 960, 1920, 2880][config & 3],
        12..16 => [480, 960][config & 1],
        _ => [120, 240, 480, 960][config & 3],
    };
    let count = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(*packet.get(1)? & 0x3F),
    };
    Some(frame * count).filter(|samples| (1..=5760).contains(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_tells_how_long_its_packets_are() {
        assert_eq!(opus_packet_samples(&[0xFC]), Some(960));
        assert_eq!(opus_packet_samples(&[0xE0]), Some(120));
        assert_eq!(opus_packet_samples(&[0x0B, 0x02]), Some(1920));
        assert_eq!(opus_packet_samples(&[0x03, 0x3F]), None);
        assert_eq!(opus_packet_samples(&[0x03]), None);
    }
}
