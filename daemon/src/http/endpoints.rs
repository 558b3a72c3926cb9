//! Every endpoint, one row each. Router, description (`/openapi.json`) and rate
//! limits follow from the rows.
//!
//! A new endpoint is a handler with its `#[utoipa::path]`, which says method and
//! path, and a row here, which says who may call it.

use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

use super::call::Call;
use super::endpoint::{Endpoint, LogLevel};
use super::error::Answer;
use super::guard::{Caller, Counted};
use super::route::Route;
use super::{account, encode, health, reply, video};

macro_rules! endpoints {
    ($($($handler:ident)::+ | $caller:ident | $counted:ident | $log:ident $($without:ident)?;)*) => {
        /// The rows, in order. For each one `utoipa` writes a description with
        /// that operation alone.
        fn rows() -> Vec<Endpoint> {
            vec![$({
                #[derive(OpenApi)]
                #[openapi(paths($($handler)::+))]
                struct Row;
                Endpoint::new(
                    Row::openapi(),
                    $($handler)::+,
                    Caller::$caller,
                    Counted::$counted,
                    LogLevel::$log,
                )
                $(.$without())?
            }),*]
        }
    };
}

endpoints! {
    // handler                         | who may call | counted as | log level
    video::status::status              | Login        | No         | Debug;
    encode::status::status             | Login        | No         | Debug;
    video::list::list                  | Login        | No         | Debug;

    video::save::save                  | PublicToken  | Save       | Info;
    video::stream::save_stream         | Anyone       | No         | Info without_head;
    video::stream::save_stream_by_post | Anyone       | No         | Info;
    video::download::download          | Login        | No         | Info;
    video::download::download_finished | Login        | No         | Info;
    video::formats::formats            | Login        | No         | Info;
    video::formats::resolutions        | Anyone       | Public     | Info;
    video::control::cancel             | Login        | No         | Info;
    video::control::retry              | Login        | No         | Info;
    video::control::delete             | Login        | No         | Info;

    encode::upload::upload             | Login        | No         | Info;
    encode::start::start               | Login        | No         | Info;
    encode::start::codecs              | Anyone       | No         | Info;
    encode::download::download         | Login        | No         | Info;
    encode::download::download_finished| Login        | No         | Info;
    video::control::cancel_encode      | Login        | No         | Info;

    account::password::register        | Anyone       | Login      | Info;
    account::password::change_password | Login        | Login      | Info;
    account::token::login              | Anyone       | Login      | Info;
    account::token::logout             | Login        | No         | Info;
    account::token::public_token       | Anyone       | Public     | Info;
    account::token::me                 | Login        | No         | Info;

    health::about                      | Anyone       | No         | Debug;
    health::health                     | Anyone       | No         | Debug;
    health::healthz                    | Anyone       | No         | Debug;
    health::readyz                     | Anyone       | No         | Debug;
    health::metrics                    | Anyone       | No         | Debug;
    document                           | Anyone       | No         | Debug;
}

/// All routes, and their description.
pub struct Interface {
    routes: Vec<Route>,
    /// OpenAPI 3.1, as JSON.
    description: Bytes,
}

/// The interface. It is built once, from the rows.
pub static INTERFACE: LazyLock<Interface> = LazyLock::new(|| {
    let endpoints = rows();
    let description = describe(&endpoints).to_json().map(Bytes::from).unwrap_or_default();
    Interface { routes: Route::group(endpoints), description }
});

impl Interface {
    /// The route of a path, and the values in it.
    pub fn find(&self, path: &str) -> Option<(&Route, Vec<String>)> {
        self.routes.iter().find_map(|route| Some((route, route.values(path)?)))
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "clipmill",
    description = "Save a span of a video, get exactly those frames.",
))]
struct Description;

/// Joins the descriptions of the endpoints.
fn describe(endpoints: &[Endpoint]) -> utoipa::openapi::OpenApi {
    let mut description = Description::openapi();
    for endpoint in endpoints {
        description.merge(endpoint.description.clone());
    }
    let components = description.components.get_or_insert_default();
    for (name, meaning) in
        [("private", "A token of a login"), ("public", "A token that can only save clips")]
    {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        scheme.description = Some(meaning.to_owned());
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    description
}

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
async fn document(_: Call) -> Answer {
    Ok(reply::typed(StatusCode::OK, "application/json", INTERFACE.description.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_path_and_method() {
        for endpoint in rows() {
            let path = endpoint.path.replace(['{', '}'], "");
            let found = INTERFACE.find(&path).and_then(|(route, _)| {
                route.endpoint(&endpoint.method).map(|found| found.path.as_str())
            });
            assert_eq!(found, Some(endpoint.path.as_str()));
        }
    }
}
