//! How numbers become colours, as H.264 and HEVC tell it: in the same words.

use crate::Error;
use crate::codec::bits::BitReader;

/// How numbers become colours (H.264 E.2.1, H.265 E.3.1); what isn't told is
/// taken for 2, "unspecified", and for the narrow range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Whether all numbers from 0 to the highest are used.
    pub full_range: bool,
    /// Colour primaries, transfer characteristics, matrix coefficients.
    pub codes: [u8; 3],
}

impl Colour {
    /// Nothing is told.
    pub const UNSPECIFIED: Colour = Colour { full_range: false, codes: [2; 3] };

    /// Whether both can stand beside each other: what both tell is the same.
    pub fn fits(&self, other: &Colour) -> bool {
        let same = |(own, other): (&u8, &u8)| own == other || *own == 2 || *other == 2;
        self.full_range == other.full_range && self.codes.iter().zip(&other.codes).all(same)
    }

    /// The beginning of the usability information: what is told of colours.
    ///
    /// # Errors
    /// `Damaged` at the end.
    pub(crate) fn read(bits: &mut BitReader<'_>) -> Result<Colour, Error> {
        // The shape of pixels, and what may be seen of the edges.
        if bits.bit()? && bits.bits(8)? == 255 {
            bits.skip(32)?;
        }
        if bits.bit()? {
            bits.bit()?;
        }
        let mut colour = Colour::UNSPECIFIED;
        if bits.bit()? {
            bits.skip(3)?;
            colour.full_range = bits.bit()?;
            if bits.bit()? {
                for code in &mut colour.codes {
                    *code = bits.bits(8)? as u8;
                }
            }
        }
        Ok(colour)
    }
}
