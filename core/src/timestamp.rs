//! Media time: ticks of a time scale, and the only conversions between units.
//!
//! Every conversion names its rounding. Where two readers of one file round in
//! different ways, a frame at the edge of a span is lost or doubled.

use std::num::NonZeroU32;

/// Microseconds in a second.
const MICROS: i128 = 1_000_000;

/// Ticks in a second, at least 1: the `timescale` of an MP4 track (ISO/IEC
/// 14496-12, 8.4.2), the 90,000 of MPEG-2 systems (ISO/IEC 13818-1, 2.4.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// One tick is a microsecond.
    pub const MICROS: Timescale = match NonZeroU32::new(1_000_000) {
        Some(ticks) => Timescale(ticks),
        None => panic!("a million is not zero"),
    };

    /// One tick is a nanosecond.
    pub const NANOS: Timescale = match NonZeroU32::new(1_000_000_000) {
        Some(ticks) => Timescale(ticks),
        None => panic!("a billion is not zero"),
    };

    /// The clock of MPEG-2 systems, 90 kHz (ISO/IEC 13818-1, 2.4.3.7).
    pub const MPEG: Timescale = match NonZeroU32::new(90_000) {
        Some(ticks) => Timescale(ticks),
        None => panic!("90,000 is not zero"),
    };

    /// None for 0 ticks a second, which files of strangers do say.
    pub const fn new(ticks_per_second: u32) -> Option<Timescale> {
        match NonZeroU32::new(ticks_per_second) {
            Some(ticks) => Some(Timescale(ticks)),
            None => None,
        }
    }

    /// Ticks in a second.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Ticks as seconds.
    pub fn seconds(self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.get())
    }

    /// Ticks as microseconds, to the nearest, halves up; beyond `i64` the nearest
    /// that there is.
    pub fn micros(self, ticks: i64) -> i64 {
        scale_nearest(ticks, MICROS, i128::from(self.get()))
    }

    /// Ticks as whole microseconds that are not later.
    pub fn micros_floor(self, ticks: i64) -> i64 {
        scale_floor(ticks, MICROS, i128::from(self.get()))
    }

    /// Microseconds as ticks, to the nearest, halves up.
    pub fn ticks(self, micros: i64) -> i64 {
        scale_nearest(micros, i128::from(self.get()), MICROS)
    }

    /// Microseconds as whole ticks that are not later.
    pub fn ticks_floor(self, micros: i64) -> i64 {
        scale_floor(micros, i128::from(self.get()), MICROS)
    }

    /// Ticks of this scale as those of another one, to the nearest, halves up.
    pub fn rescale(self, ticks: i64, to: Timescale) -> i64 {
        scale_nearest(ticks, i128::from(to.get()), i128::from(self.get()))
    }
}

/// A point on the timeline of a file or track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    /// Since the timeline's zero; may be negative.
    pub ticks: i64,
    /// Ticks in a second.
    pub timescale: Timescale,
}

impl Timestamp {
    /// A time in microseconds.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp { ticks: micros, timescale: Timescale::MICROS }
    }

    /// In microseconds, to the nearest, halves up.
    pub fn micros(self) -> i64 {
        self.timescale.micros(self.ticks)
    }

    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.timescale.seconds(self.ticks)
    }
}

/// Seconds as microseconds, to the nearest; what is beyond `i64` becomes the
/// nearest that there is, and NaN becomes 0.
pub fn micros_of_seconds(seconds: f64) -> i64 {
    // A cast from a float saturates, and makes 0 of NaN.
    (seconds * 1e6).round() as i64
}

/// `value * multiplier / divisor` as a whole number that is not greater; else as
/// [`scale_nearest`].
pub fn scale_floor(value: i64, multiplier: i128, divisor: i128) -> i64 {
    clamp((i128::from(value) * multiplier).div_euclid(divisor.max(1)))
}

/// `value * multiplier / divisor` to the nearest, halves up. `divisor` is at
/// least 1, and `multiplier` below 2^63, so that nothing overflows.
pub fn scale_nearest(value: i64, multiplier: i128, divisor: i128) -> i64 {
    let divisor = divisor.max(1);
    let doubled = i128::from(value) * multiplier * 2 + divisor;
    clamp(doubled.div_euclid(divisor * 2))
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn scale(ticks: u32) -> Timescale {
        Timescale::new(ticks).unwrap()
    }

    #[test]
    fn halves_are_rounded_up_on_both_sides_of_zero() {
        // A tick of 1/2,000,000 s is half a microsecond.
        let fine = scale(2_000_000);
        assert_eq!([1, 2, 3, -1, -2, -3].map(|ticks| fine.micros(ticks)), [1, 1, 2, 0, -1, -1]);
        assert_eq!([1, 3, -1].map(|ticks| fine.micros_floor(ticks)), [0, 1, -1]);
    }

    #[test]
    fn odd_scales_are_rounded_exactly() {
        // 2/3 and 1/3 of a second.
        assert_eq!([2, 1].map(|ticks| scale(3).micros(ticks)), [666_667, 333_333]);
        assert_eq!(scale(3).ticks(666_666), 2);
        assert_eq!(scale(3).ticks_floor(666_666), 1);
        assert_eq!(scale(90_000).rescale(3003, scale(30_000)), 1001);
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(scale(1).micros(i64::MAX), i64::MAX);
        assert_eq!(scale(1).micros(i64::MIN), i64::MIN);
        assert_eq!(scale(u32::MAX).ticks(i64::MIN), i64::MIN);
        assert_eq!(micros_of_seconds(f64::NAN), 0);
        assert_eq!(Timescale::new(0), None);
    }
}
