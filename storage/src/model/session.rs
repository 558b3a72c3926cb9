//! Logins.

use std::fmt;

use clipmill_core::{Id, Time};
use sha2::{Digest, Sha256};

/// One login. It ends by logout, password change or at `expires_at`.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Identifier; the token names it too.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// The signed token itself; unique.
    pub token: String,
    /// When it was opened.
    pub created_at: Time,
    /// From this moment on it is no longer valid.
    pub expires_at: Time,
}

/// What a request needs to know of a valid session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// The session's identifier.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// That user's address.
    pub email: String,
    /// From this moment on it is no longer valid.
    pub expires_at: Time,
}

/// A session as one backend hands it to another: not even a move shows tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSession {
    /// Identifier.
    pub id: Id,
    /// Whose it is.
    pub user_id: Id,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// When it was opened.
    pub created_at: Time,
    /// From this moment on it is no longer valid.
    pub expires_at: Time,
}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("token", &"<redacted>")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What stands for a token wherever the token itself must not be kept.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
