//! Why a file can't be used.

/// A file that can't be used, or not here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct MediaError {
    /// What to make of it.
    pub kind: MediaErrorKind,
    /// For logs and people: what is wrong, without paths or secrets.
    pub what: String,
}

/// What to make of a [`MediaError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaErrorKind {
    /// The file contradicts itself or its format.
    Damaged,
    /// The file may be right, but needs something that is not done here.
    Unsupported,
    /// A table or a value is beyond every bound that a real file needs.
    TooLarge,
    /// The bytes could not be had; the reader that was asked knows why.
    Read,
    /// The file has nothing within the wanted span.
    Nothing,
}

impl MediaError {
    /// The file contradicts itself or its format.
    pub fn damaged(what: impl Into<String>) -> MediaError {
        MediaError { kind: MediaErrorKind::Damaged, what: what.into() }
    }

    /// The file needs something that is not done here.
    pub fn unsupported(what: impl Into<String>) -> MediaError {
        MediaError { kind: MediaErrorKind::Unsupported, what: what.into() }
    }

    /// A table or value that no real file needs.
    pub fn too_large(what: impl Into<String>) -> MediaError {
        MediaError { kind: MediaErrorKind::TooLarge, what: what.into() }
    }

    /// The bytes could not be had.
    pub fn read(what: impl Into<String>) -> MediaError {
        MediaError { kind: MediaErrorKind::Read, what: what.into() }
    }

    /// There is nothing within the wanted span.
    pub fn nothing(what: impl Into<String>) -> MediaError {
        MediaError { kind: MediaErrorKind::Nothing, what: what.into() }
    }
}
