//! Progress of one job, which leaves the pipeline sideways.

use clipmill_core::{Phase, Progress};
use tokio::sync::watch;

/// Where stages report their progress. What a reader sees never goes backwards:
/// neither a percentage nor the order of phases.
#[derive(Debug, Clone)]
pub struct ProgressReporter {
    state: watch::Sender<Progress>,
}

impl Default for ProgressReporter {
    fn default() -> ProgressReporter {
        ProgressReporter { state: watch::Sender::new(Progress::initializing()) }
    }
}

impl ProgressReporter {
    /// A reader of the progress.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.state.subscribe()
    }

    /// The source sends: `percent` 0 to 100 of the bytes that are needed.
    pub fn downloading(&self, percent: f64, speed: Option<String>, eta: Option<String>) {
        self.state.send_modify(|progress| {
            if progress.current_phase != Phase::Encoding {
                progress.current_phase = Phase::Downloading;
                progress.download_progress = forward(progress.download_progress, percent);
                progress.speed = speed;
                progress.eta = eta;
            }
        });
    }

    /// ffmpeg or a codec works: `percent` 0 to 100 of the frames that are wanted.
    pub fn encoding(
        &self,
        percent: f64,
        speed: Option<String>,
        eta: Option<String>,
        fps: Option<f64>,
    ) {
        self.state.send_modify(|progress| {
            if progress.current_phase == Phase::Downloading {
                progress.download_progress = 100.0;
            }
            progress.current_phase = Phase::Encoding;
            progress.encoding_progress = forward(progress.encoding_progress, percent);
            progress.speed = speed;
            progress.eta = eta;
            progress.fps = fps;
        });
    }
}

/// `percent` within 0 to 100 with one decimal, unless that would be a step back.
fn forward(before: f64, percent: f64) -> f64 {
    let percent = if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 };
    before.max((percent * 10.0).round() / 10.0)
}

/// Seconds as `MM:SS`, or `HH:MM:SS` from an hour on.
pub(crate) fn eta_text(seconds: f64) -> String {
    // A cast of a float saturates and turns NaN into 0.
    let seconds = seconds.max(0.0).round() as u64;
    let hours = seconds / 3600;
    let minutes = seconds / 60 % 60;
    let seconds = seconds % 60;
    if hours == 0 {
        format!("{minutes:02}:{seconds:02}")
    } else {
        format!("{:02}:{minutes:02}:{seconds:02}", hours.min(99))
    }
}

/// Bytes per second, human-readable (`4.1MiB/s`).
pub(crate) fn rate_text(bytes_per_second: f64) -> String {
    let kibibytes = bytes_per_second / 1024.0;
    if kibibytes >= 1024.0 {
        format!("{:.1}MiB/s", kibibytes / 1024.0)
    } else {
        format!("{kibibytes:.1}KiB/s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_backwards() {
        let progress = ProgressReporter::default();
        let seen = progress.watch();
        progress.downloading(40.0, None, None);
        progress.downloading(30.0, None, None);
        assert_eq!(seen.borrow().download_progress, 40.0);
        progress.encoding(10.0, None, None, Some(24.0));
        progress.downloading(50.0, None, None);
        assert_eq!(seen.borrow().current_phase, Phase::Encoding);
        assert_eq!(seen.borrow().download_progress, 100.0);
        progress.encoding(f64::NAN, None, None, None);
        assert_eq!(seen.borrow().encoding_progress, 10.0);
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!((eta_text(f64::NAN), eta_text(-3.0)), ("00:00".into(), "00:00".into()));
        assert_eq!((rate_text(512.0), rate_text(4.3e6)), ("0.5KiB/s".into(), "4.1MiB/s".into()));
    }
}
