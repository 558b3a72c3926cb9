//! Frame headers of VP8 (RFC 6386) and VP9 (VP9 Bitstream & Decoding Process
//! Specification): whether a frame is a keyframe, and what it says of the stream.
//!
//! ```text
//! VP8  | frame tag: 3 bytes | 9d 01 2a | width: 2 | height: 2       RFC 6386, 9.1
//! VP9  | frame_marker 10 | profile | show_existing_frame | frame_type | ...
//!      | 49 83 42 | color_config() | frame_size() | ...             6.2, 7.2
//! ```
//!
//! Not supported: the index of a superframe (VP9, Annex B). Only the first frame
//! of a sample is read, and a keyframe is always the first.

use super::bits::BitReader;
use super::picture_format::PictureSize;
use crate::MediaError;

/// `frame_sync_code` of VP9 (7.2.1).
const SYNC_CODE: u32 = 0x49_83_42;
/// `color_space` CS_RGB of VP9 (7.2.2).
const CS_RGB: u32 = 7;

/// What the uncompressed header of a VP9 keyframe says of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9KeyframeHeader {
    /// `Profile`, 0 to 3.
    pub profile: u8,
    /// `BitDepth`.
    pub bit_depth: u8,
    /// Its colours.
    pub color: Vp9Color,
    /// Size of the frame.
    pub size: PictureSize,
}

/// Colours and chroma (6.2.2, 7.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9Color {
    /// `color_space`, 0 to 7; 7 is RGB.
    pub space: u8,
    /// `color_range`: whether all values are used, and not only those of studios.
    pub is_full_range: bool,
    /// How chroma is stored.
    pub subsampling: Vp9Subsampling,
}

/// Whether chroma is halved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9Subsampling {
    /// `subsampling_x`: chroma has half the width.
    pub horizontal: bool,
    /// `subsampling_y`: chroma has half the height.
    pub vertical: bool,
}

impl Vp9KeyframeHeader {
    /// Reads the first frame of a sample; none when it is no keyframe.
    ///
    /// # Errors
    /// `Damaged` when it isn't VP9.
    pub fn parse(sample: &[u8]) -> Result<Option<Vp9KeyframeHeader>, MediaError> {
        let mut bits = BitReader::new(sample);
        // frame_marker
        if bits.bits(2)? != 2 {
            return Err(MediaError::damaged("a frame that isn't VP9"));
        }
        let profile = u8::from(bits.bit()?) | u8::from(bits.bit()?) << 1;
        if profile == 3 {
            bits.skip(1)?; // reserved_zero
        }
        let (show_existing_frame, non_key_frame) = (bits.bit()?, bits.bit()?);
        if show_existing_frame || non_key_frame {
            return Ok(None);
        }
        bits.skip(2)?; // show_frame, error_resilient_mode
        if bits.bits(24)? != SYNC_CODE {
            return Err(MediaError::damaged("a keyframe that isn't VP9"));
        }
        let bit_depth = if profile < 2 {
            8
        } else if bits.bit()? {
            12
        } else {
            10
        };
        let color = Vp9Color::read(&mut bits, profile)?;
        let (width, height) = (bits.bits(16)? + 1, bits.bits(16)? + 1);
        let size = PictureSize { width, height };
        Ok(Some(Vp9KeyframeHeader { profile, bit_depth, color, size }))
    }
}

impl Vp9Color {
    /// Reads `color_config()` behind the bit depth.
    fn read(bits: &mut BitReader<'_>, profile: u8) -> Result<Vp9Color, MediaError> {
        let space = bits.bits(3)?;
        let is_rgb = space == CS_RGB;
        let is_full_range = is_rgb || bits.bit()?;
        // Odd profiles have other chroma formats than 4:2:0.
        let subsampling = match (profile & 1 == 1, is_rgb) {
            (true, true) => {
                bits.skip(1)?; // reserved_zero
                Vp9Subsampling { horizontal: false, vertical: false }
            }
            (true, false) => {
                let subsampling = Vp9Subsampling { horizontal: bits.bit()?, vertical: bits.bit()? };
                bits.skip(1)?; // reserved_zero
                subsampling
            }
            (false, false) => Vp9Subsampling { horizontal: true, vertical: true },
            (false, true) => return Err(MediaError::damaged("RGB in a profile that has none")),
        };
        // Three bits fit.
        Ok(Vp9Color { space: space as u8, is_full_range, subsampling })
    }
}

/// Whether a sample of VP8 is a keyframe (RFC 6386, 9.1).
///
/// # Errors
/// `Damaged` when it isn't VP8.
pub fn is_vp8_keyframe(sample: &[u8]) -> Result<bool, MediaError> {
    match *sample {
        [tag, ..] if tag & 1 == 1 => Ok(false),
        [_, _, _, 0x9d, 0x01, 0x2a, ..] => Ok(true),
        _ => Err(MediaError::damaged("a keyframe that isn't VP8")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keyframes_and_others() {
        // frame_marker 10, profile 00, show_existing_frame 0, frame_type 0,
        // show_frame 1, error_resilient_mode 0.
        let key = [0b1000_0010, 0x49, 0x83, 0x42, 0b0010_0000, 0x13, 0xf0, 0x0b, 0x30, 0];
        let header = Vp9KeyframeHeader::parse(&key).unwrap().unwrap();
        let subsampling = Vp9Subsampling { horizontal: true, vertical: true };
        let color = Vp9Color { space: 1, is_full_range: false, subsampling };
        let size = PictureSize { width: 320, height: 180 };
        assert_eq!(header, Vp9KeyframeHeader { profile: 0, bit_depth: 8, color, size });
        assert_eq!(Vp9KeyframeHeader::parse(&[0b1000_0110]).unwrap(), None, "inter");
        assert_eq!(Vp9KeyframeHeader::parse(&[0b1000_1000]).unwrap(), None, "shown again");
        assert!(Vp9KeyframeHeader::parse(&[0]).is_err());
        for length in 0..key.len() - 1 {
            assert!(Vp9KeyframeHeader::parse(&key[..length]).is_err());
        }
        assert!(is_vp8_keyframe(&[0x10, 0, 0, 0x9d, 0x01, 0x2a]).unwrap());
        assert!(!is_vp8_keyframe(&[0x11]).unwrap());
        assert!(is_vp8_keyframe(&[0x10, 0, 0]).is_err());
    }
}
