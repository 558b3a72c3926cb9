//! Fragments: the samples that a `moof` tells of.

use super::boxes::{Child, Fields, children};
use super::moov::Trex;
use super::tables::SAMPLES;
use super::times::LATEST;
use super::tracks::Raw;
use crate::Error;

/// Most samples of no size in one run; each other one takes bytes.
const EMPTY: u32 = 4096;

/// What is carried from one fragment of a track to its next one.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    /// What samples have where a fragment says nothing else.
    pub trex: Trex,
    /// When the next fragment begins that does not tell, ticks; none when it
    /// must tell.
    pub next: Option<i64>,
}

/// The samples of a track in a `moof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// The track.
    pub track: u32,
    /// Their description, from 1 on.
    pub description: u32,
    /// The samples; not none.
    pub samples: Vec<Raw>,
    /// Whether their places are told from the beginning of the file, so that
    /// the fragment can't be moved.
    pub fixed: bool,
    /// Whether the fragment tells when it begins.
    pub timed: bool,
}

/// Reads a `moof`, header included, which is at `at` in a file of `size`
/// bytes. Tracks that are not among `carried` are passed over.
///
/// # Errors
/// The fragment is damaged.
pub(crate) fn read(
    moof: &[u8],
    at: u64,
    size: u64,
    carried: &mut [Carried],
) -> Result<Vec<Fragment>, Error> {
    let Some(moof) = children(moof).next().transpose()? else {
        return Err(Error::damaged("a fragment is empty"));
    };
    let mut found = Vec::new();
    // Without any other word, a track's data follows that of the one before.
    let mut follows = at;
    for traf in children(moof.body) {
        let traf = traf?;
        if &traf.name != b"traf" {
            continue;
        }
        let mut reading = Reading { at, size, follows, fragment: None, known: false };
        for inside in children(traf.body) {
            reading.take(&inside?, carried)?;
        }
        follows = reading.follows;
        if let Some(fragment) = reading.finish(carried) {
            found.push(fragment);
        }
    }
    Ok(found)
}

/// A `traf` that is read.
struct Reading {
    at: u64,
    size: u64,
    follows: u64,
    fragment: Option<(Fragment, Head)>,
    known: bool,
}

/// What a `tfhd` says.
struct Head {
    base: u64,
    which: Option<usize>,
    duration: u32,
    size: u32,
    flags: u32,
    /// When the next run begins.
    next: Option<i64>,
}

impl Reading {
    fn take(&mut self, found: &Child<'_>, carried: &mut [Carried]) -> Result<(), Error> {
        let mut fields = Fields::new(found.body);
        match &found.name {
            b"tfhd" if self.fragment.is_none() => self.head(&mut fields, carried),
            b"tfdt" => {
                let (version, _) = fields.version()?;
                let time = i64::try_from(fields.wide(version)?).ok().filter(|time| *time < LATEST);
                let time = time.ok_or_else(|| Error::damaged("a fragment begins too late"))?;
                if let Some((fragment, head)) = &mut self.fragment {
                    (head.next, fragment.timed) = (Some(time), true);
                }
                Ok(())
            }
            b"trun" => self.run(&mut fields),
            _ => Ok(()),
        }
    }

    fn head(&mut self, fields: &mut Fields<'_>, carried: &[Carried]) -> Result<(), Error> {
        let (_, has) = fields.version()?;
        let track = fields.u32()?;
        let which = carried.iter().position(|carried| carried.trex.track == track);
        self.known = which.is_some();
        let known = which.and_then(|which| carried.get(which));
        let trex = known.map(|known| known.trex).unwrap_or_default();
        let fixed = has & 0x01 != 0;
        let base = match (fixed, has & 0x02_0000 != 0) {
            (true, _) => fields.u64()?,
            (_, true) => self.at,
            _ => self.follows,
        };
        let mut or = |flag, otherwise| if has & flag != 0 { fields.u32() } else { Ok(otherwise) };
        let description = or(0x02, trex.description)?;
        let duration = or(0x08, trex.duration)?;
        let size = or(0x10, trex.size)?;
        let flags = or(0x20, trex.flags)?;
        let next = known.and_then(|known| known.next);
        self.follows = base;
        let samples = Vec::new();
        self.fragment = Some((
            Fragment { track, description, samples, fixed, timed: false },
            Head { base, which, duration, size, flags, next },
        ));
        Ok(())
    }

    fn run(&mut self, fields: &mut Fields<'_>) -> Result<(), Error> {
        let Some((fragment, head)) = &mut self.fragment else {
            return Err(Error::damaged("a run of samples is of no track"));
        };
        let (_, has) = fields.version()?;
        let count = fields.u32()?;
        let mut at = self.follows;
        if has & 0x01 != 0 {
            let from = i64::from(fields.i32()?);
            at = (head.base.checked_add_signed(from))
                .ok_or_else(|| Error::damaged("a run of samples is before the file"))?;
        }
        let first = if has & 0x04 != 0 { Some(fields.u32()?) } else { None };
        let each = [0x100, 0x200, 0x400, 0x800].iter().filter(|flag| has & **flag != 0).count();
        if (count as usize).checked_mul(each * 4).is_none_or(|bytes| bytes > fields.rest().len()) {
            return Err(Error::damaged("a run of samples ends too early"));
        }
        let sized = has & 0x200 != 0;
        let bytes = if sized { 0 } else { u64::from(count) * u64::from(head.size) };
        let endless = !sized && head.size == 0 && count > EMPTY;
        if endless
            || bytes > self.size
            || fragment.samples.len() as u64 + u64::from(count) > SAMPLES
        {
            return Err(Error::damaged("a run has more samples than the file can have"));
        }
        let mut dts = match head.next {
            Some(next) => next,
            None if !self.known => 0,
            None => return Err(Error::unsupported("a fragment does not tell when it begins")),
        };
        for number in 0..count {
            let mut or =
                |flag, otherwise| if has & flag != 0 { fields.u32() } else { Ok(otherwise) };
            let delta = or(0x100, head.duration)?;
            let size = or(0x200, head.size)?;
            let flags = or(0x400, head.flags)?;
            let cts = or(0x800, 0)?.cast_signed();
            let flags = first.filter(|_| number == 0).unwrap_or(flags);
            let end = at.checked_add(size.into()).filter(|end| *end <= self.size);
            let end = end.ok_or_else(|| Error::damaged("a sample is beyond the end"))?;
            if self.known {
                let sync = flags & 0x1_0000 == 0;
                fragment.samples.push(Raw { dts, offset: at, cts, delta, size, sync });
            }
            at = end;
            dts = dts.saturating_add(delta.into());
        }
        if dts >= LATEST {
            return Err(Error::damaged("a fragment ends too late"));
        }
        (self.follows, head.next) = (at, Some(dts));
        Ok(())
    }

    /// The samples, if these are of a known track.
    fn finish(self, carried: &mut [Carried]) -> Option<Fragment> {
        let (fragment, head) = self.fragment?;
        let carried = carried.get_mut(head.which?)?;
        if !fragment.samples.is_empty() || fragment.timed {
            carried.next = head.next;
        }
        (!fragment.samples.is_empty()).then_some(fragment)
    }
}
