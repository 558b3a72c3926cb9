//! How far a download is, told twice a second.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::ProgressReporter;
use crate::fetch::transfer::budget::Budget;
use crate::ffmpeg::{clock, rate};

const TICK: Duration = Duration::from_millis(500);

/// Runs a download and tells the progress what has arrived of the bytes that are
/// needed, or `expected` until that is known.
pub(crate) async fn metered<T>(
    progress: &ProgressReporter,
    budget: &Budget,
    expected: Option<f64>,
    work: impl Future<Output = T>,
) -> T {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = ticks.tick() => {
                let (bytes, seconds) = (budget.received() as f64, began.elapsed().as_secs_f64());
                let expected = budget.needed().or(expected);
                let speed = if seconds > 0.1 { bytes / seconds } else { 0.0 };
                let percent = expected.map_or(0.0, |all| (bytes / all * 100.0).min(99.0));
                let left = expected.filter(|_| speed > 0.0).map(|all| (all - bytes) / speed);
                progress.downloading(percent, Some(rate(speed)), left.map(clock));
            }
        }
    }
}
