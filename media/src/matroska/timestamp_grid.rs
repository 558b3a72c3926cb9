//! Restoring constant frame rates: time stamps in whole milliseconds are put back
//! on the grid that they were rounded from.
//!
//! Given are times t_i in ticks of 1/1000 s, rounded or cut off. Wanted are the
//! start a and the step b of a grid, and rising whole numbers n_i, such that
//!
//! ```text
//! round(a + n_i * b) = t_i                       or floor instead of round
//!
//! grid    a         a + b       a + 2b      a + 3b      a + 4b
//!         |-----------|-----------|-----------|-----------|----
//! stored   t_0       t_1                      t_2        t_3
//!          n = 0     n = 1      (missing)     n = 3      n = 4
//! ```
//!
//! 1. The step comes from a list of usual rates, nearest to the mean distance
//!    first; for audio, from the packet lengths of the codec.
//! 2. n_i is the whole number of steps that is nearest to t_i - t_0.
//! 3. t_i - n_i * b is where the grid would start if t_i were exact. Rounding
//!    moves a time by less than a tick, so a grid fits if all of these offsets
//!    are within one tick of each other.
//! 4. The start is 0 if that explains the offsets, else the middle of them.

use clipmill_core::Timescale;

use crate::{CodecId, Track, TrackKind};

/// Usual rates of video: ticks per second, and ticks of a frame.
const FRAME_RATES: [(u32, u32); 22] = [
    (30_000, 1001),
    (30_000, 1000),
    (25_000, 1000),
    (60_000, 1001),
    (60_000, 1000),
    (50_000, 1000),
    (24_000, 1001),
    (24_000, 1000),
    (48_000, 1001),
    (48_000, 1000),
    (120_000, 1001),
    (120_000, 1000),
    (100_000, 1000),
    (90_000, 1000),
    (144_000, 1000),
    (20_000, 1000),
    (15_000, 1001),
    (15_000, 1000),
    (25_000, 2000),
    (12_000, 1001),
    (12_000, 1000),
    (10_000, 1000),
];

/// Moves a track's samples to a grid, if every time stamp is what rounding or
/// cutting off made of a time on it: video of a usual frame rate, and audio whose
/// packets are all equally long. Frames may be missing, but not every fourth.
///
/// Returns whether they were moved: the track's time scale is another one then.
pub fn snap_to_grid(track: &mut Track) -> bool {
    let pts: Vec<i64> = track.samples.iter().map(|sample| sample.pts).collect();
    let Some(grid) = find_grid(track, &pts) else { return false };
    let mut order: Vec<usize> = (0..pts.len()).collect();
    order.sort_by_key(|index| pts[*index]);
    let moved: Vec<i64> = pts.iter().map(|pts| grid.snap(*pts)).collect();
    for (sample, pts) in track.samples.iter_mut().zip(&moved) {
        (sample.pts, sample.duration) = (*pts, grid.frame_ticks);
    }
    for pair in order.windows(2) {
        let between = moved[pair[1]].saturating_sub(moved[pair[0]]);
        track.samples[pair[0]].duration = u32::try_from(between).unwrap_or(u32::MAX);
    }
    track.timescale = grid.timescale;
    true
}

/// A grid, and the times that fit on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimestampGrid {
    /// The grid's ticks.
    pub timescale: Timescale,
    /// Ticks from one frame to the next.
    pub frame_ticks: u32,
    /// Whether no frame is missing.
    pub complete: bool,
    /// The ticks of the stored times.
    stored: Timescale,
    /// The least stored time.
    first_stored: i64,
    /// Where that is on the grid, ticks of the grid.
    start: i128,
}

impl TimestampGrid {
    /// One step, in the parts of a second that both scales divide.
    fn step(&self) -> i128 {
        i128::from(self.frame_ticks) * i128::from(self.stored.get())
    }

    /// n_i: the nearest number of steps from the first stored time to this one.
    fn steps_to(&self, pts: i64) -> i128 {
        let distance = i128::from(pts) - i128::from(self.first_stored);
        let distance = distance * i128::from(self.timescale.get());
        (2 * distance + self.step()).div_euclid(2 * self.step())
    }

