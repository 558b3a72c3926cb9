//! How far a download is, from yt-dlp's lines and from the folder it writes to.

use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;

use crate::FetchProgress;

/// One line of our progress template.
#[derive(Debug, Deserialize)]
struct Line {
    status: String,
    filename: Option<String>,
    downloaded_bytes: Option<f64>,
    total_bytes: Option<f64>,
    total_bytes_estimate: Option<f64>,
    speed: Option<f64>,
    eta: Option<f64>,
}

/// Hands on progress that never goes backwards.
pub(super) struct Reporter<'a> {
    out: &'a (dyn Fn(FetchProgress) + Send + Sync),
    /// How many files are downloaded one after another.
    files: usize,
    /// Bytes of all of it, as far as the formats told beforehand.
    expected: Option<u64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Names and bytes of the files that are done.
    done: Vec<(String, u64)>,
    last: FetchProgress,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(
        out: &'a (dyn Fn(FetchProgress) + Send + Sync),
        files: usize,
        expected: Option<u64>,
    ) -> Reporter<'a> {
        Reporter { out, files: files.max(1), expected, state: Mutex::default() }
    }

    /// Takes a line of standard output; other lines than ours are nothing.
    pub(super) fn line(&self, line: &str) {
        let Ok(line) = serde_json::from_str::<Line>(line) else { return };
        let Ok(mut state) = self.state.lock() else { return };
        let bytes = whole(line.downloaded_bytes).unwrap_or(0);
        let total = whole(line.total_bytes).or(whole(line.total_bytes_estimate));
        let name = line.filename.unwrap_or_default();
        let before: u64 =
            state.done.iter().filter(|(done, _)| *done != name).map(|(_, bytes)| bytes).sum();
        let files_before = state.done.iter().filter(|(done, _)| *done != name).count();
        let share = match (line.status.as_str(), total) {
            ("finished", _) => Some(1.0),
            (_, Some(total)) if total > 0 => Some(bytes as f64 / total as f64),
            _ => None,
        };
        if line.status == "finished" && !state.done.iter().any(|(done, _)| *done == name) {
            state.done.push((name, bytes));
        }
        let next = FetchProgress {
            bytes: before + bytes,
            total_bytes: self.expected.or(total.filter(|_| self.files == 1)),
            fraction: share.map(|share| (files_before as f64 + share) / self.files as f64),
            bytes_per_second: line.speed.filter(|speed| speed.is_finite() && *speed >= 0.0),
            // The time left is that of one file; it says nothing about two.
            eta: line
                .eta
                .filter(|_| self.files == 1)
                .and_then(|eta| Duration::try_from_secs_f64(eta).ok()),
        };
        self.report(&mut state, next);
    }

    /// Takes the size of the folder, for downloads that yt-dlp leaves to
    /// ffmpeg and says nothing about.
    pub(super) fn folder(&self, bytes: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        if bytes > state.last.bytes && state.done.is_empty() {
            // An estimate is never taken for the end.
            let share = self.expected.map(|all| (bytes as f64 / all.max(1) as f64).min(0.99));
            let next =
                FetchProgress { bytes, total_bytes: self.expected, fraction: share, ..state.last };
            self.report(&mut state, next);
        }
    }

    fn report(&self, state: &mut State, mut next: FetchProgress) {
        let last = state.last;
        next.bytes = next.bytes.max(last.bytes);
        next.total_bytes = next.total_bytes.map(|total| total.max(next.bytes));
        let fraction = next.fraction.unwrap_or(0.0).min(1.0).max(last.fraction.unwrap_or(0.0));
        next.fraction = (next.fraction.is_some() || last.fraction.is_some()).then_some(fraction);
        if next != last {
            state.last = next;
            (self.out)(next);
        }
    }
}

fn whole(value: Option<f64>) -> Option<u64> {
    value.filter(|value| value.is_finite() && *value >= 0.0).map(|value| value as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn seen(files: usize, expected: Option<u64>, feed: impl Fn(&Reporter)) -> Vec<FetchProgress> {
        let seen = Mutex::new(Vec::new());
        let out = |progress| seen.lock().unwrap().push(progress);
        feed(&Reporter::new(&out, files, expected));
        seen.into_inner().unwrap()
    }

    #[test]
    fn one_file_counts_bytes() {
        let got = seen(1, None, |reporter| {
            reporter.line(r#"{"status": "downloading", "downloaded_bytes": 1024, "total_bytes": 4096, "filename": "source.mp4", "eta": 3, "speed": 1024.5}"#);
            reporter.line("[download] something else");
            reporter.line(r#"{"status": "downloading", "downloaded_bytes": 512, "total_bytes": 4096, "filename": "source.mp4", "eta": null, "speed": null}"#);
            reporter.line(r#"{"status": "finished", "downloaded_bytes": 4096, "total_bytes": 4096, "filename": "source.mp4"}"#);
        });
        assert_eq!(
            got[0],
            FetchProgress {
                bytes: 1024,
                total_bytes: Some(4096),
                fraction: Some(0.25),
                bytes_per_second: Some(1024.5),
                eta: Some(Duration::from_secs(3)),
            }
        );
        assert_eq!((got[1].bytes, got[1].fraction), (1024, Some(0.25)));
        assert_eq!((got[2].bytes, got[2].fraction), (4096, Some(1.0)));
    }

    #[test]
    fn two_files_share_the_way() {
        let got = seen(2, None, |reporter| {
            reporter.line(r#"{"status":"downloading","downloaded_bytes":50,"total_bytes_estimate":100.7,"filename":"a"}"#);
            reporter.line(r#"{"status":"finished","downloaded_bytes":100,"filename":"a"}"#);
            reporter.line(
                r#"{"status":"downloading","downloaded_bytes":10,"total_bytes":20,"filename":"b"}"#,
            );
            reporter.line(r#"{"status":"finished","downloaded_bytes":20,"filename":"b"}"#);
        });
        let got: Vec<_> = got.iter().map(|p| (p.bytes, p.fraction, p.total_bytes)).collect();
        assert_eq!(
            got,
            [
                (50, Some(0.25), None),
                (100, Some(0.5), None),
                (110, Some(0.75), None),
                (120, Some(1.0), None)
            ]
        );
    }

    #[test]
    fn a_silent_download_is_told_by_its_folder() {
        let got = seen(1, Some(1000), |reporter| {
            for bytes in [0, 400, 300, 2000] {
                reporter.folder(bytes);
            }
            reporter.line(r#"{"status":"finished","downloaded_bytes":1900,"filename":"a"}"#);
            reporter.folder(5000);
        });
        let got: Vec<_> = got.iter().map(|p| (p.bytes, p.total_bytes, p.fraction)).collect();
        assert_eq!(
            got,
            [
                (400, Some(1000), Some(0.4)),
                (2000, Some(2000), Some(0.99)),
                (2000, Some(2000), Some(1.0))
            ]
        );
    }
}
