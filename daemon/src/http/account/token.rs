//! Tokens: `POST /api/auth/login` and `POST /api/auth/logout`, whose a token is
//! (`GET /api/auth/me`), and `GET /api/auth/token/public`.

use clipmill_core::{Code, Id};
use clipmill_storage::Session;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::{Answer, ApiError};
use super::super::reply::{self, ErrorBody, Message};
use super::{Credentials, UserView};

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
pub async fn login(mut call: Call) -> Answer {
    let (email, password) = call.body.json::<Credentials>().await?.both()?;
    let user = call.app.storage.user_by_email(&email.trim().to_lowercase()).await?;
    // Without a user the password is worked on all the same, so that the time
    // does not show who has an account.
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let fits = call.app.passwords.fits(password, hash).await?;
    let user = user.filter(|_| fits).ok_or_else(|| {
        ApiError::unauthorized(Code::InvalidCredentials, "Invalid email or password")
    })?;
    let now = call.app.clock.now();
    let session_id = Id::generate(now);
    let issued = call
        .app
        .tokens
        .issue_private(user.id, session_id, now)
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
        return Err(ApiError::unauthorized(Code::InvalidCredentials, "Invalid email or password"));
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
    responses(
        (status = 200, description = "The token is no longer valid", body = Message),
        (status = 401, description = "No valid token", body = ErrorBody),
    )
)]
pub async fn logout(call: Call) -> Answer {
    call.app.storage.close_session(call.token()?).await?;
    Ok(reply::json(StatusCode::OK, &Message { message: "Logout successful" }))
}

#[derive(Serialize, ToSchema)]
pub struct MeBody {
    user: UserView,
}

/// Who the token belongs to.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "auth",
    responses(
        (status = 200, description = "The user", body = MeBody),
        (status = 401, description = "No valid token", body = ErrorBody),
    )
)]
pub async fn me(call: Call) -> Answer {
    let login = call.login()?;
    let user = UserView { id: login.user_id.to_string(), email: login.email.clone() };
    Ok(reply::no_store(reply::json(StatusCode::OK, &MeBody { user })))
}

#[derive(Serialize, ToSchema)]
pub struct PublicTokenBody {
    /// A public token: it can save clips and nothing else.
    token: String,
    /// Seconds.
    #[schema(example = 86400)]
    expires_in: i64,
}

/// A token for chat bots and other public places.
#[utoipa::path(
    get,
    path = "/api/auth/token/public",
    tag = "auth",
    responses(
        (status = 200, description = "A public token", body = PublicTokenBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
    )
)]
pub async fn public_token(call: Call) -> Answer {
    let issued =
        call.app.tokens.issue_public(call.received).map_err(|error| ApiError::internal(&error))?;
    let expires_in = (issued.expires_at - call.received).num_seconds();
    let body = PublicTokenBody { token: issued.token, expires_in };
    Ok(reply::no_store(reply::json(StatusCode::OK, &body)))
}
