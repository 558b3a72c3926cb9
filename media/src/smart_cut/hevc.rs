//! The seam of HEVC: the ids of head and tail are rewritten to ones that the
//! body doesn't use, one `hvcC` holds all sets, and a body that begins with a
//! keyframe of an open group begins with one that cuts all ties instead.

use bytes::Bytes;

use super::entry;
use super::join::{Joined, Part};
use super::prepare::Source;
use super::{End, Hevc, Picture};
use crate::codec::bits::BitReader;
use crate::codec::hevc::{
    BLA_N_LP, CRA, DOLBY_VISION, Hvcc, Ids, PPS, PREFIX_SEI, SPS, SUFFIX_SEI, Sps, Used, VPS,
    is_entry, is_of_light, is_slice, layer, unit_type,
};
use crate::codec::nal::{LengthSize, Unit, Units, escape, split, unescape};
use crate::mux::SampleData;
use crate::{Error, Sample};

impl From<Sps> for Picture {
    fn from(sps: Sps) -> Picture {
        Picture { width: sps.width, height: sps.height, chroma: sps.chroma, bits: sps.bits }
    }
}

/// Whether a sample is a keyframe at which decoding can begin; its leading
/// pictures don't matter, since they are encoded.
pub(super) async fn entry(source: Source<'_>, sample: &Sample) -> Result<bool, Error> {
    let lengths = Hvcc::parse(&source.track.config)?.lengths()?;
    let mut units = Units::new(source.file, sample, lengths);
    while let Some(unit) = units.next().await? {
        if is_slice(unit_type(unit.first)) {
            return Ok(is_entry(unit_type(unit.first)));
        }
    }
    Ok(false)
}

pub(super) async fn seam(source: Source<'_>, samples: &[usize]) -> Result<Hevc, Error> {
    let config = Hvcc::parse(&source.track.config)?;
    let lengths = config.lengths()?;
    let mut used = Used::default();
    for (_, unit) in config.arrays.all() {
        used.add(unit)?;
    }
    let mut active = None;
    let mut in_band = false;
    for index in samples {
        let mut units = Units::new(source.file, source.sample(*index)?, lengths);
        while let Some(unit) = units.next().await? {
            if layer(unit.first, unit.second) != 0 {
                return Err(Error::unsupported("HEVC in layers"));
            }
            match unit_type(unit.first) {
                VPS | SPS | PPS => {
                    in_band = true;
                    let set = units.read(unit).await?;
                    used.add(&set)?;
                    let other = active.is_some() && unit_type(unit.first) == SPS;
                    if other && Some(Picture::from(Sps::parse(&set)?)) != active.map(Picture::from)
                    {
                        return Err(Error::unsupported("the picture's format changes"));
                    }
                }
                DOLBY_VISION.. => return Err(Error::unsupported("HEVC with Dolby Vision")),
                kind if is_slice(kind) && active.is_none() => {
                    active = Some(active_set(&mut units, unit, &used).await?);
                }
                _ => {}
            }
        }
    }
    let active = active.ok_or_else(|| Error::damaged("HEVC without a picture"))?;
    if active.interlaced {
        return Err(Error::unsupported("interlaced HEVC"));
    }
    let profile = match (active.profile, active.chroma, active.bits) {
        (1 | 2, 1, 8) => "main",
        (2, 1, 10) => "main10",
        (other, ..) => return Err(Error::unsupported(format!("HEVC of profile {other}"))),
    };
    let [head, tail] = used.free()?;
    let (picture, colour) = (active.into(), active.colour);
    Ok(Hevc { profile, picture, colour, head, tail, in_band })
}

/// The sequence parameter set that a keyframe's slice refers to.
async fn active_set(units: &mut Units<'_>, slice: Unit, used: &Used) -> Result<Sps, Error> {
    let start = units.beginning(slice, 16).await?;
    let plain = unescape(start.get(2..).unwrap_or_default());
    let mut bits = BitReader::new(&plain);
    bits.skip(if (16..=23).contains(&unit_type(slice.first)) { 2 } else { 1 })?;
    let id = bits.ue_to(63)? as u8;
    let found = used.active(id);
    found.ok_or_else(|| Error::damaged("a slice refers to a parameter set that isn't there"))
}

