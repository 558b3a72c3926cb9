//! A sample of a track, and when it is presented.

use std::ops::Range;

use clipmill_core::Timescale;

use super::limits;
use crate::PresentedTicks;

/// Where a sample is, and when, before the edit list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SampleInfo {
    /// When it is decoded, ticks.
    pub dts: i64,
    /// Its first byte in the file.
    pub offset: u64,
    /// How much later than decoded it is presented, ticks.
    pub composition_offset: i32,
    /// Its duration, ticks.
    pub delta: u32,
    /// Bytes.
    pub size: u32,
    /// Whether decoding can begin here.
    pub is_sync: bool,
}

impl SampleInfo {
    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.size)
    }
}

/// How the times of a track's samples become those of the file's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrackTimeline {
    /// The clock of the samples.
    pub timescale: Timescale,
    /// By how many ticks the edit list presents samples later than they say;
    /// negative when earlier.
    pub shift: i64,
    /// When the edit list presents the track.
    pub edit: PresentedTicks,
}

impl TrackTimeline {
    /// When a sample is presented, ticks.
    pub fn pts(&self, sample: &SampleInfo) -> i64 {
        sample.dts.saturating_add(sample.composition_offset.into()).saturating_add(self.shift)
    }

    /// When a sample is presented, microseconds.
    pub fn start(&self, sample: &SampleInfo) -> i64 {
        self.timescale.micros(self.pts(sample))
    }

    /// When a sample's presentation ends, microseconds.
    pub fn end(&self, sample: &SampleInfo) -> i64 {
        self.timescale.micros(self.pts(sample).saturating_add(sample.delta.into()))
    }

    /// When the edit list presents the track, microseconds.
    pub fn presented_micros(self) -> Range<i64> {
        let micros = |ticks: i64| match ticks {
            i64::MIN | i64::MAX => ticks,
            _ => self.timescale.micros(ticks),
        };
        micros(self.edit.start)..micros(self.edit.end)
    }

    /// When the first of some samples is presented, microseconds; 0 when there
    /// are none.
    pub fn earliest(&self, samples: &[SampleInfo]) -> i64 {
        let first = samples.iter().map(|sample| self.pts(sample)).min();
        self.timescale.micros(first.unwrap_or(0))
    }

    /// A time in microseconds as one of the track before its edit list, whole
    /// ticks that are not later.
    pub fn media_ticks(&self, micros: i64) -> i64 {
        let ticks = self.timescale.ticks_floor(micros).clamp(-limits::LATEST, limits::LATEST);
        ticks.saturating_sub(self.shift)
    }
}
