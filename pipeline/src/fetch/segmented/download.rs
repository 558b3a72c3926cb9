//! Downloads many files side by side. The size of most is unknown until their first
//! responses state it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clipmill_core::disk::file_error;
use clipmill_core::{ByteRange, Code, Error};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use url::Url;

use super::rendition::RenditionSegments;
use super::segment::{SegmentFolder, SegmentLocation};
use crate::fetch::transfer::{
    DownloadSink, FileOrigin, OpenedFile, RangeDownload, Refusal, RemoteAddress, RemoteFile,
    RenewAddress, TransferContext, check_fits_memory, download_with_unsized, next_bytes,
    request_range, retry,
};

/// Bytes that are requested first to learn a file's size: they take no longer than
/// the wait for them.
const FIRST_REQUEST: u64 = 32 * 1024;
/// Most files that are open at a time.
const MAX_OPEN: usize = 64;

/// A file that is wanted, and where it is kept.
#[derive(Debug, Clone)]
pub struct SegmentFile {
    url: Url,
    /// Which bytes; none for all.
    range: Option<ByteRange>,
    path: PathBuf,
}

/// The files that the selected segments need and that are not in the folder: those
/// of initialization segments and keys first, which are small.
///
/// # Errors
/// `not_media` when an address is none.
pub fn missing_files(
    rendition: &RenditionSegments,
    selected: &Range<usize>,
    folder: &SegmentFolder,
) -> Result<Vec<SegmentFile>, Error> {
    let segments = rendition.segments.get(selected.clone()).unwrap_or_default();
    let mut paths = BTreeSet::new();
    let mut files = Vec::new();
    let mut add = |location: Option<&SegmentLocation>, path: PathBuf| {
        if let Some(location) = location
            && !path.exists()
            && paths.insert(path.clone())
        {
            files.push(SegmentFile { url: rendition.url(location)?, range: location.range, path });
        }
        Ok::<(), Error>(())
    };
    for segment in segments {
        if let Some(init) = segment.init {
            add(rendition.inits.get(init), folder.init(init))?;
        }
        if let Some(cipher) = segment.cipher {
            add(rendition.keys.get(cipher.key), folder.key(cipher.key))?;
        }
    }
    for (index, segment) in selected.clone().zip(segments) {
        add(Some(&segment.location), folder.segment(index))?;
    }
    Ok(files)
}

/// Downloads files of one rendition.
pub struct SegmentDownload<'a> {
    pub transfer: &'a Arc<TransferContext>,
    /// Request headers that the server wants.
    pub headers: &'a BTreeMap<String, String>,
}

