//! All paths.

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::call::Call;
use super::error::ApiError;
use super::route::{Answer, Route, at};
use super::{account, encode, health, openapi, video};
use crate::app::App;

macro_rules! table {
    ($($name:ident = $kind:ident($pattern:literal, $methods:literal);)*) => {
        $(static $name: Route = Route::$kind($pattern, $methods);)*
        /// Every documented path.
        pub static ALL: &[&Route] = &[$(&$name),*];
    };
}

table! {
    STATUS = polled("/api/video/status/{video_id}", "GET, HEAD");
    ENCODE_STATUS = polled("/api/encode/status/{encode_id}", "GET, HEAD");
    LIST = polled("/api/video/list", "GET, HEAD");
    DOWNLOAD = new("/api/video/download/{video_id}", "POST, GET, HEAD");
    ENCODE_DOWNLOAD = new("/api/encode/download/{encode_id}", "POST, GET, HEAD");
    SAVE = new("/api/video/save", "POST");
    SAVE_STREAM = new("/api/video/save/stream/{token}/{video_id}", "GET, POST");
    FORMATS = new("/api/video/formats/{video_id}", "GET, HEAD");
    RESOLUTIONS = new("/api/video/resolutions", "POST");
    CANCEL = new("/api/video/cancel/{video_id}", "POST");
    RETRY = new("/api/video/retry/{video_id}", "POST");
    UPLOAD = new("/api/encode/upload", "POST");
    START = new("/api/encode/start/{encode_id}", "POST");
    CODECS = new("/api/encode/codecs", "GET, HEAD");
    ENCODE_CANCEL = new("/api/encode/cancel/{encode_id}", "POST");
    REGISTER = new("/api/auth/register", "POST");
    LOGIN = new("/api/auth/login", "POST");
    LOGOUT = new("/api/auth/logout", "POST");
    CHANGE_PASSWORD = new("/api/auth/change-password", "POST");
    PUBLIC_TOKEN = new("/api/auth/token/public", "GET, HEAD");
    ME = new("/api/auth/me", "GET, HEAD");
    DELETE = new("/api/video/{video_id}", "DELETE");
    ABOUT = polled("/", "GET, HEAD");
    HEALTH = polled("/health", "GET, HEAD");
    HEALTHZ = polled("/healthz", "GET, HEAD");
    READYZ = polled("/readyz", "GET, HEAD");
    METRICS = polled("/metrics", "GET, HEAD");
    OPENAPI = polled("/openapi.json", "GET, HEAD");
}

/// Whatever is mistyped below `save/stream`.
static MISTYPED_STREAM: Route = Route::new("/api/video/save/stream/...", "");
/// Whatever else there is not.
static UNKNOWN: Route = Route::polled("(unknown)", "");

type Part = BoxedFilter<(Response,)>;

/// The whole interface as a filter.
pub fn routes(
    app: Arc<App>,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    router(&app)
}

/// As [`routes`], with a type that can be named. What is asked most comes first.
pub fn router(app: &Arc<App>) -> Part {
    let any_path = warp::any().and_then(|| async { Ok::<(), Rejection>(()) });
    let unknown = at(app, &UNKNOWN, any_path, unknown);
    let parts = [polled(app), videos(app), encodes(app), accounts(app), operation(app), unknown];
    joined(parts)
}

async fn unknown(_: Call, (): ()) -> Answer {
    Err(ApiError::unknown_path())
}

fn polled(app: &Arc<App>) -> Part {
    joined([
        at(app, &STATUS, warp::path!("api" / "video" / "status" / String), video::status::status),
        at(
            app,
            &ENCODE_STATUS,
            warp::path!("api" / "encode" / "status" / String),
            encode::status::status,
        ),
        at(app, &LIST, none(warp::path!("api" / "video" / "list")), video::list::list),
    ])
}