    /// The time on the grid that a stored time comes from.
    fn snap(&self, pts: i64) -> i64 {
        let moved = self.start + self.steps_to(pts) * i128::from(self.frame_ticks);
        i64::try_from(moved).unwrap_or(pts)
    }
}

/// The grid of these time stamps, which may be in any order.
pub(crate) fn find_grid(track: &Track, pts: &[i64]) -> Option<TimestampGrid> {
    let mut sorted = pts.to_vec();
    sorted.sort_unstable();
    let [first, .., last] = sorted.as_slice() else { return None };
    let mean = track.seconds(last.checked_sub(*first)?) / (sorted.len() - 1) as f64;
    let mut rates: Vec<(u32, u32)> = match track.kind {
        TrackKind::Video => FRAME_RATES.to_vec(),
        TrackKind::Audio => {
            let (rate, lengths) = packet_lengths(track);
            lengths.iter().map(|length| (rate, *length)).collect()
        }
    };
    // Missing frames make the mean longer, never shorter: the nearest first.
    let distance = |rate: &(u32, u32)| (f64::from(rate.1) / f64::from(rate.0) - mean).abs();
    rates.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
    let skipped = (track.codec == CodecId::Opus).then(|| opus_pre_skip(&track.config)).flatten();
    rates.into_iter().find_map(|(ticks_per_second, frame_ticks)| {
        let grid = TimestampGrid {
            timescale: Timescale::new(ticks_per_second)?,
            frame_ticks,
            complete: true,
            stored: track.timescale,
            first_stored: *first,
            start: 0,
        };
        fit_grid(grid, &sorted, -skipped.unwrap_or(0))
    })
}

/// Ticks per second in which a codec's packets are counted, and how many of them
/// a packet may have.
fn packet_lengths(track: &Track) -> (u32, &'static [u32]) {
    match track.codec {
        CodecId::Opus => (48_000, &[960, 480, 1920, 2880, 240, 120]),
        CodecId::Aac => (track.sample_rate, &[1024, 2048, 960, 512]),
        CodecId::Mp3 => (track.sample_rate, &[1152, 576]),
        CodecId::Ac3 | CodecId::Eac3 => (track.sample_rate, &[1536, 768, 512, 256]),
        CodecId::Flac => (track.sample_rate, &[4096, 4608, 1152, 2304]),
        _ => (0, &[]),
    }
}

/// Samples that a decoder of Opus skips at first (RFC 7845, 5.1).
fn opus_pre_skip(head: &[u8]) -> Option<i128> {
    let skip = head.get(10..12)?;
    Some(i128::from(u16::from_le_bytes([skip[0], skip[1]])))
}

/// Completes a grid if these times fit on it. `zero` is the time, ticks of the
/// grid, at which it starts as a rule.
fn fit_grid(mut grid: TimestampGrid, sorted: &[i64], zero: i128) -> Option<TimestampGrid> {
    if grid.frame_ticks == 0 {
        return None;
    }
    let offsets = StartOffsets::measure(&grid, sorted)?;
    if offsets.missing * 4 > sorted.len() {
        return None;
    }
    grid.complete = offsets.missing == 0;
    grid.start = offsets.start(&grid, zero);
    Some(grid)
}

/// Where a grid would start by each of the stored times: t_i - n_i * b, in the
/// parts of a second that both scales divide. There, a tick of the stored times
/// has as many parts as a second has ticks of the grid, and the other way round.
struct StartOffsets {
    least: i128,
    most: i128,
    /// How often frames are missing between two times.
    missing: usize,
}

impl StartOffsets {
    /// None when the offsets are more than one stored tick apart, or two times
    /// are on one place of the grid.
    fn measure(grid: &TimestampGrid, sorted: &[i64]) -> Option<StartOffsets> {
        let stored_tick = i128::from(grid.timescale.get());
        let mut offsets = StartOffsets { least: i128::MAX, most: i128::MIN, missing: 0 };
        let mut before = -1;
        for pts in sorted {
            let steps = grid.steps_to(*pts);
            let offset = i128::from(*pts) * stored_tick - steps * grid.step();
            offsets.least = offsets.least.min(offset);
            offsets.most = offsets.most.max(offset);
            if offsets.most - offsets.least > stored_tick || steps <= before {
                return None;
            }
            offsets.missing += usize::from(steps != before + 1);
            before = steps;
        }
        Some(offsets)
    }