impl SegmentDownload<'_> {
    /// Downloads all files.
    ///
    /// # Errors
    /// Those of sources, `too_large`, `disk_full`.
    pub async fn fetch(&self, files: &[SegmentFile]) -> Result<(), Error> {
        let opened = self.open_containers(files).await?;
        for batch in files.chunks(MAX_OPEN) {
            self.fetch_batch(batch, &opened).await?;
        }
        Ok(())
    }

    /// Opens the files of which parts are wanted: they are few, and each is opened
    /// once.
    async fn open_containers(&self, files: &[SegmentFile]) -> Result<OpenedContainers, Error> {
        let mut opened = BTreeMap::new();
        for file in files.iter().filter(|file| file.range.is_some()) {
            if opened.contains_key(&file.url) {
                continue;
            }
            let OpenedFile::Ranged(remote) = self.open(&file.url).await? else {
                return Err(Error::never(
                    Code::SourceFailed,
                    "the server does not serve the parts of files that the playlist names",
                ));
            };
            opened.insert(file.url.clone(), remote);
        }
        Ok(opened)
    }

    async fn fetch_batch(
        &self,
        files: &[SegmentFile],
        containers: &OpenedContainers,
    ) -> Result<(), Error> {
        let origin = |file: &SegmentFile| {
            let address = self.address(&file.url);
            FileOrigin::new(Arc::clone(self.transfer), address.clone(), never_renewed(address))
        };
        let origins: Vec<FileOrigin> = files.iter().map(origin).collect();
        let opened = self.open_batch(files, containers).await?;
        let (mut ranges, mut unsized_files) = (Vec::new(), Vec::new());
        for ((file, origin), opened) in files.iter().zip(&origins).zip(&opened) {
            let draft = File::create(draft_path(&file.path)).map_err(file_error)?;
            let sink = DownloadSink::File(Arc::new(draft));
            match opened {
                Some(remote) => ranges.extend(plan_range(file, remote, sink).await?),
                None => unsized_files.push(RangeDownload::unsized_file(origin, sink)),
            }
        }
        download_with_unsized(self.transfer, ranges, unsized_files).await?;
        for file in files {
            let renamed = tokio::fs::rename(draft_path(&file.path), &file.path).await;
            renamed.map_err(file_error)?;
        }
        Ok(())
    }

    /// Those files of a batch whose size is known, each in the place of its file.
    /// Where there are fewer files than connections, all are opened first, because
    /// the connections share each of them.
    async fn open_batch(
        &self,
        files: &[SegmentFile],
        containers: &OpenedContainers,
    ) -> Result<Vec<Option<Arc<RemoteFile>>>, Error> {
        let limit = self.transfer.connections.limit();
        let is_few = files.len() < limit;
        let mut openings = Vec::new();
        for file in files {
            let container = containers.get(&file.url).map(Arc::clone);
            let opening = async move {
                if container.is_some() || !is_few {
                    return Ok(container);
                }
                match self.open(&file.url).await? {
                    OpenedFile::Ranged(remote) => Ok(Some(remote)),
                    OpenedFile::Whole(_) => Ok(None),
                }
            };
            openings.push(opening.boxed());
        }
        futures_util::stream::iter(openings).buffered(limit).try_collect().await
    }

    async fn open(&self, url: &Url) -> Result<OpenedFile, Error> {
        let address = self.address(url);
        let renew = never_renewed(address.clone());
        let _permit = self.transfer.connections.acquire().await;
        RemoteFile::open(Arc::clone(self.transfer), address, renew, FIRST_REQUEST).await
    }

    fn address(&self, url: &Url) -> RemoteAddress {
        RemoteAddress { url: url.clone(), headers: self.headers.clone() }
    }

    /// The first bytes of a file or of a range of it, at most `max_bytes`.
    ///
    /// # Errors
    /// As [`SegmentDownload::fetch`].
    pub async fn read_start(
        &self,
        url: &Url,
        range: Option<ByteRange>,
        max_bytes: u64,
    ) -> Result<Vec<u8>, Error> {
        let all = range.unwrap_or(ByteRange::starting_at(0));
        let start = ByteRange { len: all.len.min(max_bytes), ..all };
        retry(|| self.read_range(url, start)).await
    }

    async fn read_range(&self, url: &Url, range: ByteRange) -> Result<Vec<u8>, Error> {
        let connections = &self.transfer.connections;
        let _permit = connections.acquire().await;
        connections.wait_while_paused().await;
        let response = request_range(self.transfer, &self.address(url), range).await;
        let mut response = response.map_err(Refusal::into_error)?;
        let mut bytes = Vec::new();
        let most = usize::try_from(range.len).unwrap_or(usize::MAX);
        let stall = self.transfer.unraced_stall();
        while bytes.len() < most
            && let Some(more) = next_bytes(&mut response, stall).await?
        {
            self.transfer.budget.count(more.len())?;
            bytes.extend_from_slice(&more);
        }
        bytes.truncate(most);
        Ok(bytes)
    }
}

/// Files of which parts are segments, by their addresses.
type OpenedContainers = BTreeMap<Url, Arc<RemoteFile>>;

/// What is to be downloaded of a file whose size is known. What was read already is
/// written at once; none when that is all.
async fn plan_range<'a>(
    file: &SegmentFile,
    remote: &'a RemoteFile,
    sink: DownloadSink,
) -> Result<Option<RangeDownload<'a>>, Error> {
    let range = file.range.unwrap_or(ByteRange { offset: 0, len: remote.size });
    if range.end() > remote.size {
        let message = "the playlist names bytes that the file does not have";
        return Err(Error::never(Code::NotMedia, message));
    }
    check_fits_memory(range.len)?;
    let (mut source, mut target_offset) = (range, 0);
    while let Some(bytes) = remote.cached(source) {
        let len = bytes.len() as u64;
        sink.write_at(bytes, target_offset).await?;
        source = source.skip(len);
        target_offset += len;
    }
    let download = RangeDownload { origin: &remote.origin, source, sink, target_offset };
    Ok((!source.is_empty()).then_some(download))
}

/// For an address that stays: only the whole list can be renewed.
fn never_renewed(address: RemoteAddress) -> RenewAddress {
    Arc::new(move || {
        let same = address.clone();
        Box::pin(async move { Ok(same) })
    })
}

/// Where a file is written: half of one is not taken for a whole one.
fn draft_path(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}
