//! How commands end: exit codes that scripts can use.

use std::error::Error as _;
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
pub struct CommandError {
    /// The exit code of the process.
    pub exit: u8,
    /// Stable machine code.
    pub code: Code,
    /// For the person who typed the command.
    pub message: String,
    /// What led to it, the outermost cause first; for scripts and bug reports.
    pub causes: Vec<String>,
}

impl CommandError {
    /// An error without a cause of its own.
    pub fn new(exit: u8, code: Code, message: impl Into<String>) -> CommandError {
        CommandError { exit, code, message: message.into(), causes: Vec::new() }
    }

    /// Something that is wrong with what was typed or configured.
    pub fn usage(message: impl Into<String>) -> CommandError {
        CommandError::new(2, Code::Usage, message)
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> CommandError {
        CommandError::new(1, Code::Failed, message)
    }

    /// The person who runs the command has stopped it.
    pub fn interrupted() -> CommandError {
        CommandError::new(130, Code::Interrupted, "interrupted; nothing was kept")
    }
}

/// Prints an error on standard error.
pub fn report(error: &CommandError) -> ExitCode {
    eprintln!("clipmill: {}", error.message.trim_end());
    ExitCode::from(error.exit)
}

impl From<Error> for CommandError {
    fn from(error: Error) -> CommandError {
        let exit = match (error.code, error.retry) {
            (Code::ToolMissing, _) => 5,
            (Code::Internal | Code::EncodeFailed | Code::CutMismatch | Code::HostFailed, _) => 1,
            (_, Retry::Never) => 3,
            (_, Retry::Later | Retry::After(_)) => 4,
        };
        let message = format!("{} [{}]", error.message, error.code);
        CommandError { causes: causes(&error), ..CommandError::new(exit, error.code, message) }
    }
}

/// The context of the error, then the texts of its causes.
fn causes(error: &Error) -> Vec<String> {
    let mut texts: Vec<String> =
        error.context().iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut cause = error.source();
    while let Some(inner) = cause {
        texts.push(inner.to_string());
        cause = inner.source();
    }
    texts
}

impl From<ToolProblem> for CommandError {
    fn from(problem: ToolProblem) -> CommandError {
        CommandError::new(5, Code::ToolMissing, problem.to_string())
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> CommandError {
        CommandError::new(2, Code::Configuration, error.to_string())
    }
}

impl From<clipmill_storage::StorageError> for CommandError {
    fn from(error: clipmill_storage::StorageError) -> CommandError {
        CommandError::other(error.to_string())
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> CommandError {
        CommandError::other(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_get_the_causes_in_order() {
        let inner = Error::later(Code::SourceUnreachable, "the connection broke")
            .caused_by(io::Error::other("reset by peer"));
        let outer = Error::never(Code::SourceFailed, "no bytes").with("stage", "fetch");
        let error = CommandError::from(outer.caused_by(inner));
        assert_eq!(error.message, "no bytes [source_failed]");
        assert_eq!(error.causes, ["stage=fetch", "the connection broke", "reset by peer"]);
        assert_eq!(error.exit, 3);
    }
}
