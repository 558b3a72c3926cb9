//! Runs ffmpeg within its limits: the methods of [`Tools`] for encodes, copies and
//! decoders.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use clipmill_core::process::{self, Failure, Limits, Piped, Spec};
use clipmill_core::{Code, Error};

use super::hardware;
use super::progress::{Expected, ProgressParser, Snapshot};
use super::tools::Tools;

/// The signal of a file that grows beyond its limit; the same number on Linux and macOS.
const SIGXFSZ: i32 = 25;

/// Longest time without a report of a hardware encode: it has no long look-ahead,
/// and software takes over from one that hangs.
const HARDWARE_SILENCE: Duration = Duration::from_secs(60);

/// A hardware encode that failed.
#[derive(Debug)]
pub(crate) struct HardwareFailure {
    /// Why, for the note of the job that goes on without it.
    pub why: String,
    /// What the job fails with when it can't go on.
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
            .map_err(|failure| log_and_explain(failure, bounds))
    }

    /// The same with a hardware encoder.
    ///
    /// # Errors
    /// Those of [`Tools::run`], with the reason for people.
    pub(crate) async fn run_hardware(
        &self,
        args: Vec<OsString>,
        bounds: Bounds,
        expected: Expected,
        on_report: impl FnMut(Snapshot) + Send,
    ) -> Result<(), HardwareFailure> {
        // Drivers map far more than they use.
        let bounds = Bounds { memory_bytes: None, silence: HARDWARE_SILENCE, ..bounds };
        let env = hardware::variables();
        self.execute(args, env, bounds, expected, on_report).await.map_err(|failure| {
            let why = hardware::failure_reason(&failure);
            HardwareFailure { why, error: log_and_explain(failure, bounds) }
        })
    }

    /// Starts a decoder with the arguments of [`super::raw_video_args`] or
    /// [`super::raw_audio_args`].
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) fn decode(&self, args: Vec<OsString>, bounds: Bounds) -> Result<Decoder, Error> {
        tracing::debug!(?args, "ffmpeg starts");
        Decoder::start(self.bounded(args, bounds), bounds)
    }

    async fn execute(
        &self,
        args: Vec<OsString>,
        env: Vec<(OsString, OsString)>,
        bounds: Bounds,
        expected: Expected,
        mut on_report: impl FnMut(Snapshot) + Send,
    ) -> Result<(), Failure> {
        tracing::debug!(?args, "ffmpeg starts");
        let spec = Spec { env, ..self.bounded(args, bounds) };
        let mut parser = ProgressParser::new(expected);
        process::run_lines(spec, |line| {
            if let Some(report) = parser.line(line) {
                on_report(report);
            }
        })
        .await
        .map(|_| ())
    }

    fn bounded(&self, args: Vec<OsString>, bounds: Bounds) -> Spec {
        Spec {
            silence: Some(bounds.silence),
            limits: Limits { memory_bytes: bounds.memory_bytes, file_bytes: bounds.file_bytes },
            ..Spec::new(&self.ffmpeg, args, bounds.deadline)
        }
    }
}

/// A running ffmpeg that writes what it decodes to a pipe and waits while the pipe
/// is full. Dropping it kills it.
pub(crate) struct Decoder {
    piped: Piped,
    bounds: Bounds,
}

impl Decoder {
    /// Starts any program that writes as a decoder does.
    ///
    /// # Errors
    /// `tool_missing`.
    pub(crate) fn start(spec: Spec, bounds: Bounds) -> Result<Decoder, Error> {
        let piped = Piped::start(spec).map_err(|failure| log_and_explain(failure, bounds))?;
        Ok(Decoder { piped, bounds })
    }

    /// Fills `buffer` with the next bytes and returns how many; fewer mean that
    /// there are no more.
    ///
    /// # Errors
    /// As [`Tools::run`].
    pub(crate) async fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let filled = self.piped.fill(buffer).await;
        filled.map_err(|failure| log_and_explain(failure, self.bounds))
    }
}

/// Logs a failure with ffmpeg's own words, and returns the error for clients.
fn log_and_explain(failure: Failure, bounds: Bounds) -> Error {
    tracing::warn!(error = %failure, stderr = failure.stderr_tail(), "ffmpeg failed");
    explain(&failure, bounds).caused_by(failure)
}

/// The error for clients. ffmpeg's own words hold paths, so they stay in the log.
fn explain(failure: &Failure, bounds: Bounds) -> Error {
    let stderr = failure.stderr_tail();
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
        _ if stderr.contains("No space left on device") => {
            Error::later(Code::DiskFull, "the server's disk is full")
        }
        _ if stderr.contains("File too large") => {
            Error::never(Code::TooLarge, "the result is larger than is allowed")
        }
        _ if stderr.contains("Cannot allocate memory") => {
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
