//! Tokens, passwords, e-mail addresses.
//!
//! Storage keeps sessions; this room only checks whether a token or a password is
//! valid.

mod email;
mod hmac;
mod passwords;
mod tokens;

pub use email::normalized_email;
pub use passwords::{
    MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARACTERS, PasswordError, PasswordRule, Passwords,
    new_password_rule,
};
pub use tokens::{IssuedToken, PrivateClaims, TokenError, Tokens};
