//! A body that begins with a keyframe of an open group (H.264): the keyframe
//! becomes an IDR picture, and the slices behind it, up to the next real one,
//! get headers with the numbers that follow from that. What is coded in them
//! stays as it is, bit for bit.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::join::SOURCE;
use super::prepare::Source;
use crate::codec::h264::slice::{Renamed, pps_of};
use crate::codec::h264::{
    Avcc, IDR, PPS, ParameterSets, Pps, Renumbering, SPS, Slice, Sps, is_slice, unit_type,
};
use crate::codec::nal::{LengthSize, Unit, Units, escape, escaped_length, unescape};
use crate::mux::SampleData;
use crate::{Error, Sample};

/// Bytes of a slice in which its header must end.
const HEADER: u32 = 1024;

/// Samples that are other than in the source, by their index.
pub(super) type Changed = BTreeMap<usize, SampleData>;

/// What a body's samples become, the keyframe first; `body` are their indexes
/// in decoding order.
///
/// # Errors
/// `Unsupported` and `Damaged` when it can't be told, with the reason.
pub(super) async fn untie(source: Source<'_>, body: &[usize]) -> Result<Changed, Error> {
    let config = Avcc::parse(&source.track.config)?;
    let (Some(first), Some(last)) = (body.first(), body.last()) else { return Ok(Changed::new()) };
    let kept: BTreeSet<usize> = body.iter().copied().collect();
    let mut sets = Sets::of(&config)?;
    let mut numbers = None;
    let mut changed = Changed::new();
    for index in *first..=*last {
        let sample = source.sample(index)?;
        let Some(picture) = Picture::read(source, sample, config.lengths, &mut sets).await? else {
            break;
        };
        let numbers = match &mut numbers {
            Some(numbers) => numbers,
            none => none.insert(Renumbering::new(&sets.active()?)?),
        };
        let slices: Vec<Slice> = picture.slices().cloned().collect();
        let renamed = numbers.frame(&slices, kept.contains(&index))?;
        if !renamed.is_empty() {
            changed.insert(index, picture.renamed(sample, config.lengths, &renamed)?);
        }
    }
    Ok(changed)
}

/// The parameter sets of a stream, of which one is in use all the time.
struct Sets {
    all: ParameterSets,
    active: Option<Sps>,
}

impl Sets {
    fn of(config: &Avcc) -> Result<Sets, Error> {
        let all = ParameterSets::of(config.sps.iter().chain(&config.pps))?;
        Ok(Sets { all, active: None })
    }

    fn active(&self) -> Result<Sps, Error> {
        self.active.ok_or_else(|| Error::damaged("H.264 without a picture"))
    }

    /// Those that a slice refers to.
    fn of_slice(&mut self, plain: &[u8]) -> Result<(Sps, Pps), Error> {
        let none = || Error::damaged("a slice refers to a parameter set that isn't there");
        let pps = Pps::parse(self.all.pps.get(&pps_of(plain)?).ok_or_else(none)?)?;
        let sps = Sps::parse(self.all.sps.get(&pps.sps).ok_or_else(none)?)?;
        if *self.active.get_or_insert(sps) != sps {
            return Err(Error::unsupported("the picture's format changes"));
        }
        if !pps.arithmetic {
            return Err(Error::unsupported("open groups of H.264 that is coded without CABAC"));
        }
        Ok((sps, pps))
    }
}

/// A sample with the headers of its slices.
struct Picture {
    units: Vec<(Unit, Option<Beginning>)>,
}

/// The beginning of a slice.
struct Beginning {
    /// As it is in the file.
    unit: Bytes,
    plain: Vec<u8>,
    slice: Slice,
}

impl Picture {
    /// None for an IDR picture.
    async fn read(
        source: Source<'_>,
        sample: &Sample,
        lengths: LengthSize,
        sets: &mut Sets,
    ) -> Result<Option<Picture>, Error> {
        let mut units = Units::new(source.file, sample, lengths);
        let mut read = Vec::new();
        while let Some(unit) = units.next().await? {
            let beginning = match unit_type(unit.first) {
                IDR if read.iter().all(|(_, beginning)| Option::is_none(beginning)) => {
                    return Ok(None);
                }
                SPS | PPS => {
                    sets.all.add(&units.read(unit).await?)?;
                    None
                }
                2..=4 => return Err(Error::unsupported("H.264 with data partitions")),
                kind if is_slice(kind) => {
                    let bytes = units.beginning(unit, HEADER).await?;
                    let plain = unescape(&bytes);
                    let (sps, pps) = sets.of_slice(&plain)?;
                    let slice = Slice::parse(&plain, &sps, &pps)?;
                    Some(Beginning { unit: bytes, plain, slice })
                }
                _ => None,
            };
            read.push((unit, beginning));
        }
        Ok(Some(Picture { units: read }))
    }

    fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.units.iter().filter_map(|(_, beginning)| Some(&beginning.as_ref()?.slice))
    }

    /// The sample with other headers, one for each slice.
    fn renamed(
        &self,
        sample: &Sample,
        lengths: LengthSize,
        to: &[Renamed],
    ) -> Result<SampleData, Error> {
        let mut parts = Vec::new();
        let mut at = sample.offset;
        let mut to = to.iter();
        let range = |from: u64, end: u64| SampleData::Copied {
            file: SOURCE,
            offset: from,
            // Within a sample, whose size is of 32 bits.
            size: end.saturating_sub(from) as u32,
        };
        for (unit, beginning) in &self.units {
            let Some(beginning) = beginning else { continue };
            let to = to.next().ok_or_else(|| Error::damaged("a slice beside the plan"))?;
            let (made, replaced) = beginning.renamed(to)?;
            let length = made.len() + (unit.size as usize).saturating_sub(replaced);
            let before = unit.offset.saturating_sub(lengths.bytes() as u64);
            let prefix = lengths.length(length)?;
            parts.extend([range(at, before), SampleData::Generated([prefix, made].concat())]);
            at = unit.offset + replaced as u64;
        }
        parts.push(range(at, sample.offset + u64::from(sample.size)));
        parts.retain(|part| part.size() > 0);
        Ok(SampleData::Chain(parts))
    }
}

impl Beginning {
    /// The new beginning of the unit, and how many of its bytes that replaces.
    fn renamed(&self, to: &Renamed) -> Result<(Vec<u8>, usize), Error> {
        let data = self.slice.data();
        let rest = self.plain.get(data..).unwrap_or_default();
        // Behind a byte that is not 0 what was escaped stays escaped.
        let until = rest.iter().position(|byte| *byte != 0).map(|place| place + 1);
        let until = until.ok_or_else(|| Error::unsupported("a long header of a slice"))?;
        let mut made = self.slice.renamed(&self.plain, to)?;
        made.extend_from_slice(rest.get(..until).unwrap_or_default());
        Ok((escape(&made), escaped_length(&self.unit, data + until)))
    }
}
