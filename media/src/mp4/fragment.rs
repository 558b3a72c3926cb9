//! The samples of a fragment (`moof`, ISO/IEC 14496-12, 8.8.4), and going from
//! fragment to fragment in a file.

use super::boxes::children;
use super::limits;
use super::moov::{Moov, Trex};
use super::sample::SampleInfo;
use super::source::Mp4Source;
use super::top_level::TopLevelBox;
use super::traf::{SampleDefaults, Tfhd, Traf, Trun};
use super::trak::Trak;
use crate::MediaError;

/// The samples of a track in a `moof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// The track.
    pub track: u32,
    /// Their description, from 1 on.
    pub description: u32,
    /// The samples; not none.
    pub samples: Vec<SampleInfo>,
    /// Whether their offsets are counted from the beginning of the file, so that
    /// the fragment can't be moved.
    pub is_fixed: bool,
    /// Whether the fragment says when it starts (`tfdt`).
    pub is_timed: bool,
}

/// What the next fragment of a track depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrackState {
    /// What samples have where a fragment says nothing else.
    trex: Trex,
    /// When a fragment without `tfdt` starts, ticks; none when it must have one.
    next_dts: Option<i64>,
}

impl TrackState {
    /// The state after these samples, which are the first of the track.
    pub fn after(moov: &Moov, trak: &Trak, samples: &[SampleInfo]) -> TrackState {
        let next = samples.last().map_or(0, |last| last.dts.saturating_add(last.delta.into()));
        TrackState { trex: moov.trex_of(trak.id), next_dts: Some(next) }
    }

    /// The state before a fragment that must have a `tfdt`.
    pub fn unknown(moov: &Moov, trak: &Trak) -> TrackState {
        TrackState { trex: moov.trex_of(trak.id), next_dts: None }
    }
}

/// Reads the fragments of a file one after the other.
pub(crate) struct FragmentReader<'a, 's> {
    source: &'a Mp4Source<'s>,
    states: Vec<TrackState>,
    offset: u64,
    window: u64,
}

impl<'a, 's> FragmentReader<'a, 's> {
    /// Starts at `offset`. Reads the samples of the tracks of these states, and
    /// `window` bytes where a header is that was not read before.
    pub fn new(
        source: &'a Mp4Source<'s>,
        states: Vec<TrackState>,
        offset: u64,
        window: u64,
    ) -> FragmentReader<'a, 's> {
        FragmentReader { source, states, offset, window }
    }

    /// What the next `moof` has of each track; none at the end of the file.
    ///
    /// # Errors
    /// The fragment is damaged, or has no `tfdt`.
    pub async fn next(&mut self) -> Result<Option<Vec<Fragment>>, MediaError> {
        let Some(moof) = next_moof(self.source, self.offset, self.window).await? else {
            return Ok(None);
        };
        self.offset = moof.end();
        read_moof(self.source, &moof, &mut self.states).await.map(Some)
    }
}

/// The first `moof` at or after `offset`; none at the end of the file.
pub(crate) async fn next_moof(
    source: &Mp4Source<'_>,
    mut offset: u64,
    window: u64,
) -> Result<Option<TopLevelBox>, MediaError> {
    for _ in 0..limits::BOXES_BETWEEN_FRAGMENTS {
        let Some(found) = TopLevelBox::read(source, offset, window).await? else {
            return Ok(None);
        };
        if &found.header.name == b"moof" {
            return Ok(Some(found));
        }
        offset = found.end();
    }
    Err(MediaError::unsupported("too many boxes lie between two fragments"))
}

/// Reads a `moof`. Tracks that are not among `states` are passed over.
///
/// # Errors
/// The fragment is damaged, or has no `tfdt`.
pub(crate) async fn read_moof(
    source: &Mp4Source<'_>,
    moof: &TopLevelBox,
    states: &mut [TrackState],
) -> Result<Vec<Fragment>, MediaError> {
    if moof.header.size > limits::MOOF {
        return Err(MediaError::too_large("a fragment is too large"));
    }
    let bytes = source.read(moof.offset, moof.header.size).await?;
    let mut reading = MoofReading {
        offset: moof.offset,
        file_size: source.size(),
        data_end: moof.offset,
        samples_left: limits::SAMPLES,
    };
    let mut fragments = Vec::new();
    let body = bytes.get(moof.header.length as usize..).unwrap_or_default();
    for child in children(body) {
        let child = child?;
        if &child.name == b"traf"
            && let Some(traf) = Traf::parse(child.body)?
        {
            fragments.extend(reading.read_traf(&traf, states)?);
        }
    }
    Ok(fragments)
}

