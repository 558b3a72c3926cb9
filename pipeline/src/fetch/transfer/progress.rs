//! How far the transfers of one fetch are, reported twice a second.

use std::future::Future;
use std::time::{Duration, Instant};

use super::budget::DownloadBudget;

/// How often progress is reported.
const INTERVAL: Duration = Duration::from_millis(500);
/// Below this time no speed is computed.
const SHORTEST: Duration = Duration::from_millis(100);

/// How far a fetch is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransferProgress {
    /// 0 to 99; 0 while it is unknown how many bytes are needed.
    pub percent: f64,
    /// On average since the start; 0 while it is unknown.
    pub bytes_per_second: f64,
    /// None while it can't be estimated.
    pub seconds_left: Option<f64>,
}

impl TransferProgress {
    fn after(elapsed: Duration, received: u64, needed: Option<f64>) -> TransferProgress {
        let bytes = received as f64;
        let speed = if elapsed > SHORTEST { bytes / elapsed.as_secs_f64() } else { 0.0 };
        TransferProgress {
            percent: needed.map_or(0.0, |all| (bytes / all * 100.0).min(99.0)),
            bytes_per_second: speed,
            seconds_left: needed.filter(|_| speed > 0.0).map(|all| (all - bytes) / speed),
        }
    }
}

/// Runs a download and reports what has arrived of the bytes that are needed, or
/// of `expected` bytes until the budget knows better.
pub async fn report_progress<T>(
    budget: &DownloadBudget,
    expected: Option<f64>,
    report: impl Fn(TransferProgress),
    download: impl Future<Output = T>,
) -> T {
    let started = Instant::now();
    let mut ticks = tokio::time::interval(INTERVAL);
    tokio::pin!(download);
    loop {
        tokio::select! {
            biased;
            done = &mut download => return done,
            _ = ticks.tick() => {
                let needed = budget.needed().map(|all| all as f64).or(expected);
                report(TransferProgress::after(started.elapsed(), budget.received(), needed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_estimated_from_the_average() {
        let after = |millis, received, needed| {
            let progress = TransferProgress::after(Duration::from_millis(millis), received, needed);
            (progress.percent, progress.bytes_per_second, progress.seconds_left)
        };
        assert_eq!(after(2000, 500, Some(2000.0)), (25.0, 250.0, Some(6.0)));
        assert_eq!(after(2000, 5000, Some(2000.0)).0, 99.0);
        assert_eq!(after(2000, 500, None), (0.0, 250.0, None));
        assert_eq!(after(50, 500, Some(1000.0)), (50.0, 0.0, None));
    }
}
