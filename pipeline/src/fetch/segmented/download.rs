//! Many files side by side, most of which tell only with their first answer how
//! long they are.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clipmill_core::net::{Response, Text};
use clipmill_core::{Code, Error, Retry};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use url::Url;

use super::{Place, Reel, kept, kept_key, kept_map};
use crate::fetch::context::Means;
use crate::fetch::transfer::download::{Need, Sink, gather_files};
use crate::fetch::transfer::open_unsized::{LARGEST, too_large};
use crate::fetch::transfer::origin::{Address, Renew};
use crate::fetch::transfer::range_request::{Refusal, Remote, ask, chunk};
use crate::fetch::transfer::remote_file::{Opened, Upstream};
use crate::fetch::transfer::retry::pause;
use crate::workspace;

/// Bytes that are asked for at first to learn how long a file is: they take no
/// longer than the wait for them.
const FIRST: u64 = 32 * 1024;
/// Most files that are open at a time.
const TOGETHER: usize = 64;

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
    pub fn of(reel: &Reel, picked: &Range<usize>, folder: &Path) -> Result<Wanted, Error> {
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
            Ok::<(), Error>(())
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

impl Get<'_> {
    /// Gets all files.
    ///
    /// # Errors
    /// Those of sources, `too_large`, `disk_full`.
    pub async fn all(&self, files: &[File]) -> Result<(), Error> {
        // Those of which parts are named are few, and each is opened once.
        let mut shared = BTreeMap::new();
        let named = files.iter().filter(|file| file.range.is_some());
        for url in named.map(|file| &file.url) {
            if !shared.contains_key(url) {
                let Opened::Ranged(remote) = self.upstream(url).await? else {
                    return Err(Error::never(
                        Code::SourceFailed,
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
    ) -> Result<(), Error> {
        let address = |file: &File| {
            let remote = self.remote(&file.url);
            Address::new(Arc::clone(self.means), remote.clone(), always(remote))
        };
        let addresses: Vec<Address> = files.iter().map(address).collect();
        let opened = self.opened(files, shared).await?;
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for ((file, address), opened) in files.iter().zip(&addresses).zip(&opened) {
            let made = std::fs::File::create(draft(&file.path));
            let made = made.map_err(|error| workspace::explain(&error))?;
            let sink = Sink::File(Arc::new(made));
            match opened {
                Some(remote) => known.extend(need(file, remote, sink).await?),
                None => unknown.push(Need { address, from: 0, length: 0, sink, place: 0 }),
            }
        }
        gather_files(self.means, known, unknown).await?;
        for file in files {
            let renamed = tokio::fs::rename(draft(&file.path), &file.path).await;
            renamed.map_err(|error| workspace::explain(&error))?;
        }
        Ok(())
    }

    /// Files of which the length is known, each in the place of its file. Where
    /// there is not one for each connection it is learnt of all, because they
    /// are shared from the first.
    async fn opened(
        &self,
        files: &[File],
        shared: &BTreeMap<Url, Arc<Upstream>>,
    ) -> Result<Vec<Option<Arc<Upstream>>>, Error> {
        let limit = self.means.lanes.limit();
        let few = files.len() < limit;
        let mut openings = Vec::new();
        for file in files {
            let known = shared.get(&file.url).map(Arc::clone);
            let opening = async move {
                match known {
                    None if few => match self.upstream(&file.url).await? {
                        Opened::Ranged(remote) => Ok(Some(remote)),
                        Opened::Whole(_) => Ok(None),
                    },
                    known => Ok(known),
                }
            };
            openings.push(opening.boxed());
        }
        futures_util::stream::iter(openings).buffered(limit).try_collect().await
    }

    async fn upstream(&self, url: &Url) -> Result<Opened, Error> {
        let (means, remote) = (Arc::clone(self.means), self.remote(url));
        let _place = self.means.lanes.enter().await;
        Upstream::open(means, remote.clone(), always(remote), FIRST).await
    }

    fn remote(&self, url: &Url) -> Remote {
        Remote { url: url.clone(), headers: self.headers.clone() }
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
    ) -> Result<Vec<u8>, Error> {
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

    /// A whole small file.
    ///
    /// # Errors
    /// As [`Get::all`].
    pub async fn text(&self, url: &Url, most: usize) -> Result<Text, Error> {
        let mut failures = 0;
        loop {
            let asked = async {
                let response = self.means.client.get(url, self.headers, None).await?.ok()?;
                let url = response.url().clone();
                Ok::<_, Error>(Text { bytes: response.bytes(most).await?.into(), url })
            };
            let error = match asked.await {
                Ok(text) => {
                    self.means.budget.take(text.bytes.len())?;
                    return Ok(text);
                }
                Err(error) => Error::from(Error::from(error)),
            };
            pause(&error, failures).await?;
            failures += 1;
        }
    }

    async fn some(&self, url: &Url, from: u64, end: u64) -> Result<Vec<u8>, Error> {
        let _place = self.means.lanes.enter().await;
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

    async fn open(&self, url: &Url, from: u64, end: u64) -> Result<Response, Error> {
        let remote = self.remote(url);
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

/// What is needed of a file whose length is known, without what is kept of it,
/// which is put to its place.
async fn need<'a>(
    file: &File,
    remote: &'a Upstream,
    sink: Sink,
) -> Result<Option<Need<'a>>, Error> {
    let range = file.range.clone().unwrap_or(0..remote.size);
    if range.start > range.end || range.end > remote.size {
        let beyond = "the playlist names bytes that the file does not have";
        return Err(Error::never(Code::NotMedia, beyond));
    }
    if range.end - range.start > LARGEST {
        return Err(too_large());
    }
    let mut from = range.start;
    while let Some(bytes) = remote.kept(from, range.end) {
        let length = bytes.len() as u64;
        sink.put(bytes, from - range.start).await?;
        from += length;
    }
    let (length, place) = (range.end - from, from - range.start);
    Ok((length > 0).then_some(Need { address: &remote.address, from, length, sink, place }))
}

/// An address that stays: only the whole list can be had anew.
fn always(remote: Remote) -> Renew {
    Arc::new(move || {
        let same = remote.clone();
        Box::pin(async move { Ok(same) })
    })
}

/// Where a file is written: half of one is not taken for a whole one.
fn draft(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}
