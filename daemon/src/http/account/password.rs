//! `POST /api/auth/register` and `POST /api/auth/change-password`

use clipmill_core::Code;
use clipmill_storage::{NewUser, Registered};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody, Message};
use super::Credentials;
use crate::auth::{PasswordRule, new_password_rule, normalized_email};
use crate::config::Registration;

#[derive(Serialize, ToSchema)]
pub struct RegisteredBody {
    message: &'static str,
    #[schema(example = "507f1f77bcf86cd799439011")]
    user_id: String,
}

/// Creates an account.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = "auth",
    request_body = Credentials,
    responses(
        (status = 201, description = "The account is there", body = RegisteredBody),
        (status = 400, description = "Bad e-mail or password", body = ErrorBody),
        (status = 403, description = "Registration is closed", body = ErrorBody),
        (status = 409, description = "The e-mail is taken", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
pub async fn register(mut call: Call) -> Answer {
    if call.app.config.auth.registration == Registration::Closed {
        return Err(ApiError::forbidden(Code::RegistrationClosed, "Registration is closed"));
    }
    let (email, password) = call.body.json::<Credentials>().await?.both()?;
    let email = normalized_email(&email).ok_or_else(|| {
        ApiError::bad_request(Code::InvalidEmail, "This is not a valid email address")
    })?;
    check_new_password(&password)?;
    let taken = || ApiError::conflict(Code::EmailTaken, "Email already registered");
    if call.app.storage.user_by_email(&email).await?.is_some() {
        return Err(taken());
    }
    let password_hash = call.app.passwords.hash(password).await?;
    let new = NewUser { email, password_hash, now: call.received };
    match call.app.storage.create_user(new).await? {
        Registered::New(user) => Ok(reply::json(
            StatusCode::CREATED,
            &RegisteredBody {
                message: "User registered successfully",
                user_id: user.id.to_string(),
            },
        )),
        Registered::EmailTaken => Err(taken()),
    }
}

#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    #[schema(value_type = String)]
    current_password: Option<String>,
    #[schema(value_type = String)]
    new_password: Option<String>,
}

/// Replaces the password and ends all of the user's sessions.
#[utoipa::path(
    post,
    path = "/api/auth/change-password",
    tag = "auth",
    request_body = PasswordChange,
    responses(
        (status = 200, description = "Changed; all sessions have ended", body = Message),
        (status = 400, description = "The new password breaks a rule", body = ErrorBody),
        (status = 401, description = "No valid token, or the current password is wrong", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "Too many logins at a time", body = ErrorBody),
    )
)]
pub async fn change_password(mut call: Call) -> Answer {
    let user_id = call.login()?.user_id;
    let change: PasswordChange = call.body.json().await?;
    let (Some(current), Some(new)) = (change.current_password, change.new_password) else {
        let error = "Current password and new password are required";
        return Err(ApiError::bad_request(Code::MissingField, error));
    };
    check_new_password(&new)?;
    let user = call.app.storage.user_by_id(user_id).await?;
    let hash = user.map(|user| user.password_hash);
    if !call.app.passwords.fits(current, hash).await? {
        return Err(ApiError::unauthorized(Code::WrongPassword, "Current password is incorrect"));
    }
    let hash = call.app.passwords.hash(new).await?;
    call.app.storage.set_password(user_id, &hash, call.app.clock.now()).await?;
    let message = "Password changed successfully. Please login again.";
    Ok(reply::json(StatusCode::OK, &Message { message }))
}

fn check_new_password(password: &str) -> Result<(), ApiError> {
    match new_password_rule(password) {
        None => Ok(()),
        Some(PasswordRule::TooShort) => Err(ApiError::bad_request(
            Code::PasswordTooShort,
            "The password must have at least 8 characters",
        )),
        Some(PasswordRule::TooLong) => Err(ApiError::bad_request(
            Code::PasswordTooLong,
            "The password may have at most 72 bytes",
        )),
    }
}