fn videos(app: &Arc<App>) -> Part {
    let stream = warp::path!("api" / "video" / "save" / "stream" / String / String)
        .map(|token, video| (token, video));
    let mistyped = warp::path!("api" / "video" / "save" / "stream" / ..);
    joined([
        at(
            app,
            &DOWNLOAD,
            warp::path!("api" / "video" / "download" / String),
            video::download::any_method,
        ),
        at(app, &SAVE, none(warp::path!("api" / "video" / "save")), video::save::save),
        at(app, &SAVE_STREAM, stream, video::stream::any_method),
        at(app, &MISTYPED_STREAM, none(mistyped), video::stream::unknown),
        at(
            app,
            &FORMATS,
            warp::path!("api" / "video" / "formats" / String),
            video::formats::formats,
        ),
        at(
            app,
            &RESOLUTIONS,
            none(warp::path!("api" / "video" / "resolutions")),
            video::resolutions::resolutions,
        ),
        at(app, &CANCEL, warp::path!("api" / "video" / "cancel" / String), video::cancel::cancel),
        at(app, &RETRY, warp::path!("api" / "video" / "retry" / String), video::retry::retry),
        at(app, &DELETE, warp::path!("api" / "video" / String), video::delete::delete),
    ])
}

fn encodes(app: &Arc<App>) -> Part {
    joined([
        at(
            app,
            &ENCODE_DOWNLOAD,
            warp::path!("api" / "encode" / "download" / String),
            encode::download::any_method,
        ),
        at(app, &UPLOAD, none(warp::path!("api" / "encode" / "upload")), encode::upload::upload),
        at(app, &START, warp::path!("api" / "encode" / "start" / String), encode::start::start),
        at(app, &CODECS, none(warp::path!("api" / "encode" / "codecs")), encode::codecs::codecs),
        at(
            app,
            &ENCODE_CANCEL,
            warp::path!("api" / "encode" / "cancel" / String),
            video::cancel::cancel_encode,
        ),
    ])
}

fn accounts(app: &Arc<App>) -> Part {
    joined([
        at(
            app,
            &REGISTER,
            none(warp::path!("api" / "auth" / "register")),
            account::register::register,
        ),
        at(app, &LOGIN, none(warp::path!("api" / "auth" / "login")), account::login::login),
        at(app, &LOGOUT, none(warp::path!("api" / "auth" / "logout")), account::login::logout),
        at(
            app,
            &CHANGE_PASSWORD,
            none(warp::path!("api" / "auth" / "change-password")),
            account::password::change_password,
        ),
        at(
            app,
            &PUBLIC_TOKEN,
            none(warp::path!("api" / "auth" / "token" / "public")),
            account::public_token::public_token,
        ),
        at(app, &ME, none(warp::path!("api" / "auth" / "me")), account::me::me),
    ])
}

fn operation(app: &Arc<App>) -> Part {
    joined([
        at(app, &ABOUT, none(warp::path::end()), health::about),
        at(app, &HEALTH, none(warp::path!("health")), health::health),
        at(app, &HEALTHZ, none(warp::path!("healthz")), health::healthz),
        at(app, &READYZ, none(warp::path!("readyz")), health::readyz),
        at(app, &METRICS, none(warp::path!("metrics")), health::metrics),
        at(app, &OPENAPI, none(warp::path!("openapi.json")), openapi::document),
    ])
}

/// A path of which nothing is extracted.
fn none<F>(path: F) -> impl Filter<Extract = ((),), Error = Rejection> + Clone + Send + Sync
where
    F: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
{
    path.map(|| ())
}

/// The first part that matches answers.
fn joined<const N: usize>(parts: [Part; N]) -> Part {
    let mut parts = parts.into_iter();
    let first = parts.next();
    let nothing = || warp::any().and_then(|| async { Err(warp::reject::not_found()) }).boxed();
    parts.fold(first.unwrap_or_else(nothing), |all, part| all.or(part).unify().boxed())
}
