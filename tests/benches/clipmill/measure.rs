//! Figures and settings: medians, and what the environment asks for.

use std::time::Duration;

/// Times that one thing was measured.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a figure.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The middle figure, or the mean of both in the middle; none when nothing was measured.
    pub fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        if sorted.len() % 2 == 1 {
            return Some(upper);
        }
        sorted.get(sorted.len() / 2 - 1).map(|lower| (lower + upper) / 2.0)
    }
}

impl Samples {
    /// The figure that this share of all figures, 0 to 1, does not exceed.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        // A share of up to 1 of an index of a vector is one.
        sorted.get((last as f64 * share).ceil() as usize).copied()
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Samples {
        Samples(figures.into_iter().collect())
    }
}

/// Length of one wrk run: `BENCH_SECONDS`, 5 when it is not set.
pub fn wrk_seconds() -> u64 {
    std::env::var("BENCH_SECONDS").map_or(5, |text| {
        text.parse().ok().filter(|seconds| *seconds > 0).expect("BENCH_SECONDS is a number over 0")
    })
}

/// Whether `BENCH_QUICK` asks for a short run.
pub fn quick() -> bool {
    std::env::var("BENCH_QUICK").is_ok_and(|text| !text.is_empty() && text != "0")
}

/// Milliseconds with their fraction.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Microseconds with their fraction.
pub fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000_000.0
}

/// Megabytes of 1,000,000 bytes.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
