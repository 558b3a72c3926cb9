//! Where a remote file is now, and that it stays the same file.
//!
//! Where an address redirects to is remembered while it works; an address that
//! has expired is renewed once. Every response must be of the version of the file
//! that the first one was of (RFC 9110, 8.8).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clipmill_core::net::{ContentRange, Response};
use clipmill_core::{ByteRange, Code, Error, lock};
use futures_util::future::BoxFuture;
use url::Url;

use super::context::TransferContext;
use super::range_request::{Refusal, RemoteAddress, file_changed, ranges_ignored, request_range};

/// How many of a file's first bytes are compared after its address was renewed.
const COMPARED: usize = 16 * 1024;
/// Headers that stay with the origin that they were meant for.
const SECRET: [&str; 2] = ["authorization", "cookie"];

/// Asks the source for a fresh address of the same file.
pub type RenewAddress =
    Arc<dyn Fn() -> BoxFuture<'static, Result<RemoteAddress, Error>> + Send + Sync>;

/// Where the bytes of one file come from.
pub struct FileOrigin {
    /// What requests are made with.
    pub transfer: Arc<TransferContext>,
    renew: RenewAddress,
    /// Held while the source is asked for a fresh address.
    renewing: tokio::sync::Mutex<()>,
    state: Mutex<OriginState>,
}

struct OriginState {
    address: RemoteAddress,
    /// Where it redirected to.
    redirected: Option<RemoteAddress>,
    is_renewed: bool,
    version: Option<FileVersion>,
}

/// What identifies a file and its state.
#[derive(Debug, Clone)]
struct FileVersion {
    /// Bytes of the whole file.
    size: u64,
    /// The server's entity tag, or the time of the last change.
    tag: Option<String>,
    /// The file's first bytes, as far as they are known.
    head: Bytes,
}

impl FileOrigin {
    /// An address from which nothing was requested yet.
    pub fn new(
        transfer: Arc<TransferContext>,
        address: RemoteAddress,
        renew: RenewAddress,
    ) -> FileOrigin {
        let state = OriginState { address, redirected: None, is_renewed: false, version: None };
        let (renewing, state) = (tokio::sync::Mutex::new(()), Mutex::new(state));
        FileOrigin { transfer, renew, renewing, state }
    }

    /// Pins the file to the version that a response to a request for its first
    /// bytes (206) is of, and returns its size in bytes. All later responses must
    /// be of this version.
    ///
    /// # Errors
    /// `source_failed` when the server does not state the size.
    pub(super) fn pin(&self, first: &Response) -> Result<u64, Error> {
        let Some(ContentRange { range: ByteRange { offset: 0, .. }, size: Some(size) }) =
            first.content_range()
        else {
            return Err(Error::never(
                Code::SourceFailed,
                "the server does not tell the file's size",
            ));
        };
        let version = FileVersion { size, tag: version_tag(first), head: Bytes::new() };
        lock(&self.state).version = Some(version);
        Ok(size)
    }

    /// Adds the first bytes of the pinned version.
    pub(super) fn pin_head(&self, head: Bytes) {
        if let Some(version) = &mut lock(&self.state).version {
            version.head = head;
        }
    }

    /// Requests a range: status 206 with the bytes from its offset on, or status
    /// 200 where no version is pinned yet.
    ///
    /// # Errors
    /// Those of sources; `source_changed` when the file is another one now.
    pub(super) async fn request(&self, range: ByteRange) -> Result<Response, Error> {
        self.transfer.connections.wait_while_paused().await;
        let (address, redirected) = {
            let state = lock(&self.state);
            (state.address.clone(), state.redirected.clone())
        };
        if let Some(redirected) = redirected {
            match request_range(&self.transfer, &redirected, range).await {
                Ok(response) => return self.check_version(response, range),
                Err(Refusal::Busy(error)) => return Err(error),
                Err(Refusal::Other(error)) if error.is_transient() => {
                    self.forget_redirect(&redirected);
                    return Err(error);
                }
                // The address itself may lead elsewhere now.
                Err(Refusal::Expired(_) | Refusal::Other(_)) => self.forget_redirect(&redirected),
            }
        }
        match request_range(&self.transfer, &address, range).await {
            Ok(response) => self.accept(response, &address, range),
            Err(Refusal::Busy(error) | Refusal::Other(error)) => Err(error),
            Err(Refusal::Expired(error)) => {
                let fresh = self.renewed(&address, error).await?;
                let response = request_range(&self.transfer, &fresh, range).await;
                self.accept(response.map_err(Refusal::into_error)?, &fresh, range)
            }
        }
    }

