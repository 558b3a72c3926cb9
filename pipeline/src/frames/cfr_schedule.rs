//! Which frames a codec gets that takes no timestamps, and when each is shown: CFR
//! (constant frame rate).

use clipmill_core::probe::Rational;
use clipmill_core::scale_floor;

use crate::stages::FrameTiming;

/// Microseconds in a second.
const MICROS: u64 = 1_000_000;

/// The frames of a result, one after the other at a constant rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CfrSchedule {
    /// How many there are.
    pub count: u64,
    /// How late a frame of the source may be for its time, microseconds: its own
    /// timestamp may be rounded.
    pub slack_micros: i64,
    /// How often the last frame may have to be repeated to fill its time.
    pub spare: u64,
    rate: Rational,
}

impl CfrSchedule {
    /// For frames with this timing in a window of so many microseconds.
    pub fn new(timing: FrameTiming, window: i64, rate: Rational) -> CfrSchedule {
        let period = time_of(1, rate).max(1);
        let gap = timing.first_gap.unwrap_or(timing.average_gap).min(timing.average_gap).max(0);
        // So small that no frame takes the place of the one before it.
        let slack = gap.min(i64::try_from(period).unwrap_or(i64::MAX)) / 4;
        // A frame that is not shown before the end is none.
        let end = (timing.duration - slack).min(window.saturating_sub(2)).max(1);
        let count = count_before(end.unsigned_abs(), rate).max(1);
        let spare = count_before(timing.last_gap.unsigned_abs(), rate).min(count) + 2;
        CfrSchedule { count, slack_micros: slack, spare, rate }
    }

    /// When frame `n` is shown, microseconds from the first one.
    pub fn time(&self, n: u64) -> u64 {
        time_of(n, self.rate)
    }

    /// How long all of them are shown, microseconds.
    pub fn duration(&self) -> u64 {
        self.time(self.count)
    }

    /// How long the longest of them is shown, microseconds.
    pub fn period(&self) -> u64 {
        self.time(1) + 1
    }
}

/// `n * den / num` seconds as whole microseconds that are not later. Each time is
/// computed from 0, so that rounding errors don't add up.
fn time_of(n: u64, rate: Rational) -> u64 {
    let n = i64::try_from(n).unwrap_or(i64::MAX);
    let micros_per_num = i128::from(rate.den) * i128::from(MICROS);
    scale_floor(n, micros_per_num, i128::from(rate.num)).unsigned_abs()
}

/// How many of the times `n * den / num` are before `end` microseconds.
fn count_before(end: u64, rate: Rational) -> u64 {
    let (num, den) = (u128::from(rate.num), u128::from(rate.den.max(1)));
    let count = (u128::from(end) * num).div_ceil(den * u128::from(MICROS));
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTSC: Rational = Rational { num: 30_000, den: 1001 };

    fn rate(num: u64) -> Rational {
        Rational { num, den: 1 }
    }

    /// Frames of a source at a constant rate, of which the last is shown in full.
    fn steady(count: i64, source: Rational) -> FrameTiming {
        let gap = i64::try_from(time_of(1, source)).unwrap_or(0);
        let duration = i64::try_from(time_of(count.unsigned_abs(), source)).unwrap_or(0);
        FrameTiming { first_gap: Some(gap), average_gap: gap, last_gap: gap, duration }
    }

    #[test]
    fn the_source_s_own_rate_keeps_every_frame() {
        for (source, count) in [(rate(30), 74), (NTSC, 60), (rate(24), 1000), (rate(240), 7)] {
            let schedule = CfrSchedule::new(steady(count, source), i64::MAX, source);
            assert_eq!(schedule.count, count.unsigned_abs(), "{source:?}");
        }
        // A span that ends a moment after the time of the second frame.
        assert_eq!(CfrSchedule::new(steady(2, rate(30)), 33_400, rate(30)).count, 2);
        // One that holds a frame and no more.
        assert_eq!(CfrSchedule::new(steady(1, rate(30)), 10_000, rate(30)).count, 1);
        // Times that are rounded to milliseconds.
        let rounded = FrameTiming {
            first_gap: Some(33_000),
            average_gap: 33_345,
            last_gap: 33_345,
            duration: 1_000_345,
        };
        assert_eq!(CfrSchedule::new(rounded, 1_000_000, rate(30)).count, 30);
    }

    #[test]
    fn other_rates_drop_and_repeat() {
        assert_eq!(CfrSchedule::new(steady(30, rate(30)), 1_000_000, rate(10)).count, 10);
        assert_eq!(CfrSchedule::new(steady(30, rate(30)), i64::MAX, rate(60)).count, 60);
        assert_eq!(CfrSchedule::new(steady(30, rate(30)), i64::MAX, NTSC).count, 30);
        // A still picture of five seconds, of which two are wanted.
        let five = 5_000_000;
        let still =
            FrameTiming { first_gap: None, average_gap: five, last_gap: five, duration: five };
        assert_eq!(CfrSchedule::new(still, 2_000_000, rate(10)).count, 20);
    }

    #[test]
    fn times_do_not_drift() {
        let schedule = CfrSchedule::new(steady(30_000 * 36, NTSC), i64::MAX, NTSC);
        assert_eq!((schedule.time(0), schedule.time(1), schedule.time(2)), (0, 33_366, 66_733));
        assert_eq!(schedule.time(30_000 * 36), 1001 * 36 * 1_000_000);
        assert_eq!(schedule.duration(), schedule.time(schedule.count));
    }
}
