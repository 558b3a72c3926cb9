//! The guarded HTTP client, as far as a plugin may use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use clipmill_core::net::{self, Outgoing};
use clipmill_core::{Code, Error};
use tokio::task::JoinSet;
use url::Url;

use super::super::bindings::http::{Host, HttpError, Method, Request, Response};
use super::super::bindings::types::Header;
use super::super::context::Context;
use super::super::identity::Identity;

/// Most requests of one call.
const REQUESTS: u32 = 64;
/// Most bytes of all bodies that one call receives.
const RECEIVED: u64 = 64 * 1024 * 1024;
/// Largest body of a POST, bytes.
const SENT: usize = 1024 * 1024;
/// Longest address, bytes.
const ADDRESS: usize = 8192;
/// Most headers of a request.
const HEADERS: usize = 64;
/// Most bytes of names and values of headers, either way.
const HEADER_BYTES: usize = 32 * 1024;

impl Host for Context {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, HttpError>> {
        self.count()?;
        let Some(until) = self.limits.network else {
            let told = "there is no network in this call".to_owned();
            return Ok(Err(HttpError::Refused(told)));
        };
        if self.spent.requests >= REQUESTS {
            let told = format!("one call may send {REQUESTS} requests");
            return Ok(Err(HttpError::Exhausted(told)));
        }
        self.spent.requests += 1;
        let left = RECEIVED.saturating_sub(self.spent.received_bytes);
        let most = self.plugin.wants.body_bytes().min(usize::try_from(left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(Err(HttpError::Exhausted(format!("one call may receive {RECEIVED} bytes"))));
        }
        // Connections belong to the threads of those who serve, where no guest
        // can keep them waiting.
        let mut task = JoinSet::new();
        task.spawn_on(exchange(Arc::clone(&self.plugin), request, most), &self.plugin.home);
        let answer = match tokio::time::timeout_at(until.into(), task.join_next()).await {
            Ok(Some(Ok(answer))) => answer,
            Ok(Some(Err(_)) | None) => {
                Err(HttpError::Unreachable("the request was ended".to_owned()))
            }
            Err(_) => Err(HttpError::Timeout("the time of this call is nearly over".to_owned())),
        };
        self.waited = true;
        if let Ok(response) = &answer {
            self.spent.received_bytes += response.body.len() as u64;
        }
        Ok(answer)
    }
}

async fn exchange(
    plugin: Arc<Identity>,
    request: Request,
    most: usize,
) -> Result<Response, HttpError> {
    if request.url.len() > ADDRESS {
        return Err(HttpError::Invalid(format!("an address has at most {ADDRESS} bytes")));
    }
    let url = Url::parse(&request.url)
        .map_err(|error| HttpError::Invalid(format!("{:?} is no address: {error}", request.url)))?;
    let headers = headers(&request)?;
    if request.body.len() > SENT {
        return Err(HttpError::Invalid(format!("a body has at most {SENT} bytes")));
    }
    let (method, body) = match request.method {
        Method::Get => (net::Method::GET, Vec::new()),
        Method::Head => (net::Method::HEAD, Vec::new()),
        Method::Post => (net::Method::POST, request.body),
    };
    let outgoing = Outgoing { method, url: &url, headers: &headers, body: body.into() };
    let may = |url: &Url| match plugin.grants.permit(url) {
        true => Ok(()),
        false => {
            let host = url.host_str().unwrap_or_default();
            Err(Error::never(
                Code::AddressRefused,
                format!("{host} is not among the hosts that this plugin is granted"),
            ))
        }
    };
    let response = plugin.client.request(outgoing, &may).await.map_err(explain)?;
    let (status, url) = (response.status(), response.url().to_string());
    let headers = told(response.headers());
    let body = response.bytes(most).await.map_err(explain)?;
    Ok(Response { status, url, headers, body })
}

fn headers(request: &Request) -> Result<BTreeMap<String, String>, HttpError> {
    let bytes: usize = request.headers.iter().map(|h| h.name.len() + h.value.len()).sum();
    if request.headers.len() > HEADERS || bytes > HEADER_BYTES {
        return Err(HttpError::Invalid(format!(
            "a request has at most {HEADERS} headers of {HEADER_BYTES} bytes"
        )));
    }
    let pairs = request.headers.iter().map(|h| (h.name.to_ascii_lowercase(), h.value.clone()));
    Ok(pairs.collect())
}

/// The headers of an answer, as many as a guest may see.
fn told(headers: &reqwest::header::HeaderMap) -> Vec<Header> {
    let mut left = HEADER_BYTES;
    let mut told = Vec::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let Some(rest) = left.checked_sub(name.as_str().len() + value.len()) else { break };
        left = rest;
        told.push(Header { name: name.as_str().to_owned(), value });
    }
    told
}

fn explain(error: Error) -> HttpError {
    let message = error.message;
    match error.code {
        Code::AddressRefused => HttpError::Refused(message),
        Code::UnsupportedUrl | Code::SourceFailed => HttpError::Invalid(message),
        Code::TooLarge => HttpError::TooLarge(message),
        Code::SourceTimeout => HttpError::Timeout(message),
        _ => HttpError::Unreachable(message),
    }
}
