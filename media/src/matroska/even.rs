//! Time stamps in whole milliseconds, put back on the even grid that they were
//! rounded from.

use crate::{Codec, Track, TrackKind};

/// Rates of pictures, and the grids for them: ticks per second, and per frame.
const RATES: [(u32, u32); 22] = [
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

/// Moves a track to an even grid, if every time stamp is what rounding or
/// cutting off made of a time on it: pictures of a usual rate, and sounds whose
/// packets are all equally long. Frames may be missing, but not every fourth.
///
/// Gives whether it was moved: its time scale is another one then.
pub fn even(track: &mut Track) -> bool {
    let pts: Vec<i64> = track.samples.iter().map(|sample| sample.pts).collect();
    let Some(grid) = grid(track, &pts) else { return false };
    let mut order: Vec<usize> = (0..pts.len()).collect();
    order.sort_by_key(|index| pts[*index]);
    let moved: Vec<i64> = pts.iter().map(|pts| grid.moved(*pts)).collect();
    for (sample, pts) in track.samples.iter_mut().zip(&moved) {
        (sample.pts, sample.duration) = (*pts, grid.lasts);
    }
    for pair in order.windows(2) {
        let between = moved[pair[1]].saturating_sub(moved[pair[0]]);
        track.samples[pair[0]].duration = u32::try_from(between).unwrap_or(u32::MAX);
    }
    track.timescale = grid.ticks;
    true
}

/// An even grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Ticks per second.
    pub ticks: u32,
    /// Ticks of a frame.
    pub lasts: u32,
    /// Whether no frame is missing.
    pub whole: bool,
    /// The old ticks per second, a time in them, and where that is on the grid.
    from: i128,
    first: i128,
    begins: i128,
}

impl Grid {
    fn steps(&self, pts: i64) -> i128 {
        let step = i128::from(self.lasts) * self.from;
        let after = (i128::from(pts) - self.first) * i128::from(self.ticks);
        (2 * after + step).div_euclid(2 * step)
    }

    fn moved(&self, pts: i64) -> i64 {
        let moved = self.begins + self.steps(pts) * i128::from(self.lasts);
        i64::try_from(moved).unwrap_or(pts)
    }
}

/// The grid of these time stamps, in any order.
pub(crate) fn grid(track: &Track, pts: &[i64]) -> Option<Grid> {
    let mut sorted = pts.to_vec();
    sorted.sort_unstable();
    let ([first, .., last], count) = (sorted.as_slice(), sorted.len()) else { return None };
    let mean = track.seconds(last.checked_sub(*first)?) / (count - 1) as f64;
    let mut grids: Vec<(u32, u32)> = match track.kind {
        TrackKind::Video => RATES.to_vec(),
        TrackKind::Audio => {
            let (rate, lengths) = packets(track);
            lengths.iter().map(|length| (rate, *length)).collect()
        }
    };
    // Missing frames make the mean longer, never shorter: the nearest first.
    let far = |grid: &(u32, u32)| (f64::from(grid.1) / f64::from(grid.0) - mean).abs();
    grids.sort_by(|a, b| far(a).total_cmp(&far(b)));
    let hint = (track.codec == Codec::Opus).then(|| skipped(&track.config)).flatten();
    grids.into_iter().find_map(|(ticks, lasts)| fit(track.timescale, &sorted, ticks, lasts, hint))
}

/// The samples per second that packets are counted in, and how long they may be.
fn packets(track: &Track) -> (u32, &'static [u32]) {
    match track.codec {
        Codec::Opus => (48_000, &[960, 480, 1920, 2880, 240, 120]),
        Codec::Aac => (track.sample_rate, &[1024, 2048, 960, 512]),
        Codec::Mp3 => (track.sample_rate, &[1152, 576]),
        Codec::Ac3 | Codec::Eac3 => (track.sample_rate, &[1536, 768, 512, 256]),
        Codec::Flac => (track.sample_rate, &[4096, 4608, 1152, 2304]),
        _ => (0, &[]),
    }
}

/// Samples that the decoder of Opus skips at first.
fn skipped(head: &[u8]) -> Option<i128> {
    let skip = head.get(10..12)?;
    Some(i128::from(u16::from_le_bytes([skip[0], skip[1]])))
}

