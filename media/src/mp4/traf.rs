//! The syntax of `traf` (ISO/IEC 14496-12, 8.8.6), the part of a fragment that is
//! of one track: its header (`tfhd`, 8.8.7), its start (`tfdt`, 8.8.12), and its
//! runs of samples (`trun`, 8.8.8).

use std::ops::Range;

use super::boxes::{FieldReader, children};
use super::limits;
use super::moov::Trex;
use crate::MediaError;

/// `base-data-offset-present`.
const HAS_BASE: u32 = 0x01;
/// `sample-description-index-present`.
const HAS_DESCRIPTION: u32 = 0x02;
/// `default-sample-duration-present`.
const HAS_DURATION: u32 = 0x08;
/// `default-sample-size-present`.
const HAS_SIZE: u32 = 0x10;
/// `default-sample-flags-present`.
const HAS_FLAGS: u32 = 0x20;
/// `default-base-is-moof`.
const BASE_IS_MOOF: u32 = 0x02_0000;

/// `data-offset-present` of a run.
const RUN_HAS_OFFSET: u32 = 0x01;
/// `first-sample-flags-present`.
const RUN_HAS_FIRST_FLAGS: u32 = 0x04;
/// The fields that a run may have for each sample, in their order.
const EACH_DURATION: u32 = 0x100;
const EACH_SIZE: u32 = 0x200;
const EACH_FLAGS: u32 = 0x400;
const EACH_COMPOSITION_OFFSET: u32 = 0x800;
const EACH: [u32; 4] = [EACH_DURATION, EACH_SIZE, EACH_FLAGS, EACH_COMPOSITION_OFFSET];

/// `sample_is_non_sync_sample` of a sample's flags (8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;

/// A `traf`.
pub(crate) struct Traf<'a> {
    /// Its header.
    pub tfhd: Tfhd,
    /// When it starts, if it says so.
    pub tfdt: Option<Tfdt>,
    /// Its runs of samples.
    pub runs: Vec<Trun<'a>>,
}

/// What a `tfhd` says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tfhd {
    /// The track.
    pub track: u32,
    /// Where the offsets of runs are counted from in the file.
    pub base_offset: Option<u64>,
    /// Whether they are counted from the start of the `moof` otherwise.
    pub is_base_moof: bool,
    /// Which sample description, from 1 on.
    pub description: Option<u32>,
    /// Ticks of a sample.
    pub duration: Option<u32>,
    /// Bytes of a sample.
    pub size: Option<u32>,
    /// Flags of a sample.
    pub flags: Option<u32>,
}

/// What a `tfdt` says.
#[derive(Debug, Clone)]
pub(crate) struct Tfdt {
    /// When the first sample is decoded, ticks.
    pub time: u64,
    /// Where the 4 or 8 bytes of this number are in the body of the `traf`.
    pub place: Range<usize>,
}

/// A run of samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trun<'a> {
    /// Number of samples.
    pub count: u32,
    /// Where the first one is, counted from the base.
    pub data_offset: Option<i32>,
    /// Flags of the first sample.
    first_flags: Option<u32>,
    /// Which fields each sample has.
    each: u32,
    /// These fields.
    rows: &'a [u8],
}

/// What samples have where a run says nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleDefaults {
    /// Ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Flags.
    pub flags: u32,
}

/// A sample of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunSample {
    /// Its duration, ticks.
    pub delta: u32,
    /// Bytes.
    pub size: u32,
    /// Whether decoding can begin here.
    pub is_sync: bool,
    /// How much later than decoded it is presented, ticks.
    pub composition_offset: i32,
}

impl<'a> Traf<'a> {
    /// Reads the body of a `traf`; none when it has neither header nor samples.
    ///
    /// # Errors
    /// It is damaged.
    pub fn parse(body: &'a [u8]) -> Result<Option<Traf<'a>>, MediaError> {
        let (mut tfhd, mut tfdt, mut runs) = (None, None, Vec::new());
        for found in children(body) {
            let found = found?;
            match &found.name {
                b"tfhd" if tfhd.is_none() => tfhd = Some(Tfhd::parse(found.body)?),
                b"tfdt" => tfdt = Some(Tfdt::parse(found.body, found.body_offset)?),
                b"trun" => runs.push(Trun::parse(found.body)?),
                _ => {}
            }
        }
        match tfhd {
            Some(tfhd) => Ok(Some(Traf { tfhd, tfdt, runs })),
            None if runs.is_empty() => Ok(None),
            None => Err(MediaError::damaged("a run of samples is of no track")),
        }
    }
}

impl Tfhd {
    /// What samples have where a run says nothing else.
    pub fn defaults(&self, trex: Option<Trex>) -> SampleDefaults {
        let trex = |field: fn(Trex) -> u32| trex.map_or(0, field);
        SampleDefaults {
            duration: self.duration.unwrap_or(trex(|trex| trex.duration)),
            size: self.size.unwrap_or(trex(|trex| trex.size)),
            flags: self.flags.unwrap_or(trex(|trex| trex.flags)),
        }
    }