    /// Where the first time is, ticks of the grid: on the grid that starts at
    /// `zero` if rounding or cutting off can have come from there, else where the
    /// errors are least.
    fn start(&self, grid: &TimestampGrid, zero: i128) -> i128 {
        let stored_tick = i128::from(grid.timescale.get());
        let grid_tick = i128::from(grid.stored.get());
        let middle = (self.least + self.most).div_euclid(2);
        let steps = (2 * (middle - zero * grid_tick) + grid.step()).div_euclid(2 * grid.step());
        let from_zero = steps * i128::from(grid.frame_ticks) + zero;
        let offset = from_zero * grid_tick;
        let is_explained =
            self.most - offset <= stored_tick / 2 + grid_tick && offset - self.least <= stored_tick;
        if is_explained { from_zero } else { (2 * middle + grid_tick).div_euclid(2 * grid_tick) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::Sample;

    fn track(kind: TrackKind, codec: CodecId, pts: &[i64]) -> Track {
        let sample = |pts: &i64| Sample { offset: 0, size: 1, pts: *pts, duration: 1, sync: true };
        Track {
            codec,
            sample_rate: 44_100,
            channels: 2,
            samples: pts.iter().map(sample).collect(),
            ..Track::empty(kind, Timescale::new(1000).unwrap())
        }
    }

    fn moved(kind: TrackKind, codec: CodecId, pts: &[i64]) -> Option<(u32, Vec<i64>, u32)> {
        let mut track = track(kind, codec, pts);
        let is = snap_to_grid(&mut track);
        let pts = track.samples.iter().map(|sample| sample.pts).collect();
        is.then(|| (track.timescale.get(), pts, track.samples.last().unwrap().duration))
    }

    #[test]
    fn rounded_and_cut_off_times_return_to_their_grid() {
        for (ticks, frame) in FRAME_RATES {
            for add in [0.0, 0.5] {
                let exact: Vec<i64> = (0..400).map(|index| index * i64::from(frame)).collect();
                let millis =
                    |pts: &i64| (*pts as f64 * 1000.0 / f64::from(ticks) + add).floor() as i64;
                let rough: Vec<i64> = exact.iter().map(millis).collect();
                let got = moved(TrackKind::Video, CodecId::Vp9, &rough).unwrap();
                assert_eq!(got, (ticks, exact, frame), "{ticks}/{frame}");
            }
        }
    }

    #[test]
    fn frames_may_be_missing_and_come_in_another_order() {
        let rough = [0, 100, 33, 67, 200, 133, 167, 300, 333, 367, 400, 433];
        let mut track = track(TrackKind::Video, CodecId::H264, &rough);
        assert!(snap_to_grid(&mut track));
        assert_eq!(track.timescale.get(), 30_000);
        let pts: Vec<_> = track.samples.iter().map(|sample| sample.pts / 1000).collect();
        assert_eq!(pts, [0, 3, 1, 2, 6, 4, 5, 9, 10, 11, 12, 13]);
        assert_eq!(track.samples[4].duration, 3000);
    }

    #[test]
    fn uneven_times_stay() {
        assert_eq!(moved(TrackKind::Video, CodecId::Vp9, &[0, 33, 71, 100, 133, 180]), None);
        assert_eq!(moved(TrackKind::Video, CodecId::Vp9, &[0]), None);
        assert_eq!(moved(TrackKind::Video, CodecId::Vp9, &[0, 0, 33]), None);
        assert_eq!(moved(TrackKind::Video, CodecId::Vp9, &[i64::MIN, i64::MAX]), None);
    }

    #[test]
    fn packets_of_sound_are_counted_in_samples() {
        let exact: Vec<i64> = (0..200).map(|index| index * 1024).collect();
        let rough: Vec<i64> = exact.iter().map(|pts| (pts * 10 + 220) / 441).collect();
        let got = moved(TrackKind::Audio, CodecId::Aac, &rough).unwrap();
        assert_eq!(got, (44_100, exact, 1024));
    }
}
