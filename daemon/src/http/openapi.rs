//! The description of the interface: `/openapi.json`, generated from the
//! handlers.

use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::call::Call;
use super::route::Answer;
use super::{account, encode, health, reply, video};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "clipmill",
        description = "Save a span of a video, get exactly those frames.",
    ),
    paths(
        account::register::register,
        account::login::login,
        account::login::logout,
        account::password::change_password,
        account::public_token::public_token,
        account::me::me,
        video::save::save,
        video::stream::save_stream,
        video::stream::save_stream_by_post,
        video::download::download,
        video::download::download_finished,
        video::status::status,
        video::list::list,
        video::formats::formats,
        video::resolutions::resolutions,
        video::cancel::cancel,
        video::cancel::cancel_encode,
        video::retry::retry,
        video::delete::delete,
        encode::upload::upload,
        encode::start::start,
        encode::status::status,
        encode::download::download,
        encode::download::download_finished,
        encode::codecs::codecs,
        health::about,
        health::health,
        health::healthz,
        health::readyz,
        health::metrics,
        document,
    ),
    modifiers(&Tokens),
)]
struct Interface;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, interface: &mut utoipa::openapi::OpenApi) {
        let components = interface.components.get_or_insert_default();
        for (name, description) in
            [("private", "A token of a login"), ("public", "A token that can only save clips")]
        {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.bearer_format = Some("JWT".to_owned());
            scheme.description = Some(description.to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| Interface::openapi().to_json().map(Bytes::from).unwrap_or_default());

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub async fn document(_: Call, (): ()) -> Answer {
    Ok(reply::typed(StatusCode::OK, "application/json", DOCUMENT.clone()))
}
