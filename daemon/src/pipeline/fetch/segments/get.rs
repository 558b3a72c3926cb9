//! Many files side by side, each in ranges, each taken up where it broke off.

use std::collections::{BTreeMap, VecDeque};
use std::io::SeekFrom;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clipmill_plugins::net::{NetError, Response};
use clipmill_plugins::{Retry, SourceError};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use url::Url;

use super::{Place, Reel, kept, kept_key, kept_map};
use crate::pipeline::fetch::means::Means;
use crate::pipeline::fetch::request::{CHANGED, Refusal, Remote, ask, tag};
use crate::pipeline::fetch::retry::pause;
use crate::pipeline::{StageError, workspace};

/// Most bytes of one request: far below what media servers throttle.
const PIECE: u64 = 2 * 1024 * 1024;
/// Least bytes of one request, if there are so many: less would take about as
/// long as the wait for an answer.
const LEAST: u64 = 512 * 1024;
/// Largest segment, bytes.
const LARGEST: u64 = 512 * 1024 * 1024;
const TOO_LARGE: &str = "a segment of more than 512 MiB";

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
    pub means: &'a Means,
    pub headers: &'a BTreeMap<String, String>,
}

/// A part of one of several files.
struct Piece {
    file: usize,
    from: u64,
    /// The byte after the last one; none when the size is to be learned.
    to: Option<u64>,
}

impl Get<'_> {
    /// Gets all files.
    ///
    /// # Errors
    /// Those of sources, `too_large`, `disk_full`.
    pub async fn all(&self, files: &[File]) -> Result<(), StageError> {
        let too_large = |range: &Range<u64>| range.end.saturating_sub(range.start) > LARGEST;
        if files.iter().any(|file| file.range.as_ref().is_some_and(too_large)) {
            return Err(StageError::never("too_large", TOO_LARGE));
        }
        let whole = |(file, of): (usize, &File)| match &of.range {
            Some(range) => Piece { file, from: range.start, to: Some(range.end) },
            None => Piece { file, from: 0, to: None },
        };
        let mut queue: VecDeque<Piece> = files.iter().enumerate().map(whole).collect();
        let tags: Vec<Mutex<Option<String>>> = files.iter().map(|_| Mutex::default()).collect();
        // Half a file is not taken for a whole one.
        let draft = |file: &File| file.path.with_added_extension("part");
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.means.lanes.limit()
                && let Some(piece) = next(&mut queue, self.means.lanes.limit())
            {
                let (Some(file), Some(tag)) = (files.get(piece.file), tags.get(piece.file)) else {
                    continue;
                };
                let path = draft(file);
                running.push(async move {
                    let _place = self.means.lanes.enter().await;
                    let size = self.piece(file, &piece, tag, &path).await?;
                    Ok::<_, StageError>((piece, size))
                });
            }
            let Some(done) = running.next().await else { break };
            let (piece, size) = done?;
            if let (None, Some(size)) = (piece.to, size)
                && size > PIECE
            {
                queue.push_front(Piece { file: piece.file, from: PIECE, to: Some(size) });
            }
        }
        for file in files {
            let renamed = tokio::fs::rename(draft(file), &file.path).await;
            renamed.map_err(|error| workspace::explain(&error))?;
        }
        Ok(())
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

    /// Writes one piece, however often it breaks off; the size of the whole
    /// file, where the server tells.
    async fn piece(
        &self,
        file: &File,
        piece: &Piece,
        tag: &Mutex<Option<String>>,
        path: &Path,
    ) -> Result<Option<u64>, StageError> {
        let failed = |error: std::io::Error| workspace::explain(&error);
        let mut output = tokio::fs::OpenOptions::new();
        let output = output.create(true).write(true).truncate(false).open(path).await;
        let mut output = output.map_err(failed)?;
        let base = file.range.as_ref().map_or(0, |range| range.start);
        let offset = piece.from.saturating_sub(base);
        output.seek(SeekFrom::Start(offset)).await.map_err(failed)?;
        let mut writer =
            Writer { at: piece.from, end: piece.to, size: None, output, get: self, failures: 0 };
        loop {
            let before = writer.at;
            let error = match writer.attempt(&file.url, tag).await {
                Ok(()) => break,
                Err(error) => error,
            };
            writer.failures = if writer.at > before { 0 } else { writer.failures };
            pause(&error, writer.failures).await?;
            writer.failures += 1;
        }
        writer.output.flush().await.map_err(failed)?;
        Ok(writer.size)
    }
}

/// One piece on its way.
struct Writer<'a> {
    get: &'a Get<'a>,
    /// Next byte.
    at: u64,
    /// The byte after the last one; none when all there is is wanted.
    end: Option<u64>,
    /// Bytes of the whole file.
    size: Option<u64>,
    output: tokio::fs::File,
    failures: u32,
}

