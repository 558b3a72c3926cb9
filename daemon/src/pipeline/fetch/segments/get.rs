//! Many files side by side. The beginning of each tells how long it is; then
//! the rest of all of them is gathered.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clipmill_plugins::net::{NetError, Response};
use clipmill_plugins::{Retry, SourceError};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use url::Url;

use super::{Place, Reel, kept, kept_key, kept_map};
use crate::pipeline::fetch::gather::{Need, Sink, gather};
use crate::pipeline::fetch::means::Means;
use crate::pipeline::fetch::request::{Refusal, Remote, ask};
use crate::pipeline::fetch::retry::pause;
use crate::pipeline::fetch::upstream::{Opened, Upstream};
use crate::pipeline::{StageError, workspace};

/// Bytes that are asked for at first: they take no longer than the wait for
/// them.
const FIRST: u64 = 32 * 1024;
/// Most files that are open at a time.
const TOGETHER: usize = 64;
/// Largest segment, bytes.
const LARGEST: u64 = 512 * 1024 * 1024;

/// A file that is wanted, and where it is kept.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub url: Url,
    /// Which bytes; none for all.
    pub range: Option<Range<u64>>,
    pub path: PathBuf,
}

/// All files that some segments need.
pub(super) struct Wanted {
    /// Those that are not there yet, small ones first.
    pub files: Vec<File>,
}

impl Wanted {
    /// Segments with their maps and keys.
    ///
    /// # Errors
    /// `not_media` when an address is none.
    pub fn of(reel: &Reel, picked: &Range<usize>, folder: &Path) -> Result<Wanted, StageError> {
        let segments = reel.segments.get(picked.clone()).unwrap_or_default();
        let mut files: BTreeMap<PathBuf, File> = BTreeMap::new();
        let mut order = Vec::new();
        let mut add = |place: Option<&Place>, path: PathBuf| {
            if let Some(place) = place
                && !files.contains_key(&path)
                && !path.exists()
            {
                let (url, range) = (reel.url(place)?, place.range.clone());
                order.push(path.clone());
                files.insert(path.clone(), File { url, range, path });
            }
            Ok::<(), StageError>(())
        };
        for segment in segments {
            if let Some(map) = segment.map {
                add(reel.maps.get(map), kept_map(folder, map))?;
            }
            if let Some((key, _)) = segment.key {
                add(reel.keys.get(key), kept_key(folder, key))?;
            }
        }
        for (index, segment) in picked.clone().zip(segments) {
            add(Some(&segment.place), kept(folder, index))?;
        }
        Ok(Wanted { files: order.iter().filter_map(|path| files.remove(path)).collect() })
    }
}

/// How files are got.
pub(super) struct Get<'a> {
    pub means: &'a Arc<Means>,
    pub headers: &'a BTreeMap<String, String>,
}

/// A file on its way, and what holds it.
struct Opening {
    file: Arc<std::fs::File>,
    /// None when all of it has come.
    remote: Option<(Arc<Upstream>, Range<u64>)>,
}

