//! Picture parameter sets (7.3.2.2), as far as slices are read by them.

use crate::Error;
use crate::codec::bits::BitReader;
use crate::codec::nal::unescape;

/// Most bytes of one that are looked at: what is wanted is at its beginning.
const BEGINNING: usize = 128;

/// What a picture parameter set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pps {
    /// Id of the sequence parameter set.
    pub sps: u8,
    /// `entropy_coding_mode_flag`: arithmetic coding, whose data begins with a
    /// byte.
    pub arithmetic: bool,
    /// `bottom_field_pic_order_in_frame_present_flag`.
    pub bottom_order: bool,
    /// How many frames each list refers to, where a slice says nothing else.
    pub active: [u32; 2],
    /// Whether P slices have a table of weights.
    pub weighted: bool,
    /// Whether B slices have one.
    pub bi_weighted: bool,
    /// `deblocking_filter_control_present_flag`.
    pub deblocking: bool,
}

impl Pps {
    /// Reads a unit, its first byte included.
    ///
    /// # Errors
    /// `Damaged` when it isn't one; `Unsupported` for groups of slices and
    /// redundant pictures, which no usual profile has.
    pub fn parse(unit: &[u8]) -> Result<Pps, Error> {
        let plain = unescape(unit.get(..unit.len().min(BEGINNING)).unwrap_or_default());
        let mut bits = BitReader::new(&plain);
        bits.skip(8)?;
        bits.ue_to(255)?;
        let sps = bits.ue_to(31)? as u8;
        let (arithmetic, bottom_order) = (bits.bit()?, bits.bit()?);
        if bits.ue()? > 0 {
            return Err(Error::unsupported("H.264 with groups of slices"));
        }
        let active = [bits.ue_to(31)? + 1, bits.ue_to(31)? + 1];
        let weighted = bits.bit()?;
        let bi_weighted = bits.bits(2)? == 1;
        for _ in 0..3 {
            bits.se()?;
        }
        let deblocking = bits.bit()?;
        bits.bit()?;
        if bits.bit()? {
            return Err(Error::unsupported("H.264 with redundant pictures"));
        }
        Ok(Pps { sps, arithmetic, bottom_order, active, weighted, bi_weighted, deblocking })
    }
}
