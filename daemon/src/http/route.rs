//! One path of the API: which methods it takes, how its answers are finished,
//! counted and logged.

use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Instant;

use http::header::ORIGIN;
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument as _;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::filters::path::FullPath;
use warp::reject::not_found;
use warp::reply::Response;

use super::call::{Call, call};
use super::cors;
use super::error::ApiError;
use crate::app::App;

/// A path and its methods.
#[derive(Debug)]
pub struct Route {
    /// The path with names in the place of values (`{video_id}`), as the
    /// documentation has it. A last part `...` stands for whatever follows.
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

    /// The values in a path that fits the pattern, with or without a slash at
    /// its end.
    ///
    /// This is not left to warp's own path filters because they write what
    /// they compare to their log, and a part of a path may be a token.
    fn values<P: Values>(&self, path: &str) -> Option<P> {
        let mut given = path.strip_suffix('/').unwrap_or(path).split('/');
        let mut found = Vec::new();
        for expected in self.pattern.trim_end_matches('/').split('/') {
            if expected == "..." {
                return P::of(found);
            }
            let given = given.next()?;
            if expected.starts_with('{') && !given.is_empty() {
                found.push(given.to_owned());
            } else if expected != given {
                return None;
            }
        }
        given.next().is_none().then(|| P::of(found))?
    }

    fn takes(&self, method: &Method) -> bool {
        self.methods.split(", ").any(|one| one == method.as_str())
    }
}

/// The answer of a handler.
pub type Answer = Result<Response, ApiError>;

/// The values in a path, as a handler takes them.
pub trait Values: Sized + Send + 'static {
    /// None when there are not as many.
    fn of(values: Vec<String>) -> Option<Self>;
}

impl Values for () {
    fn of(values: Vec<String>) -> Option<()> {
        values.is_empty().then_some(())
    }
}

impl Values for String {
    fn of(values: Vec<String>) -> Option<String> {
        let [value] = <[String; 1]>::try_from(values).ok()?;
        Some(value)
    }
}

impl Values for (String, String) {
    fn of(values: Vec<String>) -> Option<(String, String)> {
        let [first, second] = <[String; 2]>::try_from(values).ok()?;
        Some((first, second))
    }
}

/// Joins a path with its handler.
pub fn at<P, H, Answered>(
    app: &Arc<App>,
    route: &'static Route,
    handle: H,
) -> BoxedFilter<(Response,)>
where
    P: Values,
    H: Fn(Call, P) -> Answered + Clone + Send + Sync + 'static,
    Answered: Future<Output = Answer> + Send + 'static,
{
    warp::path::full()
        .and_then(|path: FullPath| ready(route.values(path.as_str()).ok_or_else(not_found)))
        .and(call(Arc::clone(app)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(pattern: &'static str, path: &str) -> Option<(String, String)> {
        Route::new(pattern, "GET").values(path)
    }

    #[test]
    fn patterns_name_the_values_of_a_path() {
        let pattern = "/stream/{token}/{video_id}";
        let values = Some(("a.b".to_owned(), "c%2F".to_owned()));
        assert_eq!(pair(pattern, "/stream/a.b/c%2F"), values);
        assert_eq!(pair(pattern, "/stream/a.b/c%2F/"), values);
        for path in
            ["/stream/a", "/stream/a/", "/stream//b", "/stream/a/b/c", "/other/a/b", "", "/"]
        {
            assert_eq!(pair(pattern, path), None, "{path}");
        }
        let fits = |pattern, path| Route::new(pattern, "GET").values::<()>(path).is_some();
        assert!(fits("/", "/") && fits("/", "") && !fits("/", "/a") && !fits("/", "//"));
        assert!(fits("/a/...", "/a") && fits("/a/...", "/a/b/c") && !fits("/a/...", "/ab"));
        assert!(fits("/...", "/") && fits("/...", "/x/y"));
    }
}
