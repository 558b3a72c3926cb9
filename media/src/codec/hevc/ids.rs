//! Other ids for the parameter sets of a stream of our own making, so that it
//! can stand beside another one in one track.
//!
//! The trick: `x265` gives all its sets id 0, which slices tell in one bit.
//! Ids of pictures' sets from 15 to 30 take nine, exactly a byte more, so that
//! everything behind it in a slice's header moves by a whole byte: its
//! alignment stays, and nothing else of it has to be understood.

use std::collections::{BTreeMap, BTreeSet};

use super::{PPS, SPS, Sps, VPS, pps_ids, unit_type};
use crate::Error;
use crate::codec::bits::{BitReader, BitWriter};
use crate::codec::nal::{escape, unescape};

/// Ids of one set of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// Of the video parameter set, 0 to 15.
    pub vps: u8,
    /// Of the sequence parameter set, 0 to 15.
    pub sps: u8,
    /// Of the picture parameter set, 15 to 30.
    pub pps: u8,
}

/// Ids that a stream uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Used {
    vps: BTreeSet<u8>,
    sps: BTreeMap<u8, Option<Sps>>,
    pps: BTreeMap<u8, u8>,
}

impl Used {
    /// Notes the ids of a parameter set; other units have none.
    ///
    /// # Errors
    /// `Damaged` when they can't be read.
    pub fn add(&mut self, unit: &[u8]) -> Result<(), Error> {
        match unit_type(unit.first().copied().unwrap_or_default()) {
            VPS => {
                let id = unit.get(2).ok_or_else(|| Error::damaged("an empty parameter set"))? >> 4;
                self.vps.insert(id);
            }
            SPS => {
                let sps = Sps::parse(unit)?;
                self.vps.insert(sps.vps);
                self.sps.insert(sps.id, Some(sps));
            }
            PPS => {
                let (pps, sps) = pps_ids(unit)?;
                self.pps.insert(pps, sps);
                self.sps.entry(sps).or_default();
            }
            _ => {}
        }
        Ok(())
    }

    /// The sequence parameter set that is in force with that of a picture.
    pub fn active(&self, pps: u8) -> Option<Sps> {
        *self.sps.get(self.pps.get(&pps)?)?
    }

    /// Ids that aren't used, for two streams.
    ///
    /// # Errors
    /// `Unsupported` when there are too few.
    pub fn free(&self) -> Result<[Ids; 2], Error> {
        fn two(mut free: impl Iterator<Item = u8>) -> Option<(u8, u8)> {
            Some((free.next()?, free.next()?))
        }
        let vps = two((0..=15).filter(|id| !self.vps.contains(id)));
        let sps = two((0..=15).filter(|id| !self.sps.contains_key(id)));
        let pps = two((15..=30).filter(|id| !self.pps.contains_key(id)));
        let found = vps.zip(sps).zip(pps);
        let ((vps, sps), pps) = found.ok_or_else(|| {
            Error::unsupported("the stream leaves no ids for other parameter sets")
        })?;
        Ok([Ids { vps: vps.0, sps: sps.0, pps: pps.0 }, Ids { vps: vps.1, sps: sps.1, pps: pps.1 }])
    }
}

impl Ids {
    /// A unit with these ids: a parameter set, or a slice that refers to
    /// picture parameter set 0. Others stay as they are.
    ///
    /// # Errors
    /// `Damaged` when it can't be read, `Unsupported` when a slice or set refers
    /// to other ids than 0, or a set says that slices hold entry points.
    pub fn rewrite(self, unit: &[u8]) -> Result<Vec<u8>, Error> {
        let [first, second, ..] = *unit else {
            return Err(Error::damaged("a unit without a header"));
        };
        if super::layer(first, second) != 0 {
            return Ok(unit.to_vec());
        }
        let mut plain = unescape(unit);
        let made = match unit_type(first) {
            VPS => {
                let byte = plain.get_mut(2).ok_or_else(|| Error::damaged("an empty unit"))?;
                *byte = self.vps << 4 | *byte & 15;
                plain
            }
            SPS => self.sps(&plain)?,
            PPS => self.pps(&plain)?,
            kind if super::is_slice(kind) => self.slice(plain, (16..=23).contains(&kind))?,
            _ => return Ok(unit.to_vec()),
        };
        Ok(escape(&made))
    }

    fn sps(self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let sps = Sps::parse_plain(plain)?;
        if sps.id != 0 {
            return Err(strange());
        }
        let mut writer = BitWriter::new();
        let mut reader = BitReader::new(plain);
        writer.bits(reader.bits(16)?, 16);
        reader.skip(4)?;
        writer.bits(u32::from(self.vps), 4);
        while reader.position() < sps.id_at {
            writer.bit(reader.bit()?);
        }
        reader.ue()?;
        writer.ue(u32::from(self.sps));
        writer.rest(reader)?;
        Ok(writer.finish())
    }

    fn pps(self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut reader = BitReader::new(plain);
        let mut writer = BitWriter::new();
        writer.bits(reader.bits(16)?, 16);
        if reader.ue()? != 0 || reader.ue()? != 0 {
            return Err(strange());
        }
        if entry_points(reader.clone())? {
            return Err(Error::unsupported("encoded slices hold places of their parts"));
        }
        writer.ue(u32::from(self.pps));
        writer.ue(u32::from(self.sps));
        writer.rest(reader)?;
        Ok(writer.finish())
    }

    fn slice(self, mut plain: Vec<u8>, keyframe: bool) -> Result<Vec<u8>, Error> {
        // After two bytes of header: whether it is the picture's first slice, of
        // keyframes whether earlier pictures are left out, then the id.
        let before = if keyframe { 2 } else { 1 };
        let byte = u16::from(*plain.get(2).ok_or_else(|| Error::damaged("an empty slice"))?);
        if byte >> (7 - before) & 1 != 1 || !(15..=30).contains(&self.pps) {
            return Err(strange());
        }
        let after = byte & ((1 << (7 - before)) - 1);
        let made = (byte >> (8 - before)) << (16 - before)
            | (u16::from(self.pps) + 1) << (7 - before)
            | after;
        plain.splice(2..3, made.to_be_bytes());
        Ok(plain)
    }
}

fn strange() -> Error {
    Error::unsupported("encoded frames refer to other parameter sets than expected")
}

/// Whether slices of a picture parameter set, read behind its ids, tell where
/// their parts are.
fn entry_points(mut bits: BitReader<'_>) -> Result<bool, Error> {
    bits.skip(7)?;
    bits.ue()?;
    bits.ue()?;
    bits.se()?;
    bits.skip(2)?;
    if bits.bit()? {
        bits.ue()?;
    }
    bits.se()?;
    bits.se()?;
    bits.skip(4)?;
    Ok(bits.bit()? | bits.bit()?)
}