impl Hevc {
    pub(super) async fn join(
        &self,
        source: Source<'_>,
        head: Option<Part<'_>>,
        first: Option<usize>,
        tail: Option<Part<'_>>,
    ) -> Result<Joined, Error> {
        let mut config = Hvcc::parse(&source.track.config)?;
        let lengths = config.lengths()?;
        let key = match first {
            Some(first) => source.whole(source.sample(first)?).await?,
            None => Bytes::new(),
        };
        let light = light(&key, lengths)?;
        let mut joined = Joined::default();
        for part in [head, tail].into_iter().flatten() {
            let own = Hvcc::parse(&part.source.track.config)?;
            let from = own.lengths()?;
            let ids = match part.end {
                End::Head => self.head,
                End::Tail => self.tail,
            };
            self.take(&own, ids, &mut config)?;
            let samples = part.rewritten(move |sample| rewrite(sample, from, lengths, ids));
            let mut samples = samples.await?;
            if let Some(SampleData::Generated(first)) = samples.first_mut() {
                first.splice(0..0, light.clone());
            }
            joined.place(part.end, samples);
        }
        if head.is_some() {
            let key = cut_ties(&key, lengths)?.map(SampleData::Generated);
            joined.changed = first.zip(key).into_iter().collect();
        }
        joined.config = config.write(!self.in_band)?;
        if let Some(entry) = &source.track.entry {
            // Only `hev1` may have sets in samples, only `hvc1` plays
            // everywhere.
            let name = if self.in_band { None } else { Some(*b"hvc1") };
            joined.entry = Some(entry::with(entry, *b"hvcC", &joined.config, name)?);
        }
        Ok(joined)
    }

    /// Takes the sets of an encoded part, if they are what was asked for.
    fn take(&self, own: &Hvcc, ids: Ids, config: &mut Hvcc) -> Result<(), Error> {
        for kind in [VPS, SPS, PPS] {
            if own.arrays.of(kind).count() != 1 {
                return Err(Error::unsupported("encoded frames have several parameter sets"));
            }
            for unit in own.arrays.of(kind) {
                if kind == SPS {
                    let sps = Sps::parse(unit)?;
                    if Picture::from(sps) != self.picture || !sps.colour.fits(&self.colour) {
                        return Err(Error::unsupported("encoded frames have another format"));
                    }
                }
                config.arrays.add(kind, ids.rewrite(unit)?);
            }
        }
        config.widen(own);
        Ok(())
    }
}

/// A sample of an encoded part with other ids. Parameter sets in it are left
/// out: they are in the configuration; and so is what speaks of them.
fn rewrite(sample: &[u8], from: LengthSize, to: LengthSize, ids: Ids) -> Result<Vec<u8>, Error> {
    let mut made = Vec::with_capacity(sample.len() + 64);
    for unit in split(sample, from)? {
        match unit_type(unit.first().copied().unwrap_or_default()) {
            VPS | SPS | PPS => {}
            // Buffering period, picture timing, active parameter sets.
            PREFIX_SEI | SUFFIX_SEI if matches!(unit.get(2), Some(0 | 1 | 129)) => {}
            _ => to.push(&ids.rewrite(unit)?, &mut made)?,
        }
    }
    Ok(made)
}

/// What a keyframe tells of brightness, for the parts as well: encoders don't
/// take it over.
fn light(sample: &[u8], lengths: LengthSize) -> Result<Vec<u8>, Error> {
    let mut units = Vec::new();
    for unit in split(sample, lengths)?.into_iter().filter(|unit| is_of_light(unit)) {
        lengths.push(unit, &mut units)?;
    }
    Ok(units)
}

/// A keyframe that follows other frames as if it was the first of all, without
/// taking these away; none when it is that already.
fn cut_ties(sample: &[u8], lengths: LengthSize) -> Result<Option<Vec<u8>>, Error> {
    let mut made = Vec::with_capacity(sample.len());
    for unit in split(sample, lengths)? {
        let [first, _, third, ..] = *unit else {
            lengths.push(unit, &mut made)?;
            continue;
        };
        let mut unit = unit.to_vec();
        if unit_type(first) == CRA {
            unit[0] = first & 0x81 | BLA_N_LP << 1;
        }
        // `no_output_of_prior_pics_flag` would take away the head's last frames.
        if is_entry(unit_type(first)) && third & 0x40 != 0 {
            let mut plain = unescape(&unit);
            plain[2] = third & !0x40;
            unit = escape(&plain);
        }
        lengths.push(&unit, &mut made)?;
    }
    Ok(Some(made).filter(|made| made != sample))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ties_are_cut_and_earlier_pictures_kept() {
        let lengths = LengthSize::minus_one(0).unwrap();
        for (from, to, why) in [
            (&[0x2a, 1, 0xa0, 7][..], Some(&[0x24, 1, 0xa0, 7][..]), "an open group"),
            (&[0x2a, 1, 0xe0, 7], Some(&[0x24, 1, 0xa0, 7]), "that takes pictures away"),
            (&[0x26, 1, 0xe0, 7], Some(&[0x26, 1, 0xa0, 7]), "a closed one that does"),
            (&[0x26, 1, 0xa0, 7], None, "one that doesn't"),
            (&[0x2a, 1, 0x40, 0, 1], Some(&[0x24, 1, 0, 0, 3, 1]), "zeros in a row"),
            (&[0x4e, 1, 0xe0, 7], None, "no slice"),
            (&[0x2a, 1], None, "no slice either"),
        ] {
            let (mut sample, mut expected) = (Vec::new(), Vec::new());
            lengths.push(from, &mut sample).unwrap();
            lengths.push(to.unwrap_or_default(), &mut expected).unwrap();
            assert_eq!(cut_ties(&sample, lengths).unwrap(), to.map(|_| expected), "{why}");
        }
    }
}
