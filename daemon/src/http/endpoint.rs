//! One endpoint: a method at a path, with its handler, what is checked before,
//! and its description.

use std::future::Future;

use futures_util::future::BoxFuture;
use http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem, RefOr, SecurityRequirement};

use super::call::Call;
use super::error::{Answer, ApiError};
use super::guard::{Caller, Counted, admit};

/// At what level successes are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Level info.
    Info,
    /// Level debug: clients poll this path.
    Debug,
}

/// A handler: takes the request and the values in its path.
pub trait EndpointHandler<Values>: Copy + Send + Sync + 'static {
    /// How many values it takes.
    const VALUES: usize;

    /// Answers a request.
    fn answer(self, call: Call, values: Vec<String>) -> BoxFuture<'static, Answer>;
}

impl<F, Answering> EndpointHandler<()> for F
where
    F: Fn(Call) -> Answering + Copy + Send + Sync + 'static,
    Answering: Future<Output = Answer> + Send + 'static,
{
    const VALUES: usize = 0;

    fn answer(self, call: Call, _: Vec<String>) -> BoxFuture<'static, Answer> {
        Box::pin(self(call))
    }
}

impl<F, Answering> EndpointHandler<(String,)> for F
where
    F: Fn(Call, String) -> Answering + Copy + Send + Sync + 'static,
    Answering: Future<Output = Answer> + Send + 'static,
{
    const VALUES: usize = 1;

    fn answer(self, call: Call, values: Vec<String>) -> BoxFuture<'static, Answer> {
        match <[String; 1]>::try_from(values) {
            Ok([value]) => Box::pin(self(call, value)),
            Err(_) => Box::pin(std::future::ready(Err(ApiError::unknown_path()))),
        }
    }
}

impl<F, Answering> EndpointHandler<(String, String)> for F
where
    F: Fn(Call, String, String) -> Answering + Copy + Send + Sync + 'static,
    Answering: Future<Output = Answer> + Send + 'static,
{
    const VALUES: usize = 2;

    fn answer(self, call: Call, values: Vec<String>) -> BoxFuture<'static, Answer> {
        match <[String; 2]>::try_from(values) {
            Ok([first, second]) => Box::pin(self(call, first, second)),
            Err(_) => Box::pin(std::future::ready(Err(ApiError::unknown_path()))),
        }
    }
}

/// The media type of a form that carries a file.
const FORM: &str = "multipart/form-data";

type BoxedHandler = Box<dyn Fn(Call, Vec<String>) -> BoxFuture<'static, Answer> + Send + Sync>;

/// A method at a path.
pub struct Endpoint {
    /// The path with names in the place of values (`{video_id}`).
    pub path: String,
    /// Its method.
    pub method: Method,
    /// Whether HEAD is answered as well: GET without the body.
    pub takes_head: bool,
    /// At what level successes are logged.
    pub log: LogLevel,
    /// The description of this operation alone, with the schemas that it names.
    pub description: OpenApi,
    caller: Caller,
    counted: Counted,
    /// A form may be large, so its client is likely to be sending still.
    takes_form: bool,
    handler: BoxedHandler,
}

impl Endpoint {
    /// The endpoint of a handler. Path and method are those of its description,
    /// which must hold exactly one operation; `caller` is added to it.
    pub fn new<Values, H: EndpointHandler<Values>>(
        mut description: OpenApi,
        handler: H,
        caller: Caller,
        counted: Counted,
        log: LogLevel,
    ) -> Endpoint {
        let mut path = String::new();
        let mut method = Method::GET;
        let mut takes_form = false;
        for (pattern, item) in &mut description.paths.paths {
            path.clone_from(pattern);
            for (name, operation) in operations(item) {
                method = name;
                takes_form = has_form(operation);
                operation.security = security(caller);
            }
        }
        debug_assert_eq!(H::VALUES, value_count(&path), "values of {path}");
        Endpoint {
            path,
            takes_head: method == Method::GET,
            method,
            log,
            description,
            caller,
            counted,
            takes_form,
            handler: Box::new(move |call, values| handler.answer(call, values)),
        }
    }

    /// The same endpoint without HEAD: its GET has effects.
    pub fn without_head(self) -> Endpoint {
        Endpoint { takes_head: false, ..self }
    }

    /// Checks the caller and runs the handler.
    ///
    /// # Errors
    /// Every answer that is no success.
    pub async fn answer(&self, mut call: Call, values: Vec<String>) -> Answer {
        if let Err(refused) = admit(&mut call, self.caller, self.counted).await {
            if self.takes_form {
                call.body.drain().await;
            }
            return Err(refused);
        }
        (self.handler)(call, values).await
    }
}

/// How many values a path has.
pub fn value_count(path: &str) -> usize {
    path.matches('{').count()
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn has_form(operation: &Operation) -> bool {
    match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key(FORM),
        Some(RefOr::Ref(_)) | None => false,
    }
}

/// The token that a caller needs, by its name in the description.
fn security(caller: Caller) -> Option<Vec<SecurityRequirement>> {
    let token = match caller {
        Caller::Anyone => return None,
        Caller::Login => "private",
        Caller::PublicToken => "public",
    };
    Some(vec![SecurityRequirement::new(token, [""; 0])])
}
