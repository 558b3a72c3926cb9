//! What goes wrong in a request, as the client sees it.

use std::borrow::Cow;

use http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};
use warp::reply::Response;

use super::reply;
use crate::artifacts::ArtifactError;
use crate::auth::{PasswordError, TokenError};

/// An answer that is no success: `{"error": text, "code": stable_code, ...}`.
///
/// The text is for people, without paths and secrets; the code is for
/// programs and never changes its meaning.
#[derive(Debug)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable machine code, snake case.
    pub code: Cow<'static, str>,
    /// For people.
    pub error: Cow<'static, str>,
    extra: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// An error of this status.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        error: impl Into<Cow<'static, str>>,
    ) -> ApiError {
        let (code, error) = (code.into(), error.into());
        ApiError { status, code, error, extra: Map::new(), headers: Vec::new() }
    }

    /// 400
    pub fn bad_request(
        code: impl Into<Cow<'static, str>>,
        error: impl Into<Cow<'static, str>>,
    ) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, code, error)
    }

    /// 401, with the challenge that belongs to it.
    pub fn unauthorized(code: &'static str, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::UNAUTHORIZED, code, error)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403
    pub fn forbidden(code: &'static str, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::FORBIDDEN, code, error)
    }

    /// 404
    pub fn not_found(code: &'static str, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, code, error)
    }

    /// 409
    pub fn conflict(code: &'static str, error: &'static str) -> ApiError {
        ApiError::new(StatusCode::CONFLICT, code, error)
    }

    /// 404 for a path that there is not.
    pub fn unknown_path() -> ApiError {
        ApiError::not_found("not_found", "Not found")
    }

    /// 405 for a method that the path does not take.
    pub fn wrong_method(allowed: &str) -> ApiError {
        let error = ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
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
            "rate_limited",
            "Too many requests; try again later",
        )
        .retry_after(seconds)
    }

    /// 503, to be tried again soon.
    pub fn busy(error: &'static str) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error).retry_after(2)
    }

    /// 500; what happened goes to the log, not to the client.
    pub fn internal(what: &dyn std::fmt::Display) -> ApiError {
        tracing::error!(error = %what, "a request failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error")
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

    /// Tells when to try again.
    pub fn retry_after(self, seconds: u64) -> ApiError {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The answer itself.
    pub fn into_response(self) -> Response {
        let mut body = self.extra;
        body.insert("error".to_owned(), Value::String(self.error.into_owned()));
        body.insert("code".to_owned(), Value::String(self.code.into_owned()));
        let mut response = reply::json(self.status, &Value::Object(body));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl From<clipmill_storage::Error> for ApiError {
    fn from(error: clipmill_storage::Error) -> ApiError {
        if error.is_transient() {
            tracing::warn!(%error, "storage does not answer");
            return ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "storage_unavailable",
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
            TokenError::Expired => ApiError::unauthorized("token_expired", "The token has expired"),
            TokenError::Invalid => {
                ApiError::unauthorized("invalid_token", "The token is not valid")
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

/// 503 for a store that does not answer.
pub fn store_away() -> ApiError {
    let text = "The file store does not answer; try again later";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "artifact_store", text).retry_after(5)
}

impl From<ArtifactError> for ApiError {
    fn from(error: ArtifactError) -> ApiError {
        if error.is_transient() {
            tracing::warn!(%error, "the artifact store does not answer");
            return store_away();
        }
        ApiError::internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use clipmill_storage::Error;

    use super::*;

    #[test]
    fn failures_of_storage_are_told_without_details() {
        let secret = "/var/lib/secret.db";
        for (error, status, code) in [
            (Error::Unavailable(secret.to_owned()), 503, "storage_unavailable"),
            (Error::Corrupt(secret.to_owned()), 500, "internal"),
            (Error::Refused(secret.to_owned()), 500, "internal"),
        ] {
            let answer = ApiError::from(error);
            assert_eq!((answer.status.as_u16(), answer.code.as_ref()), (status, code));
            assert!(!answer.error.contains("secret"));
        }
    }
}
