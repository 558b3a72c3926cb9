//! Cross-origin requests: which web pages of other origins may call from a
//! browser. Their rules are the Fetch standard's (section 3.2).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::reply::Response;

/// Request headers that scripts may set.
const HEADERS: &str = "Authorization, Content-Type, Range, If-Range, Prefer";
/// Answer headers that scripts may read.
const EXPOSED: &str = "Content-Disposition, Content-Length, Content-Range, Accept-Ranges, ETag, \
                       Retry-After, X-Request-Id";

/// The answer to a preflight request; none when the request is none.
pub fn preflight(method: &Method, headers: &HeaderMap, allowed_methods: &str) -> Option<Response> {
    let is_preflight = method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(allowed_methods) {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(response)
}

/// Adds the headers that let the browser show the answer to the origin, if that
/// may read it.
pub fn allow(origin: Option<&HeaderValue>, allowed: &[String], response: &mut Response) {
    if allowed.is_empty() {
        return;
    }
    let answer = response.headers_mut();
    answer.append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin else { return };
    let is_allowed = allowed.iter().any(|one| {
        one == "*" || one.trim_end_matches('/').as_bytes().eq_ignore_ascii_case(origin.as_bytes())
    });
    if is_allowed {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    } else {
        answer.remove(ACCESS_CONTROL_ALLOW_METHODS);
        answer.remove(ACCESS_CONTROL_ALLOW_HEADERS);
    }
}
