//! Why a plugin can't be used.

/// What is wrong with a plugin, or with the host itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HostError {
    /// Stable machine code: `bad_manifest`, `bad_package`, `bad_component`,
    /// `wrong_api`, `bad_description`, `name_taken`, `host_failed`.
    pub code: &'static str,
    /// For people: what is wrong and what to do.
    pub message: String,
}

impl HostError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> HostError {
        HostError { code, message: message.into() }
    }
}
