//! Accounts.

use std::fmt;

use clipmill_core::{Id, Time};

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Identifier.
    pub id: Id,
    /// Address, lower case; unique.
    pub email: String,
    /// bcrypt hash (`$2b$` and its older spellings).
    pub password_hash: String,
    /// When it was registered.
    pub created_at: Time,
    /// When the record last changed.
    pub updated_at: Time,
}

/// What a registration brings.
#[derive(Clone)]
pub struct NewUser {
    /// Address, already lower case.
    pub email: String,
    /// bcrypt hash.
    pub password_hash: String,
    /// Time of registration.
    pub now: Time,
}

/// How a registration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The account was made.
    New(User),
    /// Another account has this address; nothing changed.
    EmailTaken,
}

impl fmt::Debug for User {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("User")
            .field("id", &self.id)
            .field("email", &self.email)
            .field("password_hash", &"<redacted>")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewUser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NewUser").field("email", &self.email).finish_non_exhaustive()
    }
}