    fn accept(
        &self,
        response: Response,
        address: &RemoteAddress,
        range: ByteRange,
    ) -> Result<Response, Error> {
        self.remember_redirect(address, response.url());
        self.check_version(response, range)
    }

    /// A fresh address, which another request may have got meanwhile. `expired` is
    /// the error where there is none.
    async fn renewed(&self, old: &RemoteAddress, expired: Error) -> Result<RemoteAddress, Error> {
        let _turn = self.renewing.lock().await;
        {
            let mut state = lock(&self.state);
            if state.address != *old {
                return Ok(state.address.clone());
            }
            if std::mem::replace(&mut state.is_renewed, true) {
                return Err(expired);
            }
        }
        let fresh = (self.renew)().await?;
        if fresh == *old {
            return Err(expired);
        }
        let known = lock(&self.state).version.clone();
        let tag = match &known {
            Some(version) => Some(self.check_same_file(&fresh, version).await?),
            None => None,
        };
        let mut state = lock(&self.state);
        state.address = fresh.clone();
        state.redirected = None;
        if let Some((version, tag)) = state.version.as_mut().zip(tag) {
            version.tag = tag;
        }
        Ok(fresh)
    }

    /// Checks that a fresh address leads to the same file. It may be at another
    /// server, whose tag is returned.
    async fn check_same_file(
        &self,
        fresh: &RemoteAddress,
        version: &FileVersion,
    ) -> Result<Option<String>, Error> {
        let head = version.head.get(..version.head.len().min(COMPARED)).unwrap_or_default();
        let range = ByteRange { offset: 0, len: (head.len() as u64).max(1) };
        let response = request_range(&self.transfer, fresh, range).await;
        let response = response.map_err(Refusal::into_error)?;
        let (size, tag) = (response.total_size(), version_tag(&response));
        if !starts_at(&response, 0) || size.is_some_and(|size| size != version.size) {
            return Err(file_changed());
        }
        let bytes = response.bytes(COMPARED).await?;
        self.transfer.budget.count(bytes.len())?;
        if bytes.starts_with(head) { Ok(tag) } else { Err(file_changed()) }
    }

    /// Refuses parts of another file than the pinned one.
    fn check_version(&self, response: Response, range: ByteRange) -> Result<Response, Error> {
        let state = lock(&self.state);
        let Some(version) = &state.version else { return Ok(response) };
        if response.status() != 206 {
            return Err(ranges_ignored());
        }
        let is_same_size = response.total_size().is_none_or(|size| size == version.size);
        let tag = version_tag(&response);
        let is_same_tag = tag.is_none() || tag == version.tag;
        if starts_at(&response, range.offset) && is_same_size && is_same_tag {
            return Ok(response);
        }
        Err(file_changed())
    }

    fn remember_redirect(&self, address: &RemoteAddress, answered: &Url) {
        if *answered == address.url {
            return;
        }
        let mut headers: BTreeMap<String, String> = address.headers.clone();
        if answered.origin() != address.url.origin() {
            headers.retain(|name, _| !SECRET.contains(&name.to_ascii_lowercase().as_str()));
        }
        let mut state = lock(&self.state);
        if state.address == *address {
            state.redirected = Some(RemoteAddress { url: answered.clone(), headers });
        }
    }

    fn forget_redirect(&self, redirected: &RemoteAddress) {
        let mut state = lock(&self.state);
        if state.redirected.as_ref() == Some(redirected) {
            state.redirected = None;
        }
    }
}

/// Whether a partial response starts at this byte.
fn starts_at(response: &Response, offset: u64) -> bool {
    response.content_range().is_some_and(|part| part.range.offset == offset)
}

/// What identifies the state of a file: its entity tag, or else the time
/// of its last change.
fn version_tag(response: &Response) -> Option<String> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    header("etag").or_else(|| header("last-modified"))
}
