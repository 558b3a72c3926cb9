//! Which frames a codec gets, and when each of them is shown.

use clipmill_core::probe::Rational;

use crate::stages::FrameTiming;

const SECOND: u128 = 1_000_000;

/// The frames of a result, one after the other at a constant rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slots {
    /// How many there are.
    pub count: u64,
    /// How late a frame of the source may be for its time, microseconds: its
    /// own time may be rounded.
    pub slack: i64,
    /// How often the last frame may have to be repeated to fill its time.
    pub spare: u64,
    rate: Rational,
}

impl Slots {
    /// For frames at this pace in a window of so many microseconds.
    pub fn new(pace: FrameTiming, window: i64, rate: Rational) -> Slots {
        let period = time_of(1, rate).max(1);
        let gap = pace.first_gap.unwrap_or(pace.average_gap).min(pace.average_gap).max(0);
        // So small that no frame takes the place of the one before it.
        let slack = gap.min(i64::try_from(period).unwrap_or(i64::MAX)) / 4;
        // A frame that is not shown before the end is none.
        let end = (pace.duration - slack).min(window.saturating_sub(2)).max(1);
        let count = count_before(end.unsigned_abs(), rate).max(1);
        let spare = count_before(pace.last_gap.unsigned_abs(), rate).min(count) + 2;
        Slots { count, slack, spare, rate }
    }

    /// When frame `n` is shown, microseconds from the first one.
    pub fn time(&self, n: u64) -> u64 {
        time_of(n, self.rate)
    }

    /// How long all of them are shown, microseconds.
    pub fn length(&self) -> u64 {
        self.time(self.count)
    }

    /// How long the longest of them is shown, microseconds.
    pub fn period(&self) -> u64 {
        self.time(1) + 1
    }
}

/// `n * den / num` seconds in whole microseconds; nothing adds up.
fn time_of(n: u64, rate: Rational) -> u64 {
    let micros = u128::from(n) * u128::from(rate.den) * SECOND / u128::from(rate.num.max(1));
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// How many of the times `n * den / num` are before `end` microseconds.
fn count_before(end: u64, rate: Rational) -> u64 {
    let (num, den) = (u128::from(rate.num), u128::from(rate.den.max(1)));
    let count = (u128::from(end) * num).div_ceil(den * SECOND);
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
            let slots = Slots::new(steady(count, source), i64::MAX, source);
            assert_eq!(slots.count, count.unsigned_abs(), "{source:?}");
        }
        // A span that ends a moment after the time of the second frame.
        assert_eq!(Slots::new(steady(2, rate(30)), 33_400, rate(30)).count, 2);
        // One that holds a frame and no more.
        assert_eq!(Slots::new(steady(1, rate(30)), 10_000, rate(30)).count, 1);
        // Times that are rounded to milliseconds.
        let rounded = FrameTiming {
            first_gap: Some(33_000),
            average_gap: 33_345,
            last_gap: 33_345,
            duration: 1_000_345,
        };
        assert_eq!(Slots::new(rounded, 1_000_000, rate(30)).count, 30);
    }

    #[test]
    fn other_rates_drop_and_repeat() {
        assert_eq!(Slots::new(steady(30, rate(30)), 1_000_000, rate(10)).count, 10);
        assert_eq!(Slots::new(steady(30, rate(30)), i64::MAX, rate(60)).count, 60);
        assert_eq!(Slots::new(steady(30, rate(30)), i64::MAX, NTSC).count, 30);
        // A still picture of five seconds, of which two are wanted.
        let five = 5_000_000;
        let still =
            FrameTiming { first_gap: None, average_gap: five, last_gap: five, duration: five };
        assert_eq!(Slots::new(still, 2_000_000, rate(10)).count, 20);
    }

    #[test]
    fn times_do_not_drift() {
        let slots = Slots::new(steady(30_000 * 36, NTSC), i64::MAX, NTSC);
        assert_eq!((slots.time(0), slots.time(1), slots.time(2)), (0, 33_366, 66_733));
        assert_eq!(slots.time(30_000 * 36), 1001 * 36 * 1_000_000);
        assert_eq!(slots.length(), slots.time(slots.count));
    }
}
