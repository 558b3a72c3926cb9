//! What was asked, and what a test wants to go wrong.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use s3s::service::S3Service;
use s3s::{Body, HttpError, HttpRequest, HttpResponse};
use tokio::sync::Notify;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// A whole object is written.
    Put,
    /// A multipart upload begins.
    Begin,
    /// One part of it.
    Part,
    /// Its parts are joined.
    Join,
    /// It is given up.
    Abort,
    /// An object is read.
    Get,
    /// An object is looked at.
    Head,
    /// An object is removed.
    Delete,
    /// Objects are listed.
    List,
}

/// What one kind of request has met, and will meet.
#[derive(Debug, Default, Clone, Copy)]
struct Lot {
    count: usize,
    fail: usize,
    stall: usize,
    lose: usize,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Faults {
    state: Mutex<State>,
    /// Told when the service goes away.
    leaving: Notify,
}

#[derive(Debug, Default)]
struct State {
    lots: HashMap<Asked, Lot>,
    /// After how many bytes, and how often.
    cut: (u64, usize),
    is_away: bool,
}

enum Fate {
    Answer,
    Cut(u64),
    Fail,
    Stall,
    Lose,
}

impl Faults {
    pub fn count(&self, asked: Asked) -> usize {
        self.state().lots.get(&asked).map_or(0, |lot| lot.count)
    }

    pub fn fail(&self, asked: Asked, times: usize) {
        self.state().lots.entry(asked).or_default().fail = times;
    }

    pub fn stall(&self, asked: Asked, times: usize) {
        self.state().lots.entry(asked).or_default().stall = times;
    }

    pub fn lose(&self, asked: Asked, times: usize) {
        self.state().lots.entry(asked).or_default().lose = times;
    }

    pub fn cut(&self, after: u64, times: usize) {
        self.state().cut = (after, times);
    }

    pub fn away(&self, is_away: bool) {
        self.state().is_away = is_away;
        self.leaving.notify_waiters();
    }

    pub fn behave_well(&self) {
        let mut state = self.state();
        state.cut = (0, 0);
        state.is_away = false;
        for lot in state.lots.values_mut() {
            *lot = Lot { count: lot.count, ..Lot::default() };
        }
    }

    /// Ends when the service is away.
    pub async fn gone(&self) {
        loop {
            let leaving = self.leaving.notified();
            if self.state().is_away {
                return;
            }
            leaving.await;
        }
    }

    /// Answers a request as the test wants it.
    pub async fn answer(
        &self,
        service: &S3Service,
        request: HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        if self.state().is_away {
            // It arrived in the moment in which its connection is about to be closed.
            std::future::pending::<()>().await;
        }
        match self.fate(asked(&request)) {
            Fate::Answer => service.call(request).await,
            Fate::Cut(after) => Ok(service.call(request).await?.map(|body| cut(body, after))),
            Fate::Fail => {
                // A client that is still sending hears the answer when it is done.
                let _ = BodyExt::collect(request.into_body()).await;
                Ok(slow_down())
            }
            Fate::Stall => std::future::pending().await,
            Fate::Lose => service.call(request).await.map(|_| slow_down()),
        }
    }

    fn fate(&self, asked: Option<Asked>) -> Fate {
        let mut state = self.state();
        let Some(asked) = asked else { return Fate::Answer };
        let lot = state.lots.entry(asked).or_default();
        lot.count += 1;
        if lot.fail > 0 {
            lot.fail -= 1;
            return Fate::Fail;
        }
        if lot.stall > 0 {
            lot.stall -= 1;
            return Fate::Stall;
        }
        if lot.lose > 0 {
            lot.lose -= 1;
            return Fate::Lose;
        }
        if asked == Asked::Get && state.cut.1 > 0 {
            state.cut.1 -= 1;
            return Fate::Cut(state.cut.0);
        }
        Fate::Answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn asked(request: &HttpRequest) -> Option<Asked> {
    let query = request.uri().query().unwrap_or_default();
    let names: Vec<&str> =
        query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name)).collect();
    let has = |name: &str| names.contains(&name);
    let method = request.method();
    Some(match (method, has("uploadId"), has("uploads"), has("list-type")) {
        (&Method::PUT, true, ..) => Asked::Part,
        (&Method::PUT, ..) => Asked::Put,
        (&Method::POST, true, ..) => Asked::Join,
        (&Method::POST, _, true, _) => Asked::Begin,
        (&Method::DELETE, true, ..) => Asked::Abort,
        (&Method::DELETE, ..) => Asked::Delete,
        (&Method::GET, _, _, true) => Asked::List,
        (&Method::GET, ..) => Asked::Get,
        (&Method::HEAD, ..) => Asked::Head,
        _ => return None,
    })
}

fn slow_down() -> HttpResponse {
    let text = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code>\
                <Message>Please reduce your request rate.</Message></Error>";
    let mut response = Response::new(Body::from(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

/// A body that breaks off.
fn cut(body: Body, after: u64) -> Body {
    let pieces = body.into_data_stream().boxed();
    let cut = stream::try_unfold((pieces, after), |(mut pieces, left)| async move {
        let broken = || std::io::Error::other("a test cuts this off");
        match pieces.next().await {
            _ if left == 0 => Err(broken()),
            Some(Ok(piece)) => {
                let length = left.min(piece.len() as u64);
                let piece = piece.slice(..length as usize);
                Ok(Some((Frame::data(piece), (pieces, left - length))))
            }
            Some(Err(_)) => Err(broken()),
            None => Ok(None),
        }
    });
    Body::http_body_unsync(StreamBody::new(cut))
}
