//! Parameter sets (7.3.2), as far as a cut needs them.

use crate::Error;
use crate::codec::bits::BitReader;
use crate::codec::colour::Colour;
use crate::codec::nal::{LARGEST_SET, cropped, unescape};

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// Id of its video parameter set, 0 to 15.
    pub vps: u8,
    /// Its id, 0 to 15.
    pub id: u8,
    /// `general_profile_idc`.
    pub profile: u8,
    /// Whether its pictures are fields, or may be.
    pub interlaced: bool,
    /// `general_level_idc`.
    pub level: u8,
    /// Chroma format: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma: u8,
    /// Bits of a sample.
    pub bits: u8,
    /// Pixels, without those that are cut away.
    pub width: u32,
    /// Pixels, without those that are cut away.
    pub height: u32,
    /// How colours are meant.
    pub colour: Colour,
    /// Where its id is, in bits after emulation prevention is taken away.
    pub(super) id_at: usize,
}

impl Sps {
    /// Reads a unit, its two first bytes included.
    ///
    /// # Errors
    /// `Damaged` when it isn't one.
    pub fn parse(unit: &[u8]) -> Result<Sps, Error> {
        let plain = unescape(unit.get(..unit.len().min(LARGEST_SET)).unwrap_or_default());
        Sps::parse_plain(&plain)
    }

    pub(super) fn parse_plain(plain: &[u8]) -> Result<Sps, Error> {
        let mut bits = BitReader::new(plain);
        bits.skip(16)?;
        let vps = bits.bits(4)? as u8;
        let layers = bits.bits(3)?;
        bits.bit()?;
        bits.skip(3)?;
        let profile = bits.bits(5)? as u8;
        bits.skip(32)?;
        let (progressive, interlaced) = (bits.bit()?, bits.bit()?);
        let interlaced = interlaced && !progressive;
        bits.skip(46)?;
        let level = bits.bits(8)? as u8;
        sub_layers(&mut bits, layers)?;
        let id_at = bits.position();
        let id = bits.ue_to(15)? as u8;
        let chroma = bits.ue_to(3)? as u8;
        let planes = chroma == 3 && bits.bit()?;
        let (mut width, mut height) = (bits.ue_to(65_535)?, bits.ue_to(65_535)?);
        if bits.bit()? {
            (width, height) = cropped(&mut bits, (chroma, planes), 1, (width, height))?;
        }
        let depth = 8 + bits.ue_to(8)? as u8;
        if 8 + bits.ue_to(8)? as u8 != depth && chroma != 0 {
            return Err(Error::unsupported("luma and chroma of different depths"));
        }
        to_usability(&mut bits, layers)?;
        let colour = if bits.bit()? { Colour::read(&mut bits)? } else { Colour::UNSPECIFIED };
        let (bits, colour) = (depth, colour);
        Ok(Sps { vps, id, profile, interlaced, level, chroma, bits, width, height, colour, id_at })
    }
}

/// Ids of a picture parameter set and of the sequence's that it refers to.
///
/// # Errors
/// `Damaged` when it isn't one.
pub fn pps_ids(unit: &[u8]) -> Result<(u8, u8), Error> {
    let plain = unescape(unit.get(2..unit.len().min(16)).unwrap_or_default());
    let mut bits = BitReader::new(&plain);
    Ok((bits.ue_to(63)? as u8, bits.ue_to(15)? as u8))
}

fn sub_layers(bits: &mut BitReader<'_>, layers: u32) -> Result<(), Error> {
    let mut present = Vec::new();
    for _ in 0..layers {
        present.push((bits.bit()?, bits.bit()?));
    }
    if layers > 0 {
        bits.skip(2 * (8 - layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Ok(())
}

/// Passes over all that is between the depth of samples and the flag that says
/// whether there is usability information.
fn to_usability(bits: &mut BitReader<'_>, layers: u32) -> Result<(), Error> {
    let order_bits = 4 + bits.ue_to(12)? as usize;
    let of_each = bits.bit()?;
    for _ in 0..if of_each { layers + 1 } else { 1 } {
        // Pictures that wait, that are put in another order, and for how long.
        for _ in 0..3 {
            bits.ue()?;
        }
    }
    // Sizes of blocks and depths of their trees.
    for _ in 0..6 {
        bits.ue()?;
    }
    if bits.bit()? && bits.bit()? {
        scaling_lists(bits)?;
    }
    bits.skip(2)?;
    if bits.bit()? {
        // Samples as they are: depths, sizes of blocks, whether they are smoothed.
        bits.skip(8)?;
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
    }
    let mut before = 0;
    for index in 0..bits.ue_to(64)? {
        before = reference_set(bits, index > 0, before)?;
    }
    if bits.bit()? {
        for _ in 0..bits.ue_to(32)? {
            bits.skip(order_bits + 1)?;
        }
    }
    bits.skip(2)
}

/// Scaling lists (7.3.4).
fn scaling_lists(bits: &mut BitReader<'_>) -> Result<(), Error> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.bit()? {
                bits.ue()?;
                continue;
            }
            let first = usize::from(size > 1);
            for _ in 0..first + if size == 0 { 16 } else { 64 } {
                bits.se()?;
            }
        }
    }
    Ok(())
}

/// Most pictures of a set: 16 either way.
const MOST_REFERENCES: u32 = 32;

/// A set of pictures that others refer to (7.3.7), which may be told by the
/// one before it, of so many. How many there are.
fn reference_set(bits: &mut BitReader<'_>, follows: bool, before: u32) -> Result<u32, Error> {
    let mut count = 0;
    if follows && bits.bit()? {
        bits.bit()?;
        bits.ue()?;
        for _ in 0..=before {
            // In use for this picture, or at least for later ones.
            count += u32::from(bits.bit()? || bits.bit()?);
        }
    } else {
        let (earlier, later) = (bits.ue_to(16)?, bits.ue_to(16)?);
        count = earlier + later;
        for _ in 0..count {
            bits.ue()?;
            bits.bit()?;
        }
    }
    if count > MOST_REFERENCES {
        return Err(Error::damaged("a parameter set with too many references"));
    }
    Ok(count)
}