impl Get<'_> {
    /// Gets all files.
    ///
    /// # Errors
    /// Those of sources, `too_large`, `disk_full`.
    pub async fn all(&self, files: &[File]) -> Result<(), StageError> {
        // Those of which parts are named are few, and each is opened once.
        let mut shared = BTreeMap::new();
        let named = files.iter().filter(|file| file.range.is_some());
        for url in named.map(|file| &file.url) {
            if !shared.contains_key(url) {
                let Opened::Ranged(remote) = self.upstream(url).await? else {
                    return Err(StageError::never(
                        "source_failed",
                        "the server does not serve the parts of files that the playlist names",
                    ));
                };
                shared.insert(url.clone(), remote);
            }
        }
        for some in files.chunks(TOGETHER) {
            self.some_of(some, &shared).await?;
        }
        Ok(())
    }

    async fn some_of(
        &self,
        files: &[File],
        shared: &BTreeMap<Url, Arc<Upstream>>,
    ) -> Result<(), StageError> {
        let mut opening = Vec::new();
        for file in files {
            opening.push(self.begin(file, shared.get(&file.url)).boxed());
        }
        let opening: Vec<Opening> = futures_util::stream::iter(opening)
            .buffered(self.means.lanes.limit())
            .try_collect()
            .await?;
        let mut needs = Vec::new();
        for Opening { file, remote } in &opening {
            let Some((remote, range)) = remote else { continue };
            let sink = Sink::File(Arc::clone(file));
            let mut from = range.start;
            while let Some(bytes) = remote.kept(from, range.end) {
                let (place, length) = (from - range.start, bytes.len() as u64);
                sink.put(bytes, place).await?;
                from += length;
            }
            let (address, length, place) =
                (&remote.address, range.end.saturating_sub(from), from - range.start);
            if length > 0 {
                needs.push(Need { address, from, length, sink, place });
            }
        }
        gather(self.means, &needs).await?;
        for file in files {
            let renamed = tokio::fs::rename(draft(&file.path), &file.path).await;
            renamed.map_err(|error| workspace::explain(&error))?;
        }
        Ok(())
    }

    /// Learns how long a file is; one that comes whole or not at all is got.
    async fn begin(
        &self,
        wanted: &File,
        shared: Option<&Arc<Upstream>>,
    ) -> Result<Opening, StageError> {
        let file = std::fs::File::create(draft(&wanted.path));
        let file = Arc::new(file.map_err(|error| workspace::explain(&error))?);
        let mut failures = 0;
        let remote = loop {
            let response = match shared {
                Some(remote) => break Arc::clone(remote),
                None => match self.upstream(&wanted.url).await? {
                    Opened::Ranged(remote) => break remote,
                    Opened::Whole(response) => response,
                },
            };
            match self.whole(*response, &file).await {
                Ok(()) => return Ok(Opening { file, remote: None }),
                Err(error) => pause(&error, failures).await?,
            }
            failures += 1;
        };
        let range = wanted.range.clone().unwrap_or(0..remote.size);
        if range.start > range.end || range.end > remote.size {
            let beyond = "the playlist names bytes that the file does not have";
            return Err(StageError::never("not_media", beyond));
        }
        if range.end - range.start > LARGEST {
            return Err(too_large());
        }
        Ok(Opening { file, remote: Some((remote, range)) })
    }

    async fn upstream(&self, url: &Url) -> Result<Opened, StageError> {
        let remote = Remote { url: url.clone(), headers: self.headers.clone() };
        let same = remote.clone();
        // Only the whole list can be had anew.
        let renew = Arc::new(move || {
            let same = same.clone();
            Box::pin(async move { Ok(same) }) as _
        });
        let _place = self.means.lanes.enter().await;
        Upstream::open(Arc::clone(self.means), remote, renew, FIRST).await
    }

    /// Writes the answer of a server that does not serve parts.
    async fn whole(
        &self,
        mut response: Response,
        file: &Arc<std::fs::File>,
    ) -> Result<(), StageError> {
        let _place = self.means.lanes.enter().await;
        let sink = Sink::File(Arc::clone(file));
        file.set_len(0).map_err(|error| workspace::explain(&error))?;
        let (expected, mut at) = (response.length(), 0);
        while let Some(bytes) = chunk(&mut response, self.means.stall * 4).await? {
            self.means.budget.take(bytes.len())?;
            let length = bytes.len() as u64;
            if at + length > LARGEST {
                return Err(too_large());
            }
            sink.put(bytes, at).await?;
            at += length;
        }
        match expected {
            Some(expected) if at < expected => {
                Err(StageError::later("source_unreachable", "the server sent too little"))
            }
            _ => Ok(()),
        }
    }

    /// The first bytes of a file, at most so many.
    ///
    /// # Errors
    /// As [`Get::all`].
    pub async fn beginning(
        &self,
        url: &Url,
        range: Option<&Range<u64>>,
        most: u64,
    ) -> Result<Vec<u8>, StageError> {
        let (from, end) = match range {
            Some(range) => (range.start, range.end.min(range.start.saturating_add(most))),
            None => (0, most),
        };
        let mut failures = 0;
        loop {
            let error = match self.some(url, from, end).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            pause(&error, failures).await?;
            failures += 1;
        }
    }

    /// A whole small file, and the address that answered.
    ///
    /// # Errors
    /// As [`Get::all`].
    pub async fn text(&self, url: &Url, most: usize) -> Result<(Vec<u8>, Url), StageError> {
        let mut failures = 0;
        loop {
            let asked = async {
                let response = self.means.client.get(url, self.headers, None).await?.ok()?;
                let url = response.url().clone();
                Ok::<_, NetError>((response.bytes(most).await?, url))
            };
            let error = match asked.await {
                Ok((bytes, url)) => {
                    self.means.budget.take(bytes.len())?;
                    return Ok((bytes, url));
                }
                Err(error) => StageError::from(SourceError::from(error)),
            };
            pause(&error, failures).await?;
            failures += 1;
        }
    }

    async fn some(&self, url: &Url, from: u64, end: u64) -> Result<Vec<u8>, StageError> {
        let mut response = self.open(url, from, end).await?;
        let (mut bytes, most) = (Vec::new(), usize::try_from(end - from).unwrap_or(usize::MAX));
        while bytes.len() < most
            && let Some(chunk) = chunk(&mut response, self.means.stall * 4).await?
        {
            self.means.budget.take(chunk.len())?;
            bytes.extend_from_slice(&chunk);
        }
        bytes.truncate(most);
        Ok(bytes)
    }

    async fn open(&self, url: &Url, from: u64, end: u64) -> Result<Response, StageError> {
        let remote = Remote { url: url.clone(), headers: self.headers.clone() };
        self.means.lanes.calm().await;
        let limit = self.means.lanes.limit();
        let asked = ask(&self.means.client, &remote, from, end.saturating_sub(1)).await;
        asked.map_err(|refusal| {
            if let Refusal::Busy(error) = &refusal {
                let wait = match error.retry {
                    Retry::After(wait) => wait,
                    Retry::Later | Retry::Never => Duration::ZERO,
                };
                self.means.lanes.fewer(limit, wait);
            }
            refusal.into_error()
        })
    }
}

/// Where a file is written: half of one is not taken for a whole one.
fn draft(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}

fn too_large() -> StageError {
    StageError::never("too_large", "a segment of more than 512 MiB")
}

async fn chunk(response: &mut Response, patience: Duration) -> Result<Option<Bytes>, StageError> {
    match tokio::time::timeout(patience, response.chunk()).await {
        Ok(chunk) => Ok(chunk.map_err(SourceError::from)?),
        Err(_) => Err(StageError::later("source_timeout", "the server sent nothing for a while")),
    }
}