    fn parse(body: &[u8]) -> Result<Tfhd, MediaError> {
        let mut fields = FieldReader::new(body);
        let (_, has) = fields.version_and_flags()?;
        let track = fields.u32()?;
        let base_offset = if has & HAS_BASE != 0 { Some(fields.u64()?) } else { None };
        let mut optional = |flag| if has & flag != 0 { fields.u32().map(Some) } else { Ok(None) };
        Ok(Tfhd {
            track,
            base_offset,
            is_base_moof: has & BASE_IS_MOOF != 0,
            description: optional(HAS_DESCRIPTION)?,
            duration: optional(HAS_DURATION)?,
            size: optional(HAS_SIZE)?,
            flags: optional(HAS_FLAGS)?,
        })
    }
}

impl Tfdt {
    /// The time, ticks.
    ///
    /// # Errors
    /// No real file has such a time.
    pub fn ticks(&self) -> Result<i64, MediaError> {
        let ticks = i64::try_from(self.time).ok().filter(|ticks| *ticks < limits::LATEST);
        ticks.ok_or_else(|| MediaError::damaged("a fragment begins too late"))
    }

    fn parse(body: &[u8], body_offset: usize) -> Result<Tfdt, MediaError> {
        let mut fields = FieldReader::new(body);
        let (version, _) = fields.version_and_flags()?;
        let time = fields.by_version(version)?;
        let start = body_offset + 4;
        let place = start..start + if version == 0 { 4 } else { 8 };
        Ok(Tfdt { time, place })
    }
}

impl<'a> Trun<'a> {
    fn parse(body: &'a [u8]) -> Result<Trun<'a>, MediaError> {
        let mut fields = FieldReader::new(body);
        let (_, has) = fields.version_and_flags()?;
        let count = fields.u32()?;
        let data_offset = if has & RUN_HAS_OFFSET != 0 { Some(fields.i32()?) } else { None };
        let first_flags = if has & RUN_HAS_FIRST_FLAGS != 0 { Some(fields.u32()?) } else { None };
        let width = 4 * EACH.iter().filter(|flag| has & **flag != 0).count();
        let rows = (count as usize)
            .checked_mul(width)
            .and_then(|bytes| fields.rest().get(..bytes))
            .ok_or_else(|| MediaError::damaged("a run of samples ends too early"))?;
        Ok(Trun { count, data_offset, first_flags, each: has, rows })
    }

    /// Whether each sample has a size of its own, so that they can't be more than
    /// the run's bytes allow.
    pub fn has_sizes(&self) -> bool {
        self.each & EACH_SIZE != 0
    }

    /// The samples.
    pub fn samples(&self, defaults: SampleDefaults) -> impl Iterator<Item = RunSample> + use<'a> {
        let mut fields = FieldReader::new(self.rows);
        let (each, first_flags) = (self.each, self.first_flags);
        // `parse` saw to it that there are enough bytes.
        let mut field = move |flag, default| match each & flag {
            0 => default,
            _ => fields.u32().unwrap_or(default),
        };
        (0..self.count).map(move |number| {
            let delta = field(EACH_DURATION, defaults.duration);
            let size = field(EACH_SIZE, defaults.size);
            let flags = field(EACH_FLAGS, defaults.flags);
            let composition_offset = field(EACH_COMPOSITION_OFFSET, 0).cast_signed();
            let flags = first_flags.filter(|_| number == 0).unwrap_or(flags);
            RunSample { delta, size, is_sync: flags & NON_SYNC == 0, composition_offset }
        })
    }

    /// When the first of its samples is presented, ticks after the run starts to be
    /// decoded; none when it has no samples.
    pub fn earliest(&self, defaults: SampleDefaults) -> Option<i64> {
        if self.each & EACH_COMPOSITION_OFFSET == 0 {
            return (self.count > 0).then_some(0);
        }
        let mut dts = 0_i64;
        let pts = self.samples(defaults).map(|sample| {
            let pts = dts.saturating_add(sample.composition_offset.into());
            dts = dts.saturating_add(sample.delta.into());
            pts
        });
        pts.min()
    }

    /// Ticks of all samples.
    pub fn duration(&self, defaults: SampleDefaults) -> u64 {
        if self.each & EACH_DURATION == 0 {
            return u64::from(self.count) * u64::from(defaults.duration);
        }
        self.samples(defaults).map(|sample| u64::from(sample.delta)).sum()
    }
}