impl Writer<'_> {
    async fn attempt(
        &mut self,
        url: &Url,
        known: &Mutex<Option<String>>,
    ) -> Result<(), StageError> {
        let end = self.end.unwrap_or(PIECE.max(self.at + 1));
        if self.at >= end {
            return Ok(());
        }
        let mut response = self.get.open(url, self.at, end).await?;
        same(&response, known)?;
        let ranged = response.status() == 206;
        // A server may answer with less than was asked for.
        let last = match (ranged, response.content_range()) {
            (true, Some((first, last, size))) if first == self.at => {
                self.size = size.or(self.size);
                Some(last.saturating_add(1).min(end))
            }
            (true, _) => return Err(StageError::later("source_failed", CHANGED)),
            (false, _) => self.end.or(response.length()),
        };
        if self.size.or(last).is_some_and(|size| size > LARGEST && self.end.is_none()) {
            return Err(StageError::never("too_large", TOO_LARGE));
        }
        let patience = self.get.means.stall * 2_u32.saturating_pow(self.failures.min(3));
        while last.is_none_or(|last| self.at < last) {
            let Some(mut bytes) = chunk(&mut response, patience).await? else { break };
            self.get.means.budget.take(bytes.len())?;
            let left = last.map_or(LARGEST, |last| last).saturating_sub(self.at);
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            if bytes.is_empty() {
                return Err(StageError::never("too_large", TOO_LARGE));
            }
            let written = self.output.write_all(&bytes).await;
            written.map_err(|error| workspace::explain(&error))?;
            self.at += bytes.len() as u64;
        }
        let expected = match ranged {
            true => self.end.or(self.size.map(|size| size.min(PIECE))),
            false => last,
        };
        match expected {
            Some(expected) if self.at < expected => {
                Err(StageError::later("source_unreachable", "the server sent too little"))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses parts of two versions of one file.
fn same(response: &Response, known: &Mutex<Option<String>>) -> Result<(), StageError> {
    let tag = tag(response);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    match (&*known, &tag) {
        (Some(known), Some(tag)) if known != tag => {
            return Err(StageError::later("source_failed", CHANGED));
        }
        (None, Some(_)) => *known = tag,
        _ => {}
    }
    Ok(())
}

async fn chunk(
    response: &mut Response,
    patience: Duration,
) -> Result<Option<bytes::Bytes>, StageError> {
    match tokio::time::timeout(patience, response.chunk()).await {
        Ok(chunk) => Ok(chunk.map_err(SourceError::from)?),
        Err(_) => Err(StageError::later("source_timeout", "the server sent nothing for a while")),
    }
}

/// The next piece of the first stretch that waits. Pieces become shorter
/// towards the end, so that all connections are done at about the same time.
fn next(queue: &mut VecDeque<Piece>, connections: usize) -> Option<Piece> {
    let length = |piece: &Piece| piece.to.map_or(PIECE, |to| to.saturating_sub(piece.from));
    let left: u64 = queue.iter().map(length).fold(0, u64::saturating_add);
    let share = (left / (2 * connections as u64).max(1)).clamp(LEAST, PIECE);
    let first = queue.front_mut()?;
    // A little more is no piece of its own.
    if first.to.is_none() || length(first) <= share + LEAST / 2 {
        return queue.pop_front();
    }
    let piece = Piece { file: first.file, from: first.from, to: Some(first.from + share) };
    first.from += share;
    Some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_shrink_towards_the_end_and_leave_nothing_out() {
        const MB: u64 = 1024 * 1024;
        let known = |file, to| Piece { file, from: 0, to: Some(to) };
        let unknown = Piece { file: 1, from: 0, to: None };
        let mut queue = VecDeque::from([known(0, 20 * MB), unknown, known(2, 3 * MB)]);
        let mut pieces = Vec::new();
        while let Some(Piece { file, from, to }) = next(&mut queue, 4) {
            pieces.push((file, from, to));
        }
        let lengths = |of: usize| {
            let of = pieces.iter().filter(move |(file, ..)| *file == of);
            of.map(|(_, from, to)| to.unwrap_or(*from) - from).collect::<Vec<_>>()
        };
        assert_eq!(pieces.iter().filter(|(file, ..)| *file == 1).count(), 1);
        assert_eq!(
            (lengths(0).iter().sum::<u64>(), lengths(2).iter().sum::<u64>()),
            (20 * MB, 3 * MB)
        );
        assert!(
            pieces.iter().zip(pieces.iter().skip(1)).all(|(a, b)| a.0 != b.0 || a.2 == Some(b.1))
        );
        assert!(lengths(0).first() == Some(&PIECE) && lengths(0).is_sorted_by(|a, b| a >= b));
        assert!(lengths(2).iter().all(|length| (LEAST..2 * LEAST).contains(length)));
    }
}
