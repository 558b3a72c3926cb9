//! Headers of VP9 frames (and of VP8's): whether one is a keyframe.

use crate::Error;
use crate::codec::bits::BitReader;

/// What a keyframe of VP9 says of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Profile, 0 to 3.
    pub profile: u8,
    /// Bits of a sample.
    pub bits: u8,
    /// Whether chroma is halved in width and in height.
    pub halved: (bool, bool),
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Header {
    /// Reads the first frame of a sample; none when it isn't a keyframe. Frames
    /// after it in the same sample (a superframe) are not looked at.
    ///
    /// # Errors
    /// `Damaged` when it isn't VP9.
    pub fn keyframe(sample: &[u8]) -> Result<Option<Header>, Error> {
        let mut bits = BitReader::new(sample);
        if bits.bits(2)? != 2 {
            return Err(Error::damaged("a frame that isn't VP9"));
        }
        let profile = u8::from(bits.bit()?) | u8::from(bits.bit()?) << 1;
        if profile == 3 {
            bits.skip(1)?;
        }
        let (again, inter) = (bits.bit()?, bits.bit()?);
        if again || inter {
            return Ok(None);
        }
        bits.skip(2)?;
        if bits.bits(24)? != 0x49_83_42 {
            return Err(Error::damaged("a keyframe that isn't VP9"));
        }
        let depth = match profile >= 2 {
            true if bits.bit()? => 12,
            true => 10,
            false => 8,
        };
        let rgb = bits.bits(3)? == 7;
        if !rgb {
            bits.skip(1)?;
        }
        let halved = match (profile & 1 == 1, rgb) {
            (true, true) => {
                bits.skip(1)?;
                (false, false)
            }
            (true, false) => {
                let halved = (bits.bit()?, bits.bit()?);
                bits.skip(1)?;
                halved
            }
            (false, false) => (true, true),
            (false, true) => return Err(Error::damaged("RGB in a profile that has none")),
        };
        let (width, height) = (bits.bits(16)? + 1, bits.bits(16)? + 1);
        Ok(Some(Header { profile, bits: depth, halved, width, height }))
    }
}

/// Whether a sample of VP8 is a keyframe (RFC 6386, 9.1).
///
/// # Errors
/// `Damaged` when it isn't VP8.
pub fn vp8_keyframe(sample: &[u8]) -> Result<bool, Error> {
    match *sample {
        [tag, ..] if tag & 1 == 1 => Ok(false),
        [_, _, _, 0x9d, 0x01, 0x2a, ..] => Ok(true),
        _ => Err(Error::damaged("a keyframe that isn't VP8")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keyframes_and_others() {
        // Marker 10, profile 00, shown again 0, keyframe 0, shown 1, resilient 0.
        let key = [0b1000_0010, 0x49, 0x83, 0x42, 0b0010_0000, 0x13, 0xf0, 0x0b, 0x30, 0];
        let header = Header::keyframe(&key).unwrap().unwrap();
        assert_eq!((header.profile, header.bits, header.halved), (0, 8, (true, true)));
        assert_eq!((header.width, header.height), (320, 180));
        assert_eq!(Header::keyframe(&[0b1000_0110]).unwrap(), None, "inter");
        assert_eq!(Header::keyframe(&[0b1000_1000]).unwrap(), None, "shown again");
        assert!(Header::keyframe(&[0]).is_err());
        for length in 0..key.len() - 1 {
            assert!(Header::keyframe(&key[..length]).is_err());
        }
        assert!(vp8_keyframe(&[0x10, 0, 0, 0x9d, 0x01, 0x2a]).unwrap());
        assert!(!vp8_keyframe(&[0x11]).unwrap());
        assert!(vp8_keyframe(&[0x10, 0, 0]).is_err());
    }
}
