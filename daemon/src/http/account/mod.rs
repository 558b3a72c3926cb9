//! Accounts: registration, login, logout, passwords, tokens.

pub mod password;
pub mod token;

use clipmill_core::Code;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ApiError;

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
            _ => Err(ApiError::bad_request(Code::MissingField, "Email and password are required")),
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