/// A `moof` that is read.
struct MoofReading {
    /// Where it is.
    offset: u64,
    file_size: u64,
    /// Where the samples of the last run end: those of the next one are there,
    /// unless it says where they are.
    data_end: u64,
    /// Samples that it may still have.
    samples_left: u64,
}

impl MoofReading {
    /// The samples of a `traf`, if it is of a track among `states`.
    fn read_traf(
        &mut self,
        traf: &Traf<'_>,
        states: &mut [TrackState],
    ) -> Result<Option<Fragment>, MediaError> {
        let tfhd = &traf.tfhd;
        let state = states.iter_mut().find(|state| state.trex.track == tfhd.track);
        let trex = state.as_ref().map(|state| state.trex);
        let dts = match (&traf.tfdt, &state) {
            (Some(tfdt), _) => Some(tfdt.ticks()?),
            (None, Some(state)) => state.next_dts,
            // The times of other tracks do not matter.
            (None, None) => Some(0),
        };
        let defaults = tfhd.defaults(trex);
        let base = self.base(tfhd);
        self.data_end = base;
        let is_kept = trex.is_some();
        let mut run = RunReading { base, defaults, dts, is_kept, samples: Vec::new() };
        for trun in &traf.runs {
            self.append_run(trun, &mut run)?;
        }
        let Some(state) = state else { return Ok(None) };
        let is_timed = traf.tfdt.is_some();
        if !run.samples.is_empty() || is_timed {
            state.next_dts = run.dts;
        }
        let description = tfhd.description.unwrap_or(state.trex.description);
        let fragment = Fragment {
            track: tfhd.track,
            description,
            samples: run.samples,
            is_fixed: tfhd.base_offset.is_some(),
            is_timed,
        };
        Ok((!fragment.samples.is_empty()).then_some(fragment))
    }

    /// Where the offsets of a `traf` are counted from.
    fn base(&self, tfhd: &Tfhd) -> u64 {
        let default = if tfhd.is_base_moof { self.offset } else { self.data_end };
        tfhd.base_offset.unwrap_or(default)
    }

    /// Appends the samples of a run.
    fn append_run(&mut self, trun: &Trun<'_>, run: &mut RunReading) -> Result<(), MediaError> {
        let mut offset = self.data_end;
        if let Some(from) = trun.data_offset {
            offset = (run.base.checked_add_signed(from.into()))
                .ok_or_else(|| MediaError::damaged("a run of samples is before the file"))?;
        }
        self.check_count(trun, run.defaults.size)?;
        let Some(mut dts) = run.dts else {
            return Err(MediaError::unsupported("a fragment does not tell when it begins"));
        };
        for sample in trun.samples(run.defaults) {
            let end = offset.checked_add(sample.size.into()).filter(|end| *end <= self.file_size);
            let end = end.ok_or_else(|| MediaError::damaged("a sample is beyond the end"))?;
            if run.is_kept {
                run.samples.push(SampleInfo {
                    dts,
                    offset,
                    composition_offset: sample.composition_offset,
                    delta: sample.delta,
                    size: sample.size,
                    is_sync: sample.is_sync,
                });
            }
            offset = end;
            dts = dts.saturating_add(sample.delta.into());
        }
        if dts >= limits::LATEST {
            return Err(MediaError::damaged("a fragment ends too late"));
        }
        self.data_end = offset;
        run.dts = Some(dts);
        Ok(())
    }

    /// Refuses a run of more samples than the file can have.
    fn check_count(&mut self, trun: &Trun<'_>, size: u32) -> Result<(), MediaError> {
        let count = u64::from(trun.count);
        let bytes = if trun.has_sizes() { 0 } else { count * u64::from(size) };
        let is_endless = !trun.has_sizes() && size == 0 && trun.count > limits::EMPTY_SAMPLES;
        let left = self.samples_left.checked_sub(count);
        match left.filter(|_| !is_endless && bytes <= self.file_size) {
            Some(left) => self.samples_left = left,
            None => {
                return Err(MediaError::damaged("a run has more samples than the file can have"));
            }
        }
        Ok(())
    }
}

/// The runs of a `traf` that is read.
struct RunReading {
    /// Where the offsets of runs are counted from.
    base: u64,
    defaults: SampleDefaults,
    /// When the next run starts, ticks.
    dts: Option<i64>,
    /// Whether the track is one of those that are read.
    is_kept: bool,
    samples: Vec<SampleInfo>,
}
