//! How commands end: exit codes that scripts can use.

use std::io;
use std::process::ExitCode;

use clipmill_core::{Code, Error, Retry};
use clipmill_pipeline::ffmpeg::ToolProblem;

use crate::config::ConfigError;

/// The table that `--help` shows.
pub const HELP: &str = "Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, \
3 the source or file can't give what was asked, 4 failed for now (try later), \
5 a tool is missing, 130 interrupted.";

/// A command that did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// What the process answers.
    pub exit: u8,
    /// Stable machine code.
    pub code: Code,
    /// For the person who typed it.
    pub message: String,
}

impl Failure {
    /// Something that is wrong with what was typed or configured.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { exit: 2, code: Code::Usage, message: message.into() }
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> Failure {
        Failure { exit: 1, code: Code::Failed, message: message.into() }
    }
}

/// Tells a failure on standard error.
pub fn report(failure: &Failure) -> ExitCode {
    eprintln!("clipmill: {}", failure.message.trim_end());
    ExitCode::from(failure.exit)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = match (error.code, error.retry) {
            (Code::ToolMissing, _) => 5,
            (Code::Internal | Code::EncodeFailed | Code::CutMismatch | Code::HostFailed, _) => 1,
            (_, Retry::Never) => 3,
            (_, Retry::Later | Retry::After(_)) => 4,
        };
        Failure { exit, code: error.code, message: format!("{} [{}]", error.message, error.code) }
    }
}

impl From<ToolProblem> for Failure {
    fn from(problem: ToolProblem) -> Failure {
        Failure { exit: 5, code: Code::ToolMissing, message: problem.to_string() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure { exit: 2, code: Code::Configuration, message: error.to_string() }
    }
}

impl From<clipmill_storage::Error> for Failure {
    fn from(error: clipmill_storage::Error) -> Failure {
        Failure::other(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::other(error.to_string())
    }
}
