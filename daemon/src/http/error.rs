//! What goes wrong in a request, as the client sees it.

use std::borrow::Cow;
use std::error::Error as StdError;

use clipmill_core::{Code, Error};
use clipmill_storage::JobFailure;
use http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};
use warp::reply::Response;

use super::reply;
use crate::artifacts::ArtifactError;
use crate::auth::{PasswordError, TokenError};

/// The answer of a handler.
pub type Answer = Result<Response, ApiError>;

/// An answer that is no success: `{"error": text, "code": stable_code, ...}`.
///
/// The text is for people, without paths and secrets; the code is for
/// programs and never changes its meaning.
#[derive(Debug)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable machine code.
    pub code: Code,
    /// For people.
    pub error: Cow<'static, str>,
    /// The code as a record spells it. Another version of clipmill may have
    /// written it, so it need not be a [`Code`] of this one.
    recorded_code: Option<String>,
    extra: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// An error of this status.
    pub fn new(status: StatusCode, code: Code, error: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError {
            status,
            code,
            error: error.into(),
            recorded_code: None,
            extra: Map::new(),
            headers: Vec::new(),
        }
    }

    /// 500 for a job that failed: what could not be done, and why, as the record
    /// says it.
    pub fn failed_job(error: &'static str, failure: JobFailure) -> ApiError {
        let code = failure.code.parse().unwrap_or(Code::Unknown);
        let failed = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, code, error)
            .with("message", failure.message)
            .with("status", "failed");
        ApiError { recorded_code: Some(failure.code), ..failed }
    }

    /// 400
    pub fn bad_request(code: Code, error: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, code, error)
    }

    /// 401, with the challenge that belongs to it.
    pub fn unauthorized(code: Code, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::UNAUTHORIZED, code, error)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403
    pub fn forbidden(code: Code, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::FORBIDDEN, code, error)
    }

    /// 404
    pub fn not_found(code: Code, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, code, error)
    }

    /// 409
    pub fn conflict(code: Code, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::CONFLICT, code, error)
    }

    /// 404 for a path that there is not.
    pub fn unknown_path() -> ApiError {
        ApiError::not_found(Code::NotFound, "Not found")
    }

    /// 405 for a method that the path does not take.
    pub fn wrong_method(allowed: &str) -> ApiError {
        let error = ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Code::MethodNotAllowed,
            "This path does not take this method",
        );
        match HeaderValue::from_str(allowed) {
            Ok(allowed) => error.header(ALLOW, allowed),
            Err(_) => error,
        }
    }

    /// 429, to be tried again after some seconds.
    pub fn rate_limited(seconds: u64) -> ApiError {
        ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            Code::RateLimited,
            "Too many requests; try again later",
        )
        .retry_after(seconds)
    }

    /// 503, to be tried again soon.
    pub fn busy(error: &'static str) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, Code::Busy, error).retry_after(2)
    }

    /// 500; the chain of causes goes to the log, not to the client.
    pub fn internal(cause: &(dyn StdError + 'static)) -> ApiError {
        tracing::error!(error = %chain_text(cause), "a request failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "Internal server error")
    }

    /// Adds a field to the body.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> ApiError {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> ApiError {
        self.headers.push((name, value));
        self
    }

    /// Says after how many seconds the client may try again.
    pub fn retry_after(self, seconds: u64) -> ApiError {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The code as clients see it.
    pub fn code_text(&self) -> &str {
        self.recorded_code.as_deref().unwrap_or(self.code.as_str())
    }

    /// The answer itself.
    pub fn into_response(self) -> Response {
        let code = self.code_text().to_owned();
        let mut body = self.extra;
        body.insert("error".to_owned(), Value::String(self.error.into_owned()));
        body.insert("code".to_owned(), Value::String(code));
        let mut response = reply::json(self.status, &Value::Object(body));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl From<clipmill_storage::StorageError> for ApiError {
    fn from(error: clipmill_storage::StorageError) -> ApiError {
        if error.is_transient() {
            tracing::warn!(%error, "the database does not answer; the client gets 503");
            return ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                Code::StorageUnavailable,
                "The database does not answer; try again later",
            )
            .retry_after(5);
        }
        ApiError::internal(&error)
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> ApiError {
        match error {
            TokenError::Expired => {
                ApiError::unauthorized(Code::TokenExpired, "The token has expired")
            }
            TokenError::Invalid => {
                ApiError::unauthorized(Code::InvalidToken, "The token is not valid")
            }
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> ApiError {
        match error {
            PasswordError::Busy => ApiError::busy("Too many logins at a time; try again"),
            PasswordError::Failed(_) => ApiError::internal(&error),
        }
    }
}

/// The texts of an error and all its causes.
fn chain_text(error: &(dyn StdError + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<Error>() {
        return error.chain().to_string();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

/// 503 for a file store that does not answer.
pub fn store_unavailable() -> ApiError {
    let text = "The file store does not answer; try again later";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, Code::ArtifactStore, text).retry_after(5)
}

impl From<ArtifactError> for ApiError {
    fn from(error: ArtifactError) -> ApiError {
        if error.is_transient() {
            tracing::warn!(%error, "the artifact store does not answer; the client gets 503");
            return store_unavailable();
        }
        ApiError::internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use clipmill_storage::StorageError;

    use super::*;

    #[test]
    fn failures_of_storage_are_answered_without_details() {
        let secret = "/var/lib/secret.db";
        for (error, status, code) in [
            (StorageError::Unavailable(secret.to_owned()), 503, Code::StorageUnavailable),
            (StorageError::Corrupt(secret.to_owned()), 500, Code::Internal),
            (StorageError::Refused(secret.to_owned()), 500, Code::Internal),
        ] {
            let answer = ApiError::from(error);
            assert_eq!((answer.status.as_u16(), answer.code), (status, code));
            assert!(!answer.error.contains("secret"));
        }
    }
}
