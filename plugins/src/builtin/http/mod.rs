//! The source `http`: a media file at a plain address, or a playlist or manifest
//! of a stream.
//!
//! It claims every web address, so it stands behind all other sources.

use clipmill_core::{ByteRange, Code, Error, SNIFFED_BYTES};

pub(crate) mod download;
mod sniff;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use url::Url;

use self::download::Download;
use self::sniff::List;
pub use self::sniff::names_list;
use crate::{FetchProgress, OpaqueFetch, ResolveOptions, Source, SourceDescription};
use clipmill_core::net::{Client, Response, Text, check_url};
use clipmill_core::probe::{AudioTrack, Container, Format, Live, MediaInfo, Transport, VideoTrack};

/// Longest title that is made of a file name, in characters.
const TITLE: usize = 200;
/// Longest list that is read whole, bytes.
const LIST: usize = 4 * 1024 * 1024;

/// The source.
pub struct Http {
    client: Client,
}

impl Http {
    /// A source that asks through this client.
    pub fn new(client: Client) -> Http {
        Http { client }
    }
}

#[async_trait]
impl Source for Http {
    fn describe(&self) -> SourceDescription {
        SourceDescription { name: "http".into(), version: env!("CARGO_PKG_VERSION").into() }
    }

    async fn claims(&self, url: &Url) -> bool {
        matches!(url.scheme(), "http" | "https")
    }

    async fn resolve(&self, url: &Url, _options: ResolveOptions) -> Result<Arc<MediaInfo>, Error> {
        check_url(url)?;
        // All of a list is wanted next.
        let range =
            (!sniff::names_list(url)).then_some(ByteRange::between(0, SNIFFED_BYTES as u64));
        let response = self.client.get(url, &BTreeMap::new(), range).await?;
        if response.status() == 416 {
            return Err(Error::never(Code::UnsupportedUrl, sniff::advice(b"")));
        }
        let response = response.ok()?;
        let (size, answered) = (response.total_size(), response.url().clone());
        let (head, whole) = beginning(response).await?;
        // Not where it led to: that address may be good for minutes only.
        let (url_here, headers) = (url.clone(), BTreeMap::new());
        let (container, transport) = match (sniff::media_container(&head), sniff::list(&head)) {
            (Some(container), _) => (container, Transport::Progressive { url: url_here, headers }),
            (None, Some(List::Hls)) => (Container::Mp4, Transport::Hls { url: url_here, headers }),
            (None, Some(List::Dash)) => {
                (Container::Mp4, Transport::Dash { url: url_here, headers })
            }
            (None, None) => {
                return Err(Error::never(Code::UnsupportedUrl, sniff::advice(&head)));
            }
        };
        let list = list_of(&transport);
        let running = list.is_some_and(|list| sniff::grows(list, &head, whole));
        if list.is_some() && whole {
            let text = Text { bytes: head.into(), url: answered };
            self.client.keep(url, &BTreeMap::new(), text);
        }
        // The size of a list says nothing of what it lists.
        let size = size.filter(|_| matches!(transport, Transport::Progressive { .. }));
        let name = file_name(url);
        Ok(Arc::new(MediaInfo {
            id: name.clone().unwrap_or_else(|| "file".into()),
            title: name,
            duration: None,
            live: if running { Live::Running { began: None } } else { Live::No },
            formats: vec![Format {
                id: "file".into(),
                container,
                video: Some(VideoTrack::default()),
                audio: Some(AudioTrack::default()),
                bitrate: None,
                size,
                transport,
            }],
            expires_at: None,
        }))
    }

    /// Downloads the whole file, whatever span is asked for.
    async fn fetch(
        &self,
        what: &OpaqueFetch,
        progress: &(dyn Fn(FetchProgress) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        check_url(&what.url)?;
        let path = what.folder.join("source.bin");
        let (client, url, headers) = (&self.client, &what.url, &BTreeMap::new());
        Download { client, url, headers, max_bytes: what.max_bytes, progress }.run(&path).await?;
        if sniff::list(&head_of(&path).await?).is_some() {
            return Err(Error::never(
                Code::SourceFailed,
                "this stream could not be fetched in segments, and there is no other way to it",
            ));
        }
        Ok(path)
    }
}

/// As much of a file as tells what it is, or all of it when it is a list; and
/// whether it is all.
async fn beginning(mut response: Response) -> Result<(Vec<u8>, bool), Error> {
    let (status, size) = (response.status(), response.total_size());
    let (mut head, mut ended) = (Vec::new(), false);
    while head.len() < SNIFFED_BYTES && !ended {
        match response.chunk().await? {
            Some(chunk) => head.extend_from_slice(&chunk),
            None => ended = true,
        }
    }
    // A server without ranges sends everything; the connection is dropped then.
    if !ended
        && sniff::list(&head).is_some()
        && let Ok(rest) = response.bytes(LIST).await
    {
        head.extend_from_slice(&rest);
        ended = true;
    }
    let whole = ended && (status == 200 || size == Some(head.len() as u64));
    Ok((head, whole))
}

/// As much of a file's beginning as tells what it is.
async fn head_of(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable =
        |_: std::io::Error| Error::later(Code::SourceFailed, "the download can't be read");
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut head = Vec::with_capacity(SNIFFED_BYTES);
    file.take(SNIFFED_BYTES as u64).read_to_end(&mut head).await.map_err(unreadable)?;
    Ok(head)
}

/// What kind of list is at a format's address, if it is one.
fn list_of(transport: &Transport) -> Option<List> {
    match transport {
        Transport::Hls { .. } => Some(List::Hls),
        Transport::Dash { .. } => Some(List::Dash),
        Transport::Progressive { .. } | Transport::Opaque => None,
    }
}

/// The last part of the path, decoded, as a title; untrusted text.
fn file_name(url: &Url) -> Option<String> {
    let last = url.path_segments()?.rfind(|part| !part.is_empty())?;
    // The query decoder does the work once its own special characters are hidden.
    let hidden = last.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let (name, _) = url::form_urlencoded::parse(hidden.as_bytes()).next()?;
    let name: String = name.chars().filter(|c| !c.is_control()).take(TITLE).collect();
    (!name.is_empty()).then_some(name)
}
