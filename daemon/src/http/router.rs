//! From a request to its answer: finds the endpoint, and finishes, counts and
//! logs what it answers.

use std::sync::Arc;
use std::time::Instant;

use http::header::ORIGIN;
use http::{HeaderName, HeaderValue, Method};
use tracing::{Instrument as _, Span};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::filters::path::FullPath;
use warp::reply::Response;

use super::call::{Call, call};
use super::endpoint::LogLevel;
use super::endpoints::INTERFACE;
use super::error::{Answer, ApiError};
use super::route::Route;
use super::{cors, video};
use crate::app::App;

/// Below this path a mistyped command of a chat bot still gets a line of text.
const STREAM: &str = "/api/video/save/stream";

/// The whole interface as a filter.
pub fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and(call(Arc::clone(app)))
        .then(|path: FullPath, call: Call| async move {
            let target = Target::find(path.as_str());
            respond(target, call).await
        })
        .boxed()
}

/// Where a path leads.
enum Target {
    /// To a route; its values.
    Route(&'static Route, Vec<String>),
    /// To nothing that is below [`STREAM`].
    MistypedStream,
    /// To nothing.
    Unknown,
}

impl Target {
    fn find(path: &str) -> Target {
        if let Some((route, values)) = INTERFACE.find(path) {
            return Target::Route(route, values);
        }
        let is_stream =
            path.strip_prefix(STREAM).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_stream { Target::MistypedStream } else { Target::Unknown }
    }

    /// The path as a label for logs and counters: ids and tokens are left out.
    fn label(&self) -> &'static str {
        match self {
            Target::Route(route, _) => &route.path,
            Target::MistypedStream => "/api/video/save/stream/...",
            Target::Unknown => "/...",
        }
    }

    /// The methods that are taken; empty for an unknown path.
    fn allow(&self) -> &'static str {
        match self {
            Target::Route(route, _) => &route.allow,
            Target::MistypedStream | Target::Unknown => "",
        }
    }

    fn log_level(&self) -> LogLevel {
        match self {
            Target::Route(route, _) => route.log_level(),
            Target::MistypedStream => LogLevel::Info,
            Target::Unknown => LogLevel::Debug,
        }
    }

    async fn answer(self, call: Call) -> Answer {
        match self {
            Target::Route(route, values) => match route.endpoint(&call.method) {
                Some(endpoint) => endpoint.answer(call, values).await,
                None => Err(ApiError::wrong_method(&route.allow)),
            },
            Target::MistypedStream => video::stream::unknown(&call),
            Target::Unknown => Err(ApiError::unknown_path()),
        }
    }
}

/// What the log says of a request.
struct RequestLog {
    id: String,
    method: &'static str,
    route: &'static str,
    level: LogLevel,
    started: Instant,
}

/// Answers a request and does what every request needs around it.
async fn respond(target: Target, call: Call) -> Response {
    let app = Arc::clone(&call.app);
    let origin = call.headers.get(ORIGIN).cloned();
    let log = RequestLog {
        id: format!("{:016x}", rand::random::<u64>()),
        method: method_label(&call.method),
        route: target.label(),
        level: target.log_level(),
        started: Instant::now(),
    };
    let span = log.span();
    let answering = async {
        match cors::preflight(&call.method, &call.headers, target.allow()) {
            Some(preflight) => Ok(preflight),
            None => target.answer(call).await,
        }
    };
    let answer = answering.instrument(span.clone()).await;
    let code = answer.as_ref().err().map(|error| error.code_text().to_owned());
    let mut response = answer.unwrap_or_else(ApiError::into_response);
    cors::allow(origin.as_ref(), &app.config.server.cors_origins, &mut response);
    if let Ok(id) = HeaderValue::from_str(&log.id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    let status = response.status().as_u16();
    app.metrics.request(log.method, log.route, status);
    span.in_scope(|| log.answered(status, code.as_deref()));
    response
}

impl RequestLog {
    fn span(&self) -> Span {
        let RequestLog { id, method, route, .. } = self;
        match self.level {
            LogLevel::Info => tracing::info_span!(
                "request", request.id = %id, http.method = method, http.route = route
            ),
            LogLevel::Debug => tracing::debug_span!(
                "request", request.id = %id, http.method = method, http.route = route
            ),
        }
    }

    fn answered(&self, status: u16, code: Option<&str>) {
        let duration_ms = self.started.elapsed().as_millis() as u64;
        if status >= 500 {
            tracing::warn!(status, duration_ms, code, "request answered");
        } else if self.level == LogLevel::Debug {
            tracing::debug!(status, duration_ms, code, "request answered");
        } else {
            tracing::info!(status, duration_ms, code, "request answered");
        }
    }
}

/// The method as a label; made-up methods of clients are not repeated.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
