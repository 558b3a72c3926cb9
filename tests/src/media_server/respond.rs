//! One request to one answer: status, headers, the part of the content that was asked for.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use http::header;
use hyper::body::Incoming as RequestBody;
use hyper::{Request, Response};

use super::body::{self, Body, Plan};
use super::content::{Content, Incoming, Source};
use super::range::{self, Wanted};
use super::state::{End, Orders, State, rate};
use super::stats::Seen;

/// Answers; an error ends the connection.
pub(super) async fn respond(
    state: Arc<State>,
    request: Request<RequestBody>,
) -> io::Result<Response<Body>> {
    let incoming = Incoming {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers: request.headers().clone(),
    };
    let orders = state.orders(&incoming.path);
    tokio::time::sleep(orders.behaviour.latency).await;
    let response = answer(&state, &incoming, orders).unwrap_or_else(|error| {
        let mut response = Response::new(body::empty());
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        if let Ok(reason) = error.to_string().parse() {
            response.headers_mut().insert("x-test-server-error", reason);
        }
        response
    });
    state.saw(
        &incoming.path,
        Seen {
            at: std::time::Instant::now(),
            method: incoming.method.clone(),
            target: request.uri().to_string(),
            range: text(&incoming, header::RANGE).map(str::to_owned),
            headers: incoming.headers.clone(),
            status: response.status().as_u16(),
        },
    );
    Ok(response)
}

fn answer(
    state: &Arc<State>,
    incoming: &Incoming,
    orders: Orders,
) -> Result<Response<Body>, Box<dyn std::error::Error>> {
    if let Some((status, retry_after)) = orders.refuse {
        let response = Response::builder().status(status);
        let response = match retry_after {
            Some(seconds) => response.header(header::RETRY_AFTER, seconds),
            None => response,
        };
        return Ok(response.body(body::empty())?);
    }
    if orders.behaviour.at_most.is_some_and(|most| state.ledger().under_way(&incoming.path) >= most)
    {
        return status(503);
    }
    if let Some(url) = &orders.behaviour.redirect {
        let response = Response::builder().status(302).header(header::LOCATION, url);
        return Ok(response.body(body::empty())?);
    }
    let content = match orders.changed {
        Some(ref file) => Some(Content::file(file)),
        None => state.content(incoming),
    };
    let Some(content) = content else { return status(404) };
    let Ok((length, mut tag)) = measure(&content.source) else { return status(404) };
    if let (Some(fixed), None) = (&orders.behaviour.etag, &orders.changed) {
        tag = format!("\"{fixed}\"");
    }
    if text(incoming, header::IF_MATCH).is_some_and(|wanted| wanted != tag && wanted != "*") {
        return status(412);
    }
    send(state, incoming, &orders, content, length, &tag)
}

/// The content or the part that was asked for, with the faults of `orders`.
fn send(
    state: &Arc<State>,
    incoming: &Incoming,
    orders: &Orders,
    content: Content,
    length: u64,
    tag: &str,
) -> Result<Response<Body>, Box<dyn std::error::Error>> {
    let behaviour = &orders.behaviour;
    let ranged = !behaviour.without_ranges && content.status == 200;
    // A part of something else than the client began with is no use to it: it gets everything.
    let same = text(incoming, header::IF_RANGE).is_none_or(|wanted| wanted == tag);
    let wanted = match text(incoming, header::RANGE) {
        asked if ranged && same => range::parse(asked, length),
        _ => Wanted::Everything,
    };
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, &content.kind)
        .header(header::ETAG, tag)
        .header(header::ACCEPT_RANGES, if ranged { "bytes" } else { "none" });
    for (name, value) in &content.headers {
        response = response.header(name, value);
    }
    let (first, size) = match wanted {
        Wanted::Outside => {
            response = response.header(header::CONTENT_RANGE, format!("bytes */{length}"));
            return Ok(response.status(416).body(body::empty())?);
        }
        Wanted::Part { first, last } => {
            let part = format!("bytes {first}-{last}/{length}");
            response = response.status(206).header(header::CONTENT_RANGE, part);
            (first, last - first + 1)
        }
        Wanted::Everything => {
            response = response.status(content.status);
            (0, length)
        }
    };
    let announced = size.saturating_add_signed(behaviour.length_error);
    response = response.header(header::CONTENT_LENGTH, announced);
    if incoming.method == "HEAD" {
        return Ok(response.body(body::empty())?);
    }
    // What is announced beyond the content never comes: the connection closes instead.
    let missing = (announced > size).then_some((size, End::Drop));
    let body = body::paced(
        Arc::clone(state),
        Plan {
            source: content.source,
            first,
            // Not a byte more than announced: the connection's next answer would begin with it.
            length: size.min(announced),
            bytes_per_second: rate(behaviour, size),
            fault: state.fault(&incoming.path, size.min(announced)).or(missing),
            path: incoming.path.clone(),
        },
    )?;
    Ok(response.body(body)?)
}

fn status(status: u16) -> Result<Response<Body>, Box<dyn std::error::Error>> {
    Ok(Response::builder().status(status).body(body::empty())?)
}

fn text(incoming: &Incoming, name: header::HeaderName) -> Option<&str> {
    incoming.headers.get(name)?.to_str().ok()
}

/// Length and ETag. Generated content has an ETag too: from its length and a sum of its bytes.
fn measure(source: &Source) -> io::Result<(u64, String)> {
    match source {
        Source::Memory(bytes) => {
            let sum = bytes
                .iter()
                .fold(5381_u64, |sum, byte| sum.wrapping_mul(33).wrapping_add(u64::from(*byte)));
            Ok((bytes.len() as u64, format!("\"{:x}-{sum:x}\"", bytes.len())))
        }
        Source::File(path) => measure_file(path),
    }
}

fn measure_file(path: &Path) -> io::Result<(u64, String)> {
    let metadata = std::fs::metadata(path)?;
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((metadata.len(), format!("\"{:x}-{:x}\"", metadata.len(), changed.as_nanos())))
}
