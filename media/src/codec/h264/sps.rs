//! Sequence and picture parameter sets (7.3.2.1 and 7.3.2.2), as far as a cut
//! needs them.

use crate::Error;
use crate::codec::bits::BitReader;
use crate::codec::colour::Colour;
use crate::codec::nal::{LARGEST_SET, cropped, unescape};

/// How the order of presentation is told (8.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By the lowest bits of a count.
    Lsb {
        /// How many.
        bits: u32,
    },
    /// By what a cycle expects and how far each frame is from that.
    Cycle,
    /// It is the order of decoding.
    Decoding,
}

/// What a sequence parameter set says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    /// Its id, 0 to 31.
    pub id: u8,
    /// `profile_idc`.
    pub profile: u8,
    /// The byte of constraint flags.
    pub constraints: u8,
    /// `level_idc`.
    pub level: u8,
    /// Chroma format: 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma: u8,
    /// Bits of a luma sample.
    pub bits: u8,
    /// Bits of `frame_num`, 4 to 16.
    pub number_bits: u32,
    /// How the order of presentation is told.
    pub order: Order,
    /// `max_num_ref_frames`: frames that can be referred to at a time.
    pub references: u32,
    /// Whether `frame_num` may leave numbers out.
    pub gaps: bool,
    /// Whether the three colours are coded on their own.
    pub planes: bool,
    /// Whether there are no fields, only whole frames.
    pub frames_only: bool,
    /// Pixels, without those that are cut away.
    pub width: u32,
    /// Pixels, without those that are cut away.
    pub height: u32,
    /// How colours are meant.
    pub colour: Colour,
}

impl Sps {
    /// Reads a unit, its first byte included.
    ///
    /// # Errors
    /// `Damaged` when it isn't one.
    pub fn parse(unit: &[u8]) -> Result<Sps, Error> {
        let plain = unescape(unit.get(..unit.len().min(LARGEST_SET)).unwrap_or_default());
        let mut bits = BitReader::new(&plain);
        bits.skip(8)?;
        let mut byte = || bits.bits(8).map(|byte| byte as u8);
        let (profile, constraints, level) = (byte()?, byte()?, byte()?);
        let id = bits.ue_to(31)? as u8;
        let (mut chroma, mut depth, mut planes) = (1, 8, false);
        if matches!(
            profile,
            44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
        ) {
            chroma = bits.ue_to(3)? as u8;
            planes = chroma == 3 && bits.bit()?;
            depth = 8 + bits.ue_to(6)? as u8;
            let chroma_depth = 8 + bits.ue_to(6)? as u8;
            if chroma != 0 && chroma_depth != depth {
                return Err(Error::unsupported("luma and chroma of different depths"));
            }
            bits.bit()?;
            if bits.bit()? {
                scaling_lists(&mut bits, chroma)?;
            }
        }
        let number_bits = bits.ue_to(12)? + 4;
        let order = match bits.ue_to(2)? {
            0 => Order::Lsb { bits: bits.ue_to(12)? + 4 },
            1 => {
                bits.bit()?;
                bits.se()?;
                bits.se()?;
                for _ in 0..bits.ue_to(255)? {
                    bits.se()?;
                }
                Order::Cycle
            }
            _ => Order::Decoding,
        };
        let references = bits.ue_to(16)?;
        let gaps = bits.bit()?;
        let columns = bits.ue_to(4095)? + 1;
        let rows = bits.ue_to(4095)? + 1;
        let frames_only = bits.bit()?;
        if !frames_only {
            bits.bit()?;
        }
        bits.bit()?;
        let fields = if frames_only { 1 } else { 2 };
        let (mut width, mut height) = (columns * 16, rows * 16 * fields);
        if bits.bit()? {
            (width, height) = cropped(&mut bits, (chroma, planes), fields, (width, height))?;
        }
        let colour = if bits.bit()? { Colour::read(&mut bits)? } else { Colour::UNSPECIFIED };
        Ok(Sps {
            id,
            profile,
            constraints,
            level,
            chroma,
            bits: depth,
            number_bits,
            order,
            references,
            gaps,
            planes,
            frames_only,
            width,
            height,
            colour,
        })
    }
}

/// Ids of a picture parameter set and of the sequence's that it refers to.
///
/// # Errors
/// `Damaged` when it isn't one.
pub fn pps_ids(unit: &[u8]) -> Result<(u8, u8), Error> {
    let plain = unescape(unit.get(1..unit.len().min(16)).unwrap_or_default());
    let mut bits = BitReader::new(&plain);
    Ok((bits.ue_to(255)? as u8, bits.ue_to(31)? as u8))
}

fn scaling_lists(bits: &mut BitReader<'_>, chroma: u8) -> Result<(), Error> {
    for list in 0..if chroma == 3 { 12 } else { 8 } {
        if !bits.bit()? {
            continue;
        }
        let mut next = 8;
        let mut last = 8;
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.se()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Ok(())
}
