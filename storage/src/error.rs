//! The one error of this crate.

/// A failure of the backend itself. Expected conflicts (an e-mail that is
/// taken, a lease that was lost) are values of the methods, not errors.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The backend can't be reached or is too slow now; the same call may
    /// succeed later.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// What is stored can't be understood by this version.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// The backend refused the operation; trying again will not help.
    #[error("the database refused: {0}")]
    Refused(String),
}

impl StorageError {
    /// Whether the same call may succeed when repeated later.
    pub fn is_transient(&self) -> bool {
        matches!(self, StorageError::Unavailable(_))
    }
}

/// The result of every storage call.
pub type Result<T> = std::result::Result<T, StorageError>;
