//! Requests, and the redirects that they meet.

use std::collections::BTreeMap;
use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use ipnet::IpNet;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, header, redirect};
use tokio::time::Instant;
use url::{Host, Url};

use super::error::{self, Refused};
use super::recent::Recent;
use super::resolver::Resolver;
use super::{Guard, Response, Text, headers};
use crate::{ByteRange, Code, Error};

/// Longest chain of redirects.
const MAX_REDIRECTS: usize = 10;

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Networks that are open beside the public Internet.
    pub allow: Vec<IpNet>,
    /// Longest wait for name, connection and TLS together.
    pub connect_timeout: Duration,
    /// Longest wait for the head of a response, connection included.
    pub response_timeout: Duration,
    /// Longest pause within a body.
    pub idle_timeout: Duration,
    /// Longest time for a whole body.
    pub total_timeout: Duration,
    /// Sent where a source names no other.
    pub user_agent: String,
}

impl Default for ClientSettings {
    fn default() -> ClientSettings {
        ClientSettings {
            allow: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(6 * 3600),
            user_agent: concat!("clipmill/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// A request of a caller that may reach some hosts only.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// GET, HEAD or POST.
    pub method: Method,
    /// Where to.
    pub url: &'a Url,
    /// Headers beside the client's own.
    pub headers: &'a BTreeMap<String, String>,
    /// The body of a POST.
    pub body: Bytes,
}

/// The guarded client. Clones share one pool of connections, and what is kept.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    resolver: Resolver,
    settings: ClientSettings,
    recent: Recent,
}

impl Client {
    /// A client with these settings. Where the system has no root
    /// certificates, HTTPS fails and HTTP works; the log says so.
    ///
    /// # Errors
    /// `source_failed` when the TLS library can't be set up or the user agent
    /// is not a header value.
    pub fn new(settings: ClientSettings) -> Result<Client, Error> {
        install_tls_provider();
        let guard = Guard::new(settings.allow.clone());
        let resolver = Resolver { guard };
        let builder = || {
            reqwest::Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .referer(false)
                .connect_timeout(settings.connect_timeout)
                .user_agent(&settings.user_agent)
                .dns_resolver(resolver.clone())
        };
        let inner = builder().build().or_else(|error| {
            tracing::warn!(?error, "no usable root certificates, so no https");
            builder().tls_certs_only([]).build()
        });
        match inner {
            Ok(inner) => Ok(Client { inner, resolver, settings, recent: Recent::default() }),
            Err(error) => {
                tracing::error!(?error, "the HTTP client can't be set up");
                Err(Error::never(Code::SourceFailed, "the HTTP client can't be set up"))
            }
        }
    }

    /// What the client may connect to.
    pub fn guard(&self) -> &Guard {
        &self.resolver.guard
    }

    /// Checks an address as a request would, up to the connection: its form,
    /// and that its host has a permitted address. For tools that connect by
    /// themselves; what they really connect to is out of reach.
    ///
    /// # Errors
    /// `unsupported_url`, `address_refused` or `source_unreachable`.
    pub async fn check_host(&self, url: &Url) -> Result<(), Error> {
        self.guard().check(url)?;
        if let Some(Host::Domain(name)) = url.host() {
            self.resolver.lookup(name).await.map_err(|error| {
                if error.is::<Refused>() {
                    error::refused(name)
                } else {
                    Error::later(Code::SourceUnreachable, format!("{name} could not be found"))
                }
            })?;
        }
        Ok(())
    }

    /// Gets an address, or a range of its bytes, which must not be empty.
    ///
    /// - Follows up to 10 redirects; each hop is checked like the first, and
    ///   `Authorization` and `Cookie` stay with their origin.
    /// - `Host`, `Range` and other headers that are the client's own business
    ///   are ignored in `headers`.
    /// - Any status but a followed redirect is a response, not an error;
    ///   [`Response::ok`] tells them apart.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn get(
        &self,
        url: &Url,
        headers: &BTreeMap<String, String>,
        range: Option<ByteRange>,
    ) -> Result<Response, Error> {
        let prepared = headers::prepare(headers, range)?;
        self.send(Method::GET, url, prepared, Bytes::new(), &|_| Ok(())).await
    }

    /// Keeps a whole small file for a moment, for a caller that would make the same
    /// request right after.
    pub fn keep(&self, url: &Url, headers: &BTreeMap<String, String>, text: Text) {
        self.recent.keep(url, headers, text);
    }

    /// What was kept for this very request less than a moment ago, once.
    pub fn kept(&self, url: &Url, headers: &BTreeMap<String, String>) -> Option<Text> {
        self.recent.take_recent(url, headers)
    }

    /// Asks for the head alone; otherwise like [`Client::get`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn head(
        &self,
        url: &Url,
        headers: &BTreeMap<String, String>,
    ) -> Result<Response, Error> {
        let prepared = headers::prepare(headers, None)?;
        self.send(Method::HEAD, url, prepared, Bytes::new(), &|_| Ok(())).await
    }

    /// Sends a request whose address, and that of every redirect, `may` permits
    /// beside the guard. A redirected POST becomes a GET where the server's
    /// status says so (RFC 9110, section 15.4); otherwise like [`Client::get`].
    ///
    /// # Errors
    /// [`Error`], also that of `may`.
    pub async fn request(
        &self,
        request: Outgoing<'_>,
        may: &(dyn Fn(&Url) -> Result<(), Error> + Send + Sync),
    ) -> Result<Response, Error> {
        let headers = headers::prepare(request.headers, None)?;
        self.send(request.method, request.url, headers, request.body, may).await
    }

    async fn send(
        &self,
        mut method: Method,
        url: &Url,
        mut headers: HeaderMap,
        mut body: Bytes,
        may: &(dyn Fn(&Url) -> Result<(), Error> + Send + Sync),
    ) -> Result<Response, Error> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.guard().check(&url)?;
            may(&url)?;
            let host = url.host_str().unwrap_or_default().to_owned();
            let request = self.inner.request(method.clone(), url.clone()).headers(headers.clone());
            let request = match method {
                Method::POST => request.body(body.clone()),
                _ => request,
            };
            let response = tokio::time::timeout(self.settings.response_timeout, request.send())
                .await
                .map_err(|_| {
                    Error::later(Code::SourceTimeout, format!("{host} did not answer in time"))
                })?
                .map_err(|error| error::from_reqwest(error, &host))?;
            let Some(next) = redirect_of(&response, &url)? else {
                let deadline = Instant::now() + self.settings.total_timeout;
                return Ok(Response::new(response, url, self.settings.idle_timeout, deadline));
            };
            let keeps = matches!(
                response.status(),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            );
            if method == Method::POST && !keeps {
                (method, body) = (Method::GET, Bytes::new());
                headers.remove(header::CONTENT_TYPE);
            }
            headers::on_redirect(&mut headers, &url, &next);
            url = next;
        }
        Err(Error::never(Code::SourceFailed, "the address redirects too often"))
    }
}

/// Where a response sends us, if it does.
fn redirect_of(response: &reqwest::Response, url: &Url) -> Result<Option<Url>, Error> {
    if !matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    ) {
        return Ok(None);
    }
    response
        .headers()
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| url.join(location).ok())
        .map(Some)
        .ok_or_else(|| Error::never(Code::SourceFailed, "the address redirects to nowhere"))
}

/// TLS wants one provider of cryptography in the process.
fn install_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that a provider is installed already; that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
