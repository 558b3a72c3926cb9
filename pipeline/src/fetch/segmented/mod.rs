//! A rendition in segments: those of a span, fetched side by side and joined
//! to one local file with one clock.
//!
//! Where the segments are is told by a playlist or a manifest; reading those
//! is done elsewhere.

use clipmill_core::{Code, Error, Span, micros_of_seconds};

mod check;
mod crypt;
pub(super) mod dash;
mod download;
mod head;
pub(super) mod hls;
mod join;
pub(super) mod live;
mod pick;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clipmill_core::net::{Text, check_url};
use clipmill_media::ErrorKind;
use tokio::time::Instant;
use url::Url;

use self::download::{Get, Wanted};
use self::head::Begin;
use crate::context::PipelineContext;
use crate::fetch::context::Means;
use crate::fetch::span;
use crate::fetch::transfer::range_request::Remote;
use crate::local_media::MediaFile;
use crate::workspace;

/// How long a list of segments counts as just read; a growing one is asked for
/// again later than that.
const LATELY: Duration = Duration::from_millis(400);
/// How often the choice of segments is widened.
const TRIES: usize = 4;
/// By how much times may be rounded, microseconds.
const HAIR: i64 = 100;

/// The segments of one rendition.
#[derive(Debug, Clone, Default)]
pub(super) struct Reel {
    /// Request headers that the server wants.
    pub headers: BTreeMap<String, String>,
    /// What addresses are relative to.
    pub bases: Vec<Url>,
    /// In the order of time.
    pub segments: Vec<Segment>,
    /// Initialisation sections.
    pub maps: Vec<Place>,
    /// Keys of AES-128.
    pub keys: Vec<Place>,
    /// What time 0 is in the clock of the segments.
    pub zero: Zero,
}

/// Bytes at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Which of [`Reel::bases`] the address is relative to.
    pub base: usize,
    /// The address as the server wrote it.
    pub uri: String,
    /// Which bytes; none for all.
    pub range: Option<Range<u64>>,
}

impl Reel {
    /// When it begins and ends, seconds; none when it is empty.
    pub fn span(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.segments.first()?, self.segments.last()?);
        Some((first.start, last.start + last.duration))
    }

    /// Takes over what a newer answer adds at the end. What it does not list
    /// any more stays.
    pub fn grow(&mut self, newer: Reel) {
        let last = self.segments.last().map(|segment| (segment.number, segment.start));
        let same = |segment: &&Segment| Some(segment.number) == last.map(|(number, _)| number);
        let moved = match (last, newer.segments.iter().find(same)) {
            (Some((_, start)), Some(segment)) => start - segment.start,
            _ => 0.0,
        };
        let (bases, maps, keys) = (self.bases.len(), self.maps.len(), self.keys.len());
        let known = last.map_or(0, |(number, _)| number.saturating_add(1));
        let added = newer.segments.into_iter().filter(|segment| segment.number >= known);
        let rebased = |place: Place| Place { base: place.base + bases, ..place };
        self.segments.extend(added.map(|segment| Segment {
            place: rebased(segment.place),
            start: segment.start + moved,
            map: segment.map.map(|map| map + maps),
            key: segment.key.map(|(key, vector)| (key + keys, vector)),
            ..segment
        }));
        self.maps.extend(newer.maps.into_iter().map(rebased));
        self.keys.extend(newer.keys.into_iter().map(rebased));
        self.bases.extend(newer.bases);
        if let (Zero::Told(known), Zero::Told(told)) = (&mut self.zero, newer.zero) {
            known.extend(told);
        }
    }

    /// The full address of a place.
    fn url(&self, place: &Place) -> Result<Url, Error> {
        let url = self.bases.get(place.base).and_then(|base| base.join(&place.uri).ok());
        url.filter(|url| check_url(url).is_ok())
            .ok_or_else(|| Error::never(Code::NotMedia, "the playlist names an odd address"))
    }
}

/// One segment.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub place: Place,
    /// When it begins in the source's time, seconds, as far as is told.
    pub start: f64,
    /// Seconds, as far as is told.
    pub duration: f64,
    /// Its number, which it keeps while a list grows.
    pub number: u64,
    /// Segments of one run share a clock.
    pub run: u64,
    /// Its initialisation section.
    pub map: Option<usize>,
    /// Its key and initialisation vector.
    pub key: Option<(usize, [u8; 16])>,
}

/// What time 0 of the source is in the clock of the segments.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Zero {
    /// The first segment of each run begins at its start.
    #[default]
    First,
    /// The first fetched segment of each run begins at its start: the first
    /// one of all is gone.
    Fetched,
    /// Microseconds, by run.
    Told(BTreeMap<u64, i64>),
}

/// What is wanted of a reel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    /// In the source's time; none for all of it.
    pub span: Option<Span>,
    /// Whether the picture is wanted; else the sound alone.
    pub picture: bool,
    /// Whether the first sound is wanted.
    pub sound: bool,
    /// Whether picture and sound are in two lines.
    pub apart: bool,
}

/// Who fetches.
pub(super) struct Fetcher<'a> {
    context: &'a PipelineContext,
    means: &'a Arc<Means>,
    lists: Mutex<Vec<List>>,
}

/// A playlist or a manifest that was read.
struct List {
    remote: Remote,
    read: Instant,
    text: Text,
}

