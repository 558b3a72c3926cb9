//! One request, as handlers see it. All methods of [`Call`] are here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clipmill_core::{Code, Id, Time};
use clipmill_storage::{LiveSession, Origin, Upload, Video};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};
use warp::{Filter, Rejection};

use super::body::Body;
use super::client;
use super::error::ApiError;
use crate::app::App;

/// The answer's text when there is no such clip.
pub const NO_VIDEO: &str = "Video not found";
/// The answer's text when there is no such upload.
pub const NO_ENCODE: &str = "Encode request not found";

/// The other end of the connection; the server puts it into each request.
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
    /// The address that sent it, as far as proxies are trusted.
    pub client: IpAddr,
    /// The login of its private token, where the endpoint wants one.
    pub login: Option<LiveSession>,
}

/// Takes what a handler may need out of a request.
pub fn call(app: Arc<App>) -> impl Filter<Extract = (Call,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::header::headers_cloned())
        .and(query)
        .and(warp::ext::optional::<Peer>())
        .and(warp::body::stream())
        .map(move |method, headers: HeaderMap, query, peer: Option<Peer>, body| {
            let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| peer.ip());
            Call {
                app: Arc::clone(&app),
                method,
                query,
                body: Body::new(body, headers.get(CONTENT_TYPE).cloned()),
                received: app.clock.now(),
                client: client::address(peer, &headers, &app.config.server.trusted_proxies),
                headers,
                login: None,
            }
        })
}

impl Call {
    /// The value of a query parameter; the first of several.
    pub fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The token in the `Authorization` header.
    ///
    /// # Errors
    /// 401 without one.
    pub fn token(&self) -> Result<&str, ApiError> {
        self.headers
            .get(AUTHORIZATION)
            .and_then(|header| header.to_str().ok())
            .and_then(bearer_token)
            .ok_or_else(|| ApiError::unauthorized(Code::MissingToken, "A token is required"))
    }

    /// The login that the private token belongs to.
    ///
    /// # Errors
    /// 401 where the endpoint wants no login.
    pub fn login(&self) -> Result<&LiveSession, ApiError> {
        let missing = || ApiError::unauthorized(Code::MissingToken, "A token is required");
        self.login.as_ref().ok_or_else(missing)
    }

    /// The record of this id, if it belongs to the login. `missing` is the text of
    /// the answer when there is none.
    ///
    /// # Errors
    /// 401 without a login, 404 when there is none, 403 when it is another's.
    pub async fn own_video(&self, id: &str, missing: &'static str) -> Result<Video, ApiError> {
        let user_id = self.login()?.user_id;
        let video = match id.parse::<Id>() {
            Ok(id) => self.app.storage.video(id).await?,
            Err(_) => None,
        };
        let video = video.ok_or_else(|| ApiError::not_found(Code::NotFound, missing))?;
        if video.user_id == user_id {
            Ok(video)
        } else {
            Err(ApiError::forbidden(Code::NotOwner, "This belongs to another user"))
        }
    }

    /// The upload of this id, if it belongs to the login.
    ///
    /// # Errors
    /// As [`Call::own_video`]; a clip counts as not there.
    pub async fn own_upload(&self, id: &str) -> Result<(Video, Upload), ApiError> {
        let video = self.own_video(id, NO_ENCODE).await?;
        match video.origin.clone() {
            Origin::Upload(upload) => Ok((video, upload)),
            Origin::Clip(_) => Err(ApiError::not_found(Code::NotFound, NO_ENCODE)),
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

/// The token in an `Authorization` header: after `Bearer` in any case, or the
/// bare token. None when there is nothing that could be one.
fn bearer_token(header: &str) -> Option<&str> {
    let header = header.trim();
    let token = match header.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        Some(_) => return None,
        None if header.eq_ignore_ascii_case("bearer") => return None,
        None => header,
    };
    let one_word = !token.is_empty() && !token.contains(char::is_whitespace);
    one_word.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_may_be_in_any_case_or_missing() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", "a.b.c"] {
            assert_eq!(bearer_token(header), Some("a.b.c"), "{header}");
        }
        for header in ["", "Bearer", "Bearer ", "Basic a.b.c", "Bearer a b"] {
            assert_eq!(bearer_token(header), None, "{header}");
        }
    }
}
