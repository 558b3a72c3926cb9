//! `GET /api/auth/token/public`

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::error::ApiError;
use super::super::reply;
use super::super::route::Answer;
use super::ErrorBody;

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
pub async fn public_token(call: Call, (): ()) -> Answer {
    call.limit_client("public", call.app.config.limits.public_per_minute).await?;
    let issued =
        call.app.tokens.public(call.received).map_err(|error| ApiError::internal(&error))?;
    let expires_in = (issued.expires_at - call.received).num_seconds();
    let body = PublicTokenBody { token: issued.token, expires_in };
    Ok(reply::no_store(reply::json(StatusCode::OK, &body)))
}
