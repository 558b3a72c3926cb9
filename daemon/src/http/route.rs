//! One path of the API: which methods it takes, how its answers are finished,
//! counted and logged.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use http::header::ORIGIN;
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument as _;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::call::{Call, call};
use super::cors;
use super::error::ApiError;
use crate::app::App;

/// A path and its methods.
#[derive(Debug)]
pub struct Route {
    /// The path with names in the place of values, as the documentation has it.
    pub pattern: &'static str,
    /// Methods that it takes, as the `Allow` header lists them.
    pub methods: &'static str,
    /// Whether successes are left out of the log at level info: paths that are
    /// polled.
    pub quiet: bool,
}

impl Route {
    /// A path whose requests are logged.
    pub const fn new(pattern: &'static str, methods: &'static str) -> Route {
        Route { pattern, methods, quiet: false }
    }

    /// A path that is polled.
    pub const fn polled(pattern: &'static str, methods: &'static str) -> Route {
        Route { pattern, methods, quiet: true }
    }

    fn takes(&self, method: &Method) -> bool {
        self.methods.split(", ").any(|one| one == method.as_str())
    }
}

/// The answer of a handler.
pub type Answer = Result<Response, ApiError>;

/// Joins a path, of which one value is extracted, with its handler.
pub fn at<P, F, H, Answered>(
    app: &Arc<App>,
    route: &'static Route,
    path: F,
    handle: H,
) -> BoxedFilter<(Response,)>
where
    P: Send + 'static,
    F: Filter<Extract = (P,), Error = Rejection> + Clone + Send + Sync + 'static,
    F::Future: Send,
    H: Fn(Call, P) -> Answered + Clone + Send + Sync + 'static,
    Answered: Future<Output = Answer> + Send + 'static,
{
    path.and(call(Arc::clone(app)))
        .then(move |parameters, call: Call| {
            let handle = handle.clone();
            finished(route, call, move |call| handle(call, parameters))
        })
        .boxed()
}

/// Runs the handler and does what every request needs around it.
async fn finished<Answered>(
    route: &'static Route,
    call: Call,
    handle: impl FnOnce(Call) -> Answered,
) -> Response
where
    Answered: Future<Output = Answer>,
{
    let began = Instant::now();
    let app = Arc::clone(&call.app);
    let origin = call.headers.get(ORIGIN).cloned();
    let method = label(&call.method);
    let id = format!("{:016x}", rand::random::<u64>());
    let span = if route.quiet {
        tracing::debug_span!("request", request.id = %id, http.method = method, http.route = route.pattern)
    } else {
        tracing::info_span!("request", request.id = %id, http.method = method, http.route = route.pattern)
    };
    let work = async {
        if let Some(preflight) = cors::preflight(&call.method, &call.headers, route.methods) {
            Ok(preflight)
        } else if route.methods.is_empty() {
            // The handler of unknown paths takes every method.
            handle(call).await
        } else if route.takes(&call.method) {
            handle(call).await
        } else {
            Err(ApiError::wrong_method(route.methods))
        }
    };
    let answer = work.instrument(span.clone()).await;
    let code = answer.as_ref().err().map(|error| error.code.clone().into_owned());
    let mut response = answer.unwrap_or_else(ApiError::into_response);
    cors::allow(origin.as_ref(), &app.config.server.cors_origins, &mut response);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    let status = response.status().as_u16();
    app.metrics.request(method, route.pattern, status);
    let _entered = span.enter();
    let duration_ms = began.elapsed().as_millis();
    if status >= 500 {
        tracing::warn!(status, duration_ms, code, "answered");
    } else if route.quiet {
        tracing::debug!(status, duration_ms, code, "answered");
    } else {
        tracing::info!(status, duration_ms, code, "answered");
    }
    response
}

/// The method as a label; what clients make up is not repeated.
fn label(method: &Method) -> &'static str {
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