fn fit(from: u32, sorted: &[i64], ticks: u32, lasts: u32, hint: Option<i128>) -> Option<Grid> {
    if ticks == 0 || lasts == 0 {
        return None;
    }
    // Times are compared in parts of a second that both scales divide.
    let tick = i128::from(ticks);
    let step = i128::from(lasts) * i128::from(from);
    let first = i128::from(*sorted.first()?);
    let mut grid = Grid { ticks, lasts, whole: true, from: i128::from(from), first, begins: 0 };
    let (mut least, mut most) = (i128::MAX, i128::MIN);
    let (mut before, mut missing) = (-1, 0);
    for pts in sorted {
        let steps = grid.steps(*pts);
        let off = i128::from(*pts) * tick - steps * step;
        (least, most) = (least.min(off), most.max(off));
        if most - least > tick || steps <= before {
            return None;
        }
        missing += usize::from(steps != before + 1);
        before = steps;
    }
    if missing * 4 > sorted.len() {
        return None;
    }
    grid.whole = missing == 0;
    // Where the first frame is, in new ticks: on the grid that begins at 0 (or
    // so long before it as the decoder skips) if rounding or cutting off can
    // have come from there; else where the errors are least.
    let (old, lasts) = (i128::from(from), i128::from(lasts));
    let middle = (least + most).div_euclid(2);
    let zero = -hint.unwrap_or(0);
    let near = (2 * (middle - zero * old) + step).div_euclid(2 * step) * lasts + zero;
    let off = near * old;
    let near_enough = most - off <= tick / 2 + old && off - least <= tick;
    grid.begins = if near_enough { near } else { (2 * middle + old).div_euclid(2 * old) };
    Some(grid)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::Sample;
    use crate::track::UPRIGHT;

    fn track(kind: TrackKind, codec: Codec, pts: &[i64]) -> Track {
        let sample = |pts: &i64| Sample { offset: 0, size: 1, pts: *pts, duration: 1, sync: true };
        Track {
            id: 1,
            kind,
            codec,
            config: Vec::new(),
            entry: None,
            timescale: 1000,
            language: *b"und",
            width: 0,
            height: 0,
            presented: (0, 0),
            matrix: UPRIGHT,
            pixel_aspect: (1, 1),
            sample_rate: 44_100,
            channels: 2,
            samples: pts.iter().map(sample).collect(),
        }
    }

    fn moved(kind: TrackKind, codec: Codec, pts: &[i64]) -> Option<(u32, Vec<i64>, u32)> {
        let mut track = track(kind, codec, pts);
        let is = even(&mut track);
        let pts = track.samples.iter().map(|sample| sample.pts).collect();
        is.then(|| (track.timescale, pts, track.samples.last().unwrap().duration))
    }

    #[test]
    fn rounded_and_cut_off_times_return_to_their_grid() {
        for (ticks, lasts) in RATES {
            for add in [0.0, 0.5] {
                let exact: Vec<i64> = (0..400).map(|index| index * i64::from(lasts)).collect();
                let millis =
                    |pts: &i64| (*pts as f64 * 1000.0 / f64::from(ticks) + add).floor() as i64;
                let rough: Vec<i64> = exact.iter().map(millis).collect();
                let got = moved(TrackKind::Video, Codec::Vp9, &rough).unwrap();
                assert_eq!(got, (ticks, exact, lasts), "{ticks}/{lasts}");
            }
        }
    }

    #[test]
    fn frames_may_be_missing_and_come_in_another_order() {
        let rough = [0, 100, 33, 67, 200, 133, 167, 300, 333, 367, 400, 433];
        let mut track = track(TrackKind::Video, Codec::H264, &rough);
        assert!(even(&mut track));
        assert_eq!(track.timescale, 30_000);
        let pts: Vec<_> = track.samples.iter().map(|sample| sample.pts / 1000).collect();
        assert_eq!(pts, [0, 3, 1, 2, 6, 4, 5, 9, 10, 11, 12, 13]);
        assert_eq!(track.samples[4].duration, 3000);
    }

    #[test]
    fn uneven_times_stay() {
        assert_eq!(moved(TrackKind::Video, Codec::Vp9, &[0, 33, 71, 100, 133, 180]), None);
        assert_eq!(moved(TrackKind::Video, Codec::Vp9, &[0]), None);
        assert_eq!(moved(TrackKind::Video, Codec::Vp9, &[0, 0, 33]), None);
        assert_eq!(moved(TrackKind::Video, Codec::Vp9, &[i64::MIN, i64::MAX]), None);
    }

    #[test]
    fn packets_of_sound_are_counted_in_samples() {
        let exact: Vec<i64> = (0..200).map(|index| index * 1024).collect();
        let rough: Vec<i64> = exact.iter().map(|pts| (pts * 10 + 220) / 441).collect();
        let got = moved(TrackKind::Audio, Codec::Aac, &rough).unwrap();
        assert_eq!(got, (44_100, exact, 1024));
    }
}
