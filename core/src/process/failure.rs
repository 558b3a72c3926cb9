//! Why a child process did not do its work.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// A failed run. The process and its group are gone when a caller sees it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such program.
    #[error("the program {} was not found", name(.0))]
    NotFound(PathBuf),
    /// It is there but could not be started.
    #[error("the program {} could not be started: {error}", name(program))]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It ended with an error code or by a signal.
    #[error("the program ended with {status}")]
    Exit {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its standard error.
        stderr_tail: String,
    },
    /// The deadline passed.
    #[error("the program did not end within {} s", after.as_secs_f64())]
    Timeout {
        /// The deadline.
        after: Duration,
        /// The last lines of its standard error.
        stderr_tail: String,
    },
    /// It said nothing for too long.
    #[error("the program said nothing for {} s", after.as_secs_f64())]
    Silent {
        /// The longest allowed silence.
        after: Duration,
        /// The last lines of its standard error.
        stderr_tail: String,
    },
    /// It wrote more to standard output than allowed.
    #[error("the program wrote more than {limit} bytes")]
    OutputTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// Its output could not be read, or its end not awaited.
    #[error("the program's output could not be read: {0}")]
    Io(std::io::Error),
}

impl Failure {
    /// The last lines of standard error, as far as there are any.
    pub fn stderr_tail(&self) -> &str {
        match self {
            Failure::Exit { stderr_tail, .. }
            | Failure::Timeout { stderr_tail, .. }
            | Failure::Silent { stderr_tail, .. } => stderr_tail,
            Failure::NotFound(_)
            | Failure::Spawn { .. }
            | Failure::OutputTooLarge { .. }
            | Failure::Io(_) => "",
        }
    }
}

/// The file name alone: a message never shows where programs lie.
fn name(program: &Path) -> String {
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}
