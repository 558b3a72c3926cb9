//! `GET /api/auth/me`

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::reply;
use super::super::route::Answer;
use super::{ErrorBody, UserView};

#[derive(Serialize, ToSchema)]
pub struct MeBody {
    user: UserView,
}

/// Who the token belongs to.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "auth",
    security(("private" = [])),
    responses(
        (status = 200, description = "The user", body = MeBody),
        (status = 401, description = "No valid token", body = ErrorBody),
    )
)]
pub async fn me(call: Call, (): ()) -> Answer {
    let login = call.login().await?;
    let user = UserView { id: login.user_id.to_string(), email: login.email };
    Ok(reply::no_store(reply::json(StatusCode::OK, &MeBody { user })))
}
