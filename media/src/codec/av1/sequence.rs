//! The sequence header (5.5), as far as a cut needs it.

use crate::Error;
use crate::codec::bits::BitReader;

/// What a sequence header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// Profile: 0 main, 1 high, 2 professional.
    pub profile: u8,
    /// Bits of a sample.
    pub bits: u8,
    /// Whether there is no chroma.
    pub grey: bool,
    /// Operating points; more than one when there are layers.
    pub points: u8,
    /// Pixels, at most.
    pub width: u32,
    /// Pixels, at most.
    pub height: u32,
}

impl Sequence {
    /// Reads the payload of a sequence header.
    ///
    /// # Errors
    /// `Damaged` when it isn't one, `Unsupported` for still pictures.
    pub fn parse(payload: &[u8]) -> Result<Sequence, Error> {
        let mut bits = BitReader::new(payload);
        let profile = bits.bits(3)? as u8;
        bits.bit()?;
        if bits.bit()? {
            return Err(Error::unsupported("a still picture in AV1"));
        }
        let points = operating_points(&mut bits)?;
        let (across, down) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
        let (width, height) = (bits.bits(across)? + 1, bits.bits(down)? + 1);
        if bits.bit()? {
            bits.skip(7)?;
        }
        tools(&mut bits)?;
        let high = bits.bit()?;
        let depth = match (high, profile) {
            (true, 2) if bits.bit()? => 12,
            (true, _) => 10,
            (false, _) => 8,
        };
        let grey = profile != 1 && bits.bit()?;
        Ok(Sequence { profile, bits: depth, grey, points, width, height })
    }
}

fn operating_points(bits: &mut BitReader<'_>) -> Result<u8, Error> {
    let mut delay = None;
    if bits.bit()? {
        bits.skip(64)?;
        if bits.bit()? {
            bits.ue()?;
        }
        if bits.bit()? {
            delay = Some(bits.bits(5)? as usize + 1);
            bits.skip(42)?;
        }
    }
    let display_delay = bits.bit()?;
    let points = bits.bits(5)? as u8 + 1;
    for _ in 0..points {
        bits.skip(12)?;
        if bits.bits(5)? > 7 {
            bits.skip(1)?;
        }
        if let Some(delay) = delay
            && bits.bit()?
        {
            bits.skip(2 * delay + 1)?;
        }
        if display_delay && bits.bit()? {
            bits.skip(4)?;
        }
    }
    Ok(points)
}

/// Which tools are used; nothing of it matters to a cut.
fn tools(bits: &mut BitReader<'_>) -> Result<(), Error> {
    bits.skip(3)?;
    bits.skip(4)?;
    let order = bits.bit()?;
    if order {
        bits.skip(2)?;
    }
    let screen = bits.bit()? || bits.bit()?;
    if screen && !bits.bit()? {
        bits.skip(1)?;
    }
    if order {
        bits.skip(3)?;
    }
    bits.skip(3)
}
