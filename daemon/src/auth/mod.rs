//! Who asks: tokens, passwords, e-mail addresses.
//!
//! Sessions are kept by storage; this room only says whether a token or a
//! password is what it claims to be.

mod email;
mod passwords;
mod tokens;

pub use email::normalized_email;
pub use passwords::{
    MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARACTERS, PasswordError, PasswordRule, Passwords,
    new_password_rule,
};
pub use tokens::{Issued, PrivateClaims, TokenError, Tokens};
