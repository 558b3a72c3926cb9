//! How a move of one record ended.

/// What became of a record that was to be written as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    New,
    /// One of this id was there; it stays as it is.
    There,
    /// It contradicts what is there; the reason, for people.
    Refused(String),
}