impl<'a> Fetcher<'a> {
    /// With nothing read yet.
    pub fn new(context: &'a PipelineContext, means: &'a Arc<Means>) -> Fetcher<'a> {
        Fetcher { context, means, lists: Mutex::default() }
    }

    /// A playlist or a manifest of at most so many bytes. The source that found
    /// it, whoever chooses a rendition and whoever reads its segments ask right
    /// after each other for the same one, which then comes once.
    ///
    /// # Errors
    /// Those of sources.
    pub async fn text(&self, remote: &Remote, most: usize) -> Result<Text, Error> {
        let lists = || self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists().retain(|list| list.read.elapsed() < LATELY);
        if let Some(list) = lists().iter().find(|list| list.remote == *remote) {
            return Ok(list.text.clone());
        }
        let text = match self.means.client.kept(&remote.url, &remote.headers) {
            Some(text) => text,
            None => {
                let get = Get { means: self.means, headers: &remote.headers };
                get.text(&remote.url, most).await?
            }
        };
        let (remote, read) = (remote.clone(), Instant::now());
        lists().push(List { remote, read, text: text.clone() });
        Ok(text)
    }

    /// Fetches what is needed to `stem` with an extension.
    ///
    /// # Errors
    /// `no_such_span`, and those of sources and of stages; `cut_mismatch` and
    /// `not_media` where the source itself may do better.
    pub async fn fetch(&self, reel: &Reel, need: Need, stem: &Path) -> Result<MediaFile, Error> {
        let begin = reel.segments.first().map_or(0.0, |segment| segment.start);
        let end = reel.segments.last().map(|segment| segment.start + segment.duration);
        let Some(end) = end else {
            return Err(Error::never(Code::NoSuchSpan, "the stream has no segments"));
        };
        let wanted = match need.span {
            Some(wanted) => span::clip(wanted, Some(end))?,
            None => Span { start: begin, end },
        };
        let folder = folder(stem);
        workspace::prepare(&folder).await?;
        let mut picked = pick::segments(&reel.segments, wanted, need.picture);
        let mut heads = BTreeMap::new();
        let (told, mut count) = (matches!(reel.zero, Zero::Told(_)), reel.segments.len());
        for _ in 0..TRIES {
            let file = match self.make(reel, &picked, need, &mut heads, &folder, stem).await {
                // By lengths alone one more may be counted than there are.
                Err(error)
                    if error.code == Code::RemovedVideo
                        && told
                        && picked.start > 0
                        && picked.end == count =>
                {
                    let back = usize::from(picked.len() == 1);
                    (picked, count) = (picked.start - back..picked.end - 1, count - 1);
                    continue;
                }
                made => made?,
            };
            match self.lacks(&file, &picked, count, wanted, need).await? {
                None => {
                    let _ = tokio::fs::remove_dir_all(&folder).await;
                    return Ok(file);
                }
                Some(wider) => picked = wider,
            }
        }
        Err(Error::never(Code::CutMismatch, "the segments do not hold what their playlist says"))
    }

    /// Fetches what there is already of a span that is not all there yet.
    ///
    /// # Errors
    /// Those of sources, `too_large`, `disk_full`.
    pub async fn ahead(
        &self,
        reel: &Reel,
        span: Span,
        picture: bool,
        stem: &Path,
    ) -> Result<(), Error> {
        let folder = folder(stem);
        workspace::prepare(&folder).await?;
        let picked = pick::segments(&reel.segments, span, picture);
        let wanted = Wanted::of(reel, &picked, &folder)?;
        let get = Get { means: self.means, headers: &reel.headers };
        get.all(&wanted.files).await
    }

    /// One file of these segments.
    async fn make(
        &self,
        reel: &Reel,
        picked: &Range<usize>,
        need: Need,
        heads: &mut BTreeMap<u64, Begin>,
        folder: &Path,
        stem: &Path,
    ) -> Result<MediaFile, Error> {
        let wanted = Wanted::of(reel, picked, folder)?;
        let get = Get { means: self.means, headers: &reel.headers };
        let (found, ()) =
            tokio::try_join!(head::heads(&get, reel, picked, heads), get.all(&wanted.files))?;
        heads.extend(found);
        join::join(self.context, reel, picked, need, heads, folder, stem).await
    }

    /// The wider choice that is needed, if this one is too narrow.
    async fn lacks(
        &self,
        file: &MediaFile,
        picked: &Range<usize>,
        count: usize,
        wanted: Span,
        need: Need,
    ) -> Result<Option<Range<usize>>, Error> {
        if !need.picture || need.span.is_none() {
            return Ok(None);
        }
        let held = check::held(self.context, file).await?;
        let zero = file.zero_micros;
        let (start, end) = (
            zero.saturating_add(micros_of_seconds(wanted.start)),
            zero.saturating_add(micros_of_seconds(wanted.end)),
        );
        // Whether the frame before the first one, or after the last one, would
        // be in the span, if there is one.
        let late = |key: i64| key.saturating_sub(held.gap) >= start.saturating_sub(HAIR);
        let back = held.first_key.is_none_or(|key| key > start && late(key)) && picked.start > 0;
        let next = held.last.saturating_add(held.gap);
        let on = next < end.saturating_sub(HAIR) && picked.end < count;
        if !back && !on {
            return Ok(None);
        }
        tracing::debug!(back, on, "the segments are not where their playlist says");
        Ok(Some(picked.start - usize::from(back)..picked.end + usize::from(on)))
    }
}

/// Where the segments of a work file are kept until they are joined.
pub(super) fn folder(stem: &Path) -> PathBuf {
    stem.with_extension("segments")
}

/// Where a segment is kept until it is joined.
fn kept(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.segment"))
}

fn kept_map(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.map"))
}

fn kept_key(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.key"))
}

/// What a parser's refusal means for a stage.
pub(super) fn refused(error: clipmill_media::Error) -> Error {
    tracing::info!(%error, "a playlist or a segment can't be used");
    match error.kind {
        ErrorKind::Nothing => Error::never(Code::NoSuchSpan, error.what),
        ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::TooLarge | ErrorKind::Read => {
            Error::never(Code::NotMedia, format!("the stream can't be read: {}", error.what))
        }
    }
}
