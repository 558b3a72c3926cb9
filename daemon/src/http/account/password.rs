//! `POST /api/auth/change-password`

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply::{self, Message};
use super::super::route::Answer;
use super::{ErrorBody, check_new_password};

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
    security(("private" = [])),
    request_body = PasswordChange,
    responses(
        (status = 200, description = "Changed; all sessions have ended", body = Message),
        (status = 400, description = "The new password breaks a rule", body = ErrorBody),
        (status = 401, description = "No valid token, or the current password is wrong", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "Too many logins at a time", body = ErrorBody),
    )
)]
pub async fn change_password(mut call: Call, (): ()) -> Answer {
    call.limit_client("login", call.app.config.limits.login_per_minute).await?;
    let login = call.login().await?;
    let change: PasswordChange = call.json().await?;
    let (Some(current), Some(new)) = (change.current_password, change.new_password) else {
        let error = "Current password and new password are required";
        return Err(ApiError::bad_request("missing_field", error));
    };
    check_new_password(&new)?;
    let user = call.app.storage.user_by_id(login.user_id).await?;
    let hash = user.map(|user| user.password_hash);
    if !call.app.passwords.fits(current, hash).await? {
        return Err(ApiError::unauthorized("wrong_password", "Current password is incorrect"));
    }
    let hash = call.app.passwords.hash(new).await?;
    call.app.storage.set_password(login.user_id, &hash, call.app.clock.now()).await?;
    let message = "Password changed successfully. Please login again.";
    Ok(reply::json(StatusCode::OK, &Message { message }))
}
