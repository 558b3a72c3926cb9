//! Where a remote file is now, and that it stays the same file.
//!
//! Where an address redirects to is remembered while it works; an address that
//! has expired is renewed once. Every answer must be of the version of the file
//! that the first one was of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use clipmill_core::net::Response;
use clipmill_core::{Code, Error, Retry};
use futures_util::future::BoxFuture;
use url::Url;

use crate::fetch::context::Means;
use crate::fetch::transfer::range_request::{Refusal, Remote, ask, changed, tag};

/// How much of a file's beginning is compared after a fresh address came.
const COMPARED: usize = 16 * 1024;
/// Headers that stay with the origin that they were meant for.
const SECRET: [&str; 2] = ["authorization", "cookie"];

/// Asks the source for a fresh address of the same file.
pub(crate) type Renew = Arc<dyn Fn() -> BoxFuture<'static, Result<Remote, Error>> + Send + Sync>;

/// A file's address.
pub(crate) struct Address {
    /// What requests are made with.
    pub means: Arc<Means>,
    renew: Renew,
    /// Held while a fresh address is asked for.
    renewing: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    remote: Remote,
    /// Where it redirected to.
    last: Option<Remote>,
    renewed: bool,
    version: Option<Version>,
}

/// What tells a file from another one, or from an older one.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// Bytes of the whole file.
    pub size: u64,
    /// The server's own mark.
    pub tag: Option<String>,
    /// Its first bytes, as far as they are known.
    pub head: Bytes,
}

impl Address {
    /// An address at which nothing was asked yet.
    pub fn new(means: Arc<Means>, remote: Remote, renew: Renew) -> Address {
        let state = State { remote, last: None, renewed: false, version: None };
        let (renewing, state) = (tokio::sync::Mutex::new(()), Mutex::new(state));
        Address { means, renew, renewing, state }
    }

    /// From now on only this version of the file is the right one.
    pub fn pin(&self, version: Version) {
        self.state().version = Some(version);
    }

    /// The pinned version begins with these bytes.
    pub fn begins(&self, head: Bytes) {
        if let Some(version) = &mut self.state().version {
            version.head = head;
        }
    }

    /// Asks for the bytes `from..=to`: status 206 and a range that begins
    /// there, or status 200 where nothing is pinned yet.
    ///
    /// # Errors
    /// Those of sources; `source_failed` when the file is another one now.
    pub async fn open(&self, from: u64, to: u64) -> Result<Response, Error> {
        self.means.lanes.calm().await;
        let (remote, last) = {
            let state = self.state();
            (state.remote.clone(), state.last.clone())
        };
        if let Some(last) = last {
            match self.ask(&last, from, to).await {
                Ok(response) => return self.same(response, from),
                Err(Refusal::Busy(error)) => return Err(error),
                Err(Refusal::Other(error)) if error.retry != Retry::Never => {
                    self.forget(&last);
                    return Err(error);
                }
                // The address itself may lead elsewhere now.
                Err(Refusal::Expired(_) | Refusal::Other(_)) => self.forget(&last),
            }
        }
        match self.ask(&remote, from, to).await {
            Ok(response) => {
                self.remember(&remote, response.url());
                self.same(response, from)
            }
            Err(Refusal::Busy(error) | Refusal::Other(error)) => Err(error),
            Err(Refusal::Expired(error)) => {
                let fresh = self.renewed(&remote, error).await?;
                let response = self.ask(&fresh, from, to).await.map_err(Refusal::into_error)?;
                self.remember(&fresh, response.url());
                self.same(response, from)
            }
        }
    }

    async fn ask(&self, remote: &Remote, from: u64, to: u64) -> Result<Response, Refusal> {
        let limit = self.means.lanes.limit();
        let asked = ask(&self.means.client, remote, from, to).await;
        if let Err(Refusal::Busy(error)) = &asked {
            let wait = match error.retry {
                Retry::After(wait) => wait,
                Retry::Later | Retry::Never => std::time::Duration::ZERO,
            };
            self.means.lanes.fewer(limit, wait);
        }
        asked
    }

    /// A fresh address, which another request may have got meanwhile.
    async fn renewed(&self, old: &Remote, error: Error) -> Result<Remote, Error> {
        let _turn = self.renewing.lock().await;
        {
            let mut state = self.state();
            if state.remote != *old {
                return Ok(state.remote.clone());
            }
            if std::mem::replace(&mut state.renewed, true) {
                return Err(error);
            }
        }
        let fresh = (self.renew)().await?;
        if fresh == *old {
            return Err(error);
        }
        let known = self.state().version.clone();
        let tag = match &known {
            Some(version) => Some(self.compare(&fresh, version).await?),
            None => None,
        };
        let mut state = self.state();
        (state.remote, state.last) = (fresh.clone(), None);
        if let Some((version, tag)) = state.version.as_mut().zip(tag) {
            version.tag = tag;
        }
        Ok(fresh)
    }

    /// Whether a fresh address leads to the same file. It may be at another
    /// server, whose mark is returned.
    async fn compare(&self, fresh: &Remote, version: &Version) -> Result<Option<String>, Error> {
        let head = version.head.get(..version.head.len().min(COMPARED)).unwrap_or_default();
        let last = (head.len() as u64).max(1) - 1;
        let response = self.ask(fresh, 0, last).await.map_err(Refusal::into_error)?;
        let (size, tag) = (response.total_size(), tag(&response));
        let here = response.content_range().is_some_and(|(first, ..)| first == 0);
        if !here || size.is_some_and(|size| size != version.size) {
            return Err(changed());
        }
        let bytes = response.bytes(COMPARED).await.map_err(Error::from)?;
        self.means.budget.take(bytes.len())?;
        if bytes.starts_with(head) { Ok(tag) } else { Err(changed()) }
    }

    /// Refuses parts of another file than the pinned one.
    fn same(&self, response: Response, from: u64) -> Result<Response, Error> {
        let state = self.state();
        let Some(version) = &state.version else { return Ok(response) };
        if response.status() != 206 {
            return Err(Error::later(
                Code::SourceFailed,
                "the server stopped to serve parts of the file",
            ));
        }
        let here = response.content_range().is_some_and(|(first, ..)| first == from);
        let size = response.total_size().is_none_or(|size| size == version.size);
        let tag = tag(&response);
        if here && size && (tag.is_none() || tag == version.tag) {
            return Ok(response);
        }
        Err(changed())
    }

    fn remember(&self, remote: &Remote, answered: &Url) {
        if *answered == remote.url {
            return;
        }
        let mut headers: BTreeMap<String, String> = remote.headers.clone();
        if answered.origin() != remote.url.origin() {
            headers.retain(|name, _| !SECRET.contains(&name.to_ascii_lowercase().as_str()));
        }
        let mut state = self.state();
        if state.remote == *remote {
            state.last = Some(Remote { url: answered.clone(), headers });
        }
    }

    fn forget(&self, last: &Remote) {
        let mut state = self.state();
        if state.last.as_ref() == Some(last) {
            state.last = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
