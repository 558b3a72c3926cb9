//! The seam of H.264: head and tail have parameter sets with ids that the body
//! doesn't use, and one `avcC` holds all of them.
//!
//! Sets in turns within the samples, or a second sample entry, confuse some
//! players; a set for each part, told at the beginning, confuses none.

use super::entry;
use super::join::{Joined, Part};
use super::prepare::{Entry, Source};
use super::untie::Changed;
use super::{H264, Picture};
use crate::codec::bits::BitReader;
use crate::codec::h264::{
    Avcc, IDR, PPS, ParameterSets, SEI, SPS, Sps, is_slice, recovers_at_once, unit_type,
};
use crate::codec::nal::{LengthSize, Unit, Units, split, unescape};
use crate::{Error, Sample};

impl From<Sps> for Picture {
    fn from(sps: Sps) -> Picture {
        Picture { width: sps.width, height: sps.height, chroma: sps.chroma, bits: sps.bits }
    }
}

/// Whether a sample is an IDR picture, or another one after which the picture
/// is right. After any other what follows may refer to what is before it.
pub(super) async fn entry(source: Source<'_>, sample: &Sample) -> Result<Entry, Error> {
    let lengths = Avcc::parse(&source.track.config)?.lengths;
    let mut units = Units::new(source.file, sample, lengths);
    let (mut idr, mut recovers) = (false, false);
    while let Some(unit) = units.next().await? {
        match unit_type(unit.first) {
            IDR => idr = true,
            SEI => recovers |= recovers_at_once(&units.read(unit).await?),
            kind if is_slice(kind) => {
                return Ok(if recovers && !idr { Entry::Tied } else { Entry::None });
            }
            _ => {}
        }
    }
    Ok(if idr { Entry::Free } else { Entry::None })
}

pub(super) async fn seam(source: Source<'_>, samples: &[usize]) -> Result<H264, Error> {
    let config = Avcc::parse(&source.track.config)?;
    let mut sets = ParameterSets::of(config.sps.iter().chain(&config.pps))?;
    // All sets that the body ever uses, also those that it takes back.
    let mut active = None;
    let mut changes = false;
    let mut interlaced = false;
    for (place, index) in samples.iter().enumerate() {
        let mut units = Units::new(source.file, source.sample(*index)?, config.lengths);
        while let Some(unit) = units.next().await? {
            match unit_type(unit.first) {
                SPS | PPS => {
                    let set = units.read(unit).await?;
                    let changed = sets.add(&set)?;
                    changes |= changed && place > 0;
                    if unit_type(unit.first) == SPS {
                        let sps = Sps::parse(&set)?;
                        interlaced |= !sps.frames_only;
                        if active.is_some_and(|active| Picture::from(sps) != Picture::from(active))
                        {
                            return Err(Error::unsupported("the picture's format changes"));
                        }
                    }
                }
                2..=4 => return Err(Error::unsupported("H.264 with data partitions")),
                kind if is_slice(kind) && active.is_none() => {
                    active = Some(active_set(&mut units, unit, &sets).await?);
                }
                _ => {}
            }
        }
    }
    let active = active.ok_or_else(|| Error::damaged("H.264 without a picture"))?;
    let profile = profile(active.profile)
        .ok_or_else(|| Error::unsupported(format!("H.264 of profile {}", active.profile)))?;
    let ids = sets.free().next().zip(sets.free().nth(1));
    let (head_id, tail_id) =
        ids.ok_or_else(|| Error::unsupported("the stream leaves no ids for other parameter sets"))?;
    let level = active.level.max(config.level);
    interlaced |= !active.frames_only;
    let (picture, colour) = (active.into(), active.colour);
    let changed = Changed::new();
    Ok(H264 {
        profile,
        level,
        interlaced,
        head_id,
        tail_id,
        picture,
        colour,
        sets,
        changes,
        changed,
    })
}

/// `libx264`'s name of a `profile_idc` (ITU-T H.264, annex A).
fn profile(number: u8) -> Option<&'static str> {
    Some(match number {
        66 => "baseline",
        77 => "main",
        100 => "high",
        110 => "high10",
        122 => "high422",
        244 => "high444",
        _ => return None,
    })
}

/// The sequence parameter set that a slice refers to.
async fn active_set(
    units: &mut Units<'_>,
    slice: Unit,
    sets: &ParameterSets,
) -> Result<Sps, Error> {
    let start = units.beginning(slice, 24).await?;
    let plain = unescape(start.get(1..).unwrap_or_default());
    let mut bits = BitReader::new(&plain);
    bits.ue()?;
    bits.ue()?;
    let id = bits.ue_to(255)? as u8;
    let none = || Error::damaged("a slice refers to a parameter set that isn't there");
    let (_, id) = crate::codec::h264::pps_ids(sets.pps.get(&id).ok_or_else(none)?)?;
    Sps::parse(sets.sps.get(&id).ok_or_else(none)?)
}

impl H264 {
    pub(super) async fn join(
        &self,
        source: Source<'_>,
        head: Option<Part<'_>>,
        tail: Option<Part<'_>>,
    ) -> Result<Joined, Error> {
        let mut config = Avcc::parse(&source.track.config)?;
        let mut sets = self.sets.clone();
        let mut joined = Joined { changed: self.changed.clone(), ..Joined::default() };
        for part in [head, tail].into_iter().flatten() {
            let own = Avcc::parse(&part.source.track.config)?;
            self.take(&own, self.id(part.end), &mut sets)?;
            config.compatibility &= own.compatibility;
            config.level = config.level.max(own.level);
            let samples = match own.lengths == config.lengths {
                true => part.copied(),
                false => {
                    let (from, to) = (own.lengths, config.lengths);
                    part.rewritten(move |sample| relength(sample, from, to)).await?
                }
            };
            joined.place(part.end, samples);
        }
        config.hold(&sets);
        joined.config = config.write()?;
        if let Some(entry) = &source.track.entry {
            // Sets that change on the way may stand in samples of `avc3` only.
            let name = if self.changes { None } else { Some(*b"avc1") };
            joined.entry = Some(entry::with(entry, *b"avcC", &joined.config, name)?);
        }
        Ok(joined)
    }

    /// Takes the sets of an encoded part, if they are what was asked for.
    fn take(&self, own: &Avcc, id: u8, sets: &mut ParameterSets) -> Result<(), Error> {
        let added = ParameterSets::of(own.sps.iter().chain(&own.pps))?;
        let alone = added.sps.keys().eq([&id]) && added.pps.keys().eq([&id]);
        if !alone || sets.sps.contains_key(&id) || sets.pps.contains_key(&id) {
            return Err(Error::unsupported("encoded frames have other parameter sets than asked"));
        }
        for sps in added.sps.values() {
            let sps = Sps::parse(sps)?;
            let same =
                Picture::from(sps) == self.picture && profile(sps.profile) == Some(self.profile);
            if !same || !sps.colour.fits(&self.colour) {
                return Err(Error::unsupported("encoded frames have another format"));
            }
        }
        sets.sps.extend(added.sps);
        sets.pps.extend(added.pps);
        Ok(())
    }
}

/// A sample with lengths of another size.
fn relength(sample: &[u8], from: LengthSize, to: LengthSize) -> Result<Vec<u8>, Error> {
    let mut made = Vec::with_capacity(sample.len());
    for unit in split(sample, from)? {
        to.push(unit, &mut made)?;
    }
    Ok(made)
}
