//! Accounts: registration, login, logout, passwords, tokens.

pub mod login;
pub mod me;
pub mod password;
pub mod public_token;
pub mod register;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ApiError;
use super::reply::ErrorBody;
use crate::auth::{PasswordRule, new_password_rule};

/// What login and registration take.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// E-mail address, in any case.
    #[schema(value_type = String, example = "user@example.com")]
    email: Option<String>,
    /// Password; new ones have at least 8 characters and at most 72 bytes.
    #[schema(value_type = String, example = "SecurePass123!")]
    password: Option<String>,
}

impl Credentials {
    fn both(self) -> Result<(String, String), ApiError> {
        match (self.email, self.password) {
            (Some(email), Some(password)) if !email.trim().is_empty() && !password.is_empty() => {
                Ok((email, password))
            }
            _ => Err(ApiError::bad_request("missing_field", "Email and password are required")),
        }
    }
}

/// A user as clients see one.
#[derive(Serialize, ToSchema)]
pub struct UserView {
    #[schema(example = "507f1f77bcf86cd799439011")]
    id: String,
    email: String,
}

fn check_new_password(password: &str) -> Result<(), ApiError> {
    match new_password_rule(password) {
        None => Ok(()),
        Some(PasswordRule::TooShort) => Err(ApiError::bad_request(
            "password_too_short",
            "The password must have at least 8 characters",
        )),
        Some(PasswordRule::TooLong) => Err(ApiError::bad_request(
            "password_too_long",
            "The password may have at most 72 bytes",
        )),
    }
}
