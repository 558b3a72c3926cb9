//! What is checked before a handler runs: who calls, and how often. The rows of
//! the endpoints name both.

use std::time::Duration;

use clipmill_core::Code;
use clipmill_storage::LiveSession;

use super::call::Call;
use super::client::counter_name;
use super::error::ApiError;

/// Limits are per minute.
const WINDOW: Duration = Duration::from_secs(60);

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Everybody. Where a token is in the path, the handler checks it.
    Anyone,
    /// Clients with a private token of a login that has not ended.
    Login,
    /// Clients with a public token.
    PublicToken,
}

/// As what a request of one client address is counted. The limits are in the
/// section `[limits]` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Not here. The handler may count by something else than the address.
    No,
    /// As an attempt at a password, whether or not the token is good.
    Login,
    /// As a request of the public.
    Public,
    /// As a saved clip, once the token is good.
    Save,
}

/// Lets a request through to its handler, and notes its login.
///
/// # Errors
/// 401 unless the token is good, 429 above the limit.
pub async fn admit(call: &mut Call, caller: Caller, counted: Counted) -> Result<(), ApiError> {
    let limits = &call.app.config.limits;
    match counted {
        Counted::Login => count_client(call, "login", limits.login_per_minute).await?,
        Counted::Public => count_client(call, "public", limits.public_per_minute).await?,
        Counted::Save | Counted::No => {}
    }
    match caller {
        Caller::Anyone => {}
        Caller::Login => call.login = Some(check_login(call).await?),
        Caller::PublicToken => call.app.tokens.check_public(call.token()?, call.received)?,
    }
    if counted == Counted::Save {
        count_save(call).await?;
    }
    Ok(())
}

/// The login that the private token belongs to, by signature, time and session.
async fn check_login(call: &Call) -> Result<LiveSession, ApiError> {
    let token = call.token()?;
    let claims = call.app.tokens.check_private(token, call.received)?;
    let session = call.app.storage.session(token, call.received).await?;
    session
        .filter(|session| session.id == claims.session_id && session.user_id == claims.user_id)
        .ok_or_else(|| ApiError::unauthorized(Code::SessionEnded, "This login has ended"))
}

/// Counts a saved clip for the client's address.
///
/// # Errors
/// 429
pub async fn count_save(call: &Call) -> Result<(), ApiError> {
    count_client(call, "save", call.app.config.limits.save_per_minute).await
}

async fn count_client(call: &Call, kind: &str, limit: u32) -> Result<(), ApiError> {
    count(call, kind, &counter_name(call.client), limit).await
}

/// Counts this request under `kind` and `name`; 429 above `limit`, 0 for no
/// limit.
///
/// # Errors
/// 429
pub async fn count(call: &Call, kind: &str, name: &str, limit: u32) -> Result<(), ApiError> {
    if limit == 0 {
        return Ok(());
    }
    let key = format!("{kind}:{name}");
    match call.app.storage.count(&key, WINDOW, call.received).await {
        Ok(count) if count > u64::from(limit) => {
            let over = call.received.timestamp().rem_euclid(60);
            Err(ApiError::rate_limited(60u64.saturating_sub(over.unsigned_abs()).max(1)))
        }
        Ok(_) => Ok(()),
        // Counters may be lost; requests are served without them.
        Err(error) => {
            tracing::warn!(%error, "a request could not be counted; it is served without a limit");
            Ok(())
        }
    }
}
