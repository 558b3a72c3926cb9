//! `POST /api/auth/login` and `POST /api/auth/logout`

use clipmill_core::Id;
use clipmill_storage::Session;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply::{self, Message};
use super::super::route::Answer;
use super::{Credentials, ErrorBody, UserView};

#[derive(Serialize, ToSchema)]
pub struct LoginBody {
    message: &'static str,
    /// A private token.
    token: String,
    user: UserView,
}

/// Opens a session and answers its private token.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "auth",
    request_body = Credentials,
    responses(
        (status = 200, description = "Logged in", body = LoginBody),
        (status = 400, description = "E-mail or password is missing", body = ErrorBody),
        (status = 401, description = "Wrong e-mail or password", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "Too many logins at a time", body = ErrorBody),
    )
)]
pub async fn login(mut call: Call, (): ()) -> Answer {
    call.limit_client("login", call.app.config.limits.login_per_minute).await?;
    let (email, password) = call.json::<Credentials>().await?.both()?;
    let user = call.app.storage.user_by_email(&email.trim().to_lowercase()).await?;
    // Without a user the password is worked on all the same, so that the time
    // does not tell who has an account.
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let fits = call.app.passwords.fits(password, hash).await?;
    let user = user.filter(|_| fits).ok_or_else(|| {
        ApiError::unauthorized("invalid_credentials", "Invalid email or password")
    })?;
    let now = call.app.clock.now();
    let session_id = Id::generate(now);
    let issued = call
        .app
        .tokens
        .private(user.id, session_id, now)
        .map_err(|error| ApiError::internal(&error))?;
    let session = Session {
        id: session_id,
        user_id: user.id,
        token: issued.token.clone(),
        created_at: now,
        expires_at: issued.expires_at,
    };
    call.app.storage.open_session(session).await?;
    // A password change that ran beside this login has ended the sessions of
    // before; this one must not outlive it.
    let still = call.app.storage.user_by_id(user.id).await?;
    if still.is_none_or(|still| still.password_hash != user.password_hash) {
        call.app.storage.close_session(&issued.token).await?;
        return Err(ApiError::unauthorized("invalid_credentials", "Invalid email or password"));
    }
    let body = LoginBody {
        message: "Login successful",
        token: issued.token,
        user: UserView { id: user.id.to_string(), email: user.email },
    };
    Ok(reply::no_store(reply::json(StatusCode::OK, &body)))
}

/// Ends the session of the token.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "auth",
    security(("private" = [])),
    responses(
        (status = 200, description = "The token is no longer valid", body = Message),
        (status = 401, description = "No valid token", body = ErrorBody),
    )
)]
pub async fn logout(call: Call, (): ()) -> Answer {
    call.login().await?;
    call.app.storage.close_session(call.token()?).await?;
    Ok(reply::json(StatusCode::OK, &Message { message: "Logout successful" }))
}
