//! `POST /api/auth/register`

use clipmill_storage::{NewUser, Registered};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::{Credentials, ErrorBody, check_new_password};
use crate::auth::normalized_email;
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
pub async fn register(mut call: Call, (): ()) -> Answer {
    call.limit_client("login", call.app.config.limits.login_per_minute).await?;
    if call.app.config.auth.registration == Registration::Closed {
        return Err(ApiError::forbidden("registration_closed", "Registration is closed"));
    }
    let (email, password) = call.json::<Credentials>().await?.both()?;
    let email = normalized_email(&email).ok_or_else(|| {
        ApiError::bad_request("invalid_email", "This is not a valid email address")
    })?;
    check_new_password(&password)?;
    let taken = || ApiError::conflict("email_taken", "Email already registered");
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
