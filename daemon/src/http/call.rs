//! One request, as handlers see it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clipmill_core::{Id, Time};
use clipmill_storage::{LiveSession, Video};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use warp::{Filter, Rejection};

use super::body::Body;
use super::client;
use super::error::ApiError;
use crate::app::App;
use crate::auth::bearer;

/// Who is at the other end of the connection; put into each request by the
/// server.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// One request.
pub struct Call {
    /// What all requests share.
    pub app: Arc<App>,
    /// Its method.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its query, without the `?`.
    pub query: String,
    /// Its body.
    pub body: Body,
    /// When it came in.
    pub received: Time,
    /// Who sent it, as far as proxies are trusted.
    pub client: IpAddr,
}

/// Takes what a handler may need out of a request.
pub fn call(app: Arc<App>) -> impl Filter<Extract = (Call,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::header::headers_cloned())
        .and(query)
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .map(move |method, headers, query, peer: Option<Peer>, body| {
            let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| peer.ip());
            let client = client::address(peer, &headers, &app.config.server.trusted_proxies);
            let received = app.clock.now();
            let body = Body::of(body);
            Call { app: Arc::clone(&app), method, headers, query, body, received, client }
        })
}

impl Call {
    /// The value of a query parameter; the first of several.
    pub fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The token in the header.
    ///
    /// # Errors
    /// 401 without one.
    pub fn token(&self) -> Result<&str, ApiError> {
        self.headers
            .get(AUTHORIZATION)
            .and_then(|header| header.to_str().ok())
            .and_then(bearer)
            .ok_or_else(|| ApiError::unauthorized("missing_token", "A token is required"))
    }

    /// The login that the private token belongs to.
    ///
    /// # Errors
    /// 401 unless signature, time and session are good.
    pub async fn login(&self) -> Result<LiveSession, ApiError> {
        let token = self.token()?;
        let claims = self.app.tokens.check_private(token, self.received)?;
        let session = self.app.storage.session(token, self.received).await?;
        session
            .filter(|session| session.id == claims.session_id && session.user_id == claims.user_id)
            .ok_or_else(|| ApiError::unauthorized("session_ended", "This login has ended"))
    }

    /// The record of this id, if it belongs to who asks.
    ///
    /// # Errors
    /// 401 without a login, 404 when there is none, 403 when it is another's.
    pub async fn own_video(&self, id: &str, missing: &'static str) -> Result<Video, ApiError> {
        let login = self.login().await?;
        let video = match id.parse::<Id>() {
            Ok(id) => self.app.storage.video(id).await?,
            Err(_) => None,
        };
        let video = video.ok_or_else(|| ApiError::not_found("not_found", missing))?;
        if video.user_id == login.user_id {
            Ok(video)
        } else {
            Err(ApiError::forbidden("not_owner", "This belongs to another user"))
        }
    }

    /// Whether the client asked not to wait (`Prefer: respond-async`).
    pub fn prefers_async(&self) -> bool {
        self.headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|preference| {
                let name = preference.split(';').next().unwrap_or_default().trim();
                name.eq_ignore_ascii_case("respond-async")
            })
    }
}
