//! Running ffmpeg within its limits.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use clipmill_core::process::{self, Failure, Limits, Spec};
use clipmill_core::{Code, Error};

use super::progress::{Expected, Reader, Snapshot};
use super::{Tools, hardware};

/// The signal of a file that grows beyond its limit; the same number on Linux and macOS.
const SIGXFSZ: i32 = 25;

/// Longest time without a report of an encode by hardware: it has no long
/// look-ahead, and software takes over from one that hangs.
const HARDWARE_SILENCE: Duration = Duration::from_secs(60);

/// An encode by hardware that went wrong.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// Why, for the record of the job that went on without it.
    pub why: String,
    /// What it would be without a way to go on.
    pub error: Error,
}

/// How far one ffmpeg may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Longest time from start to end.
    pub deadline: Duration,
    /// Longest time without a report, after which it counts as hung.
    pub silence: Duration,
    /// Address space in bytes; none for no limit.
    pub memory_bytes: Option<u64>,
    /// Size of a written file in bytes; none for no limit.
    pub file_bytes: Option<u64>,
}

impl Tools {
    /// Runs ffmpeg and hands on its reports. Dropping the future kills it.
    ///
    /// # Errors
    /// `tool_missing`, `stage_timeout`, `disk_full`, `too_large`,
    /// `encode_failed`.
    pub(crate) async fn run(
        &self,
        args: Vec<OsString>,
        bounds: Bounds,
        expected: Expected,
        on_report: impl FnMut(Snapshot) + Send,
    ) -> Result<(), Error> {
        self.execute(args, Vec::new(), bounds, expected, on_report)
            .await
            .map_err(|failure| told(&failure, bounds))
    }

    /// The same with an encoder in hardware.
    ///
    /// # Errors
    /// [`Trouble`]
    pub(crate) async fn run_hardware(
        &self,
        args: Vec<OsString>,
        bounds: Bounds,
        expected: Expected,
        on_report: impl FnMut(Snapshot) + Send,
    ) -> Result<(), Trouble> {
        // Drivers map far more than they use.
        let bounds = Bounds { memory_bytes: None, silence: HARDWARE_SILENCE, ..bounds };
        self.execute(args, hardware::variables(), bounds, expected, on_report).await.map_err(
            |failure| Trouble { why: hardware::why(&failure), error: told(&failure, bounds) },
        )
    }

    async fn execute(
        &self,
        args: Vec<OsString>,
        env: Vec<(OsString, OsString)>,
        bounds: Bounds,
        expected: Expected,
        mut on_report: impl FnMut(Snapshot) + Send,
    ) -> Result<(), Failure> {
        let spec = Spec {
            env,
            silence: Some(bounds.silence),
            limits: Limits { memory_bytes: bounds.memory_bytes, file_bytes: bounds.file_bytes },
            ..Spec::new(&self.ffmpeg, args, bounds.deadline)
        };
        tracing::debug!(args = ?spec.args, "ffmpeg starts");
        let mut reader = Reader::new(expected);
        process::run_lines(spec, |line| {
            if let Some(report) = reader.line(line) {
                on_report(report);
            }
        })
        .await
        .map(|_| ())
    }
}

/// Logs a failure, and says what a client is told of it.
pub(super) fn told(failure: &Failure, bounds: Bounds) -> Error {
    tracing::warn!(error = %failure, stderr = failure.stderr_tail(), "ffmpeg failed");
    explain(failure, bounds)
}

/// What a client is told. ffmpeg's own words hold paths, so they stay in the log.
fn explain(failure: &Failure, bounds: Bounds) -> Error {
    let said = failure.stderr_tail();
    match failure {
        Failure::NotFound(_) | Failure::Spawn { .. } => {
            Error::later(Code::ToolMissing, "ffmpeg can't be started on this server")
        }
        Failure::Timeout { .. } => Error::never(
            Code::StageTimeout,
            format!("ffmpeg did not finish within {} minutes", bounds.deadline.as_secs() / 60),
        ),
        Failure::Silent { .. } => {
            Error::later(Code::StageTimeout, "ffmpeg stopped making progress")
        }
        Failure::Exit { status, .. } if status.signal() == Some(SIGXFSZ) => {
            Error::never(Code::TooLarge, "the result is larger than is allowed")
        }
        Failure::Exit { status, .. } if status.signal().is_some() => {
            Error::later(Code::EncodeFailed, "ffmpeg was stopped by the system")
        }
        _ if said.contains("No space left on device") => {
            Error::later(Code::DiskFull, "the server's disk is full")
        }
        _ if said.contains("File too large") => {
            Error::never(Code::TooLarge, "the result is larger than is allowed")
        }
        _ if said.contains("Cannot allocate memory") => {
            Error::later(Code::EncodeFailed, "ffmpeg ran out of memory")
        }
        _ => Error::never(Code::EncodeFailed, "ffmpeg could not process this video"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_tried_again_and_paths_stay_here() {
        let bounds = Bounds {
            deadline: Duration::from_secs(60),
            silence: Duration::from_secs(60),
            memory_bytes: None,
            file_bytes: None,
        };
        let exit = |text: &str| Failure::Exit {
            status: std::process::ExitStatus::from_raw(256),
            stderr_tail: text.to_owned(),
        };
        let full = explain(&exit("av_interleaved_write_frame(): No space left on device"), bounds);
        assert_eq!((full.code, full.retry), (Code::DiskFull, clipmill_core::Retry::Later));
        let bad = explain(&exit("/srv/half/x.mp4: Invalid data found"), bounds);
        assert_eq!(bad.code, Code::EncodeFailed);
        assert!(!bad.message.contains('/'));
    }
}
