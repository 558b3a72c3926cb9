//! Why a stage could not do its work.

use clipmill_plugins::{CodecError, Retry, SourceError};

/// A failed stage. The worker decides by `retry` whether the job is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StageError {
    /// Stable machine code, snake case: those of [`SourceError`] and
    /// [`CodecError`], and `no_such_span`, `no_video`, `disk_full`,
    /// `tool_missing`, `encode_failed`, `unknown_codec`, `cut_mismatch`,
    /// `too_large`, `still_live`, `stage_timeout`, `artifact_store`,
    /// `file_gone`, `internal`.
    pub code: &'static str,
    /// For people: what is wrong and what to do. No paths, no secrets.
    pub message: String,
    /// Whether trying again can help.
    pub retry: Retry,
}

impl StageError {
    /// An error that the same work will meet again.
    pub fn never(code: &'static str, message: impl Into<String>) -> StageError {
        StageError { code, message: message.into(), retry: Retry::Never }
    }

    /// An error that may be gone later.
    pub fn later(code: &'static str, message: impl Into<String>) -> StageError {
        StageError { code, message: message.into(), retry: Retry::Later }
    }
}

impl From<SourceError> for StageError {
    fn from(error: SourceError) -> StageError {
        StageError { code: error.code, message: error.message, retry: error.retry }
    }
}

impl From<CodecError> for StageError {
    fn from(error: CodecError) -> StageError {
        StageError { code: error.code, message: error.message, retry: error.retry }
    }
}
