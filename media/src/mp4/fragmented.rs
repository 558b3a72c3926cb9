//! Spans of files in fragments: with an index, whole fragments are copied as
//! they are; without, fragment after fragment is looked at, and the samples
//! are taken out of them.

use super::fragment::{Carried, Fragment};
use super::layout::{Top, WINDOW};
use super::moov::{Moov, Trak};
use super::select::{Span, select};
use super::sidx::Index;
use super::source::Source;
use super::tracks::{Raw, describe, micros, presented};
use super::work::Pick;
use super::{mfra, progressive, walk};
use crate::{Error, TrackKind};

/// Most boxes between `moov` and the first fragment.
const BOXES: usize = 256;
/// Most bytes of a `sidx`.
const SIDX: u64 = 1 << 20;
/// Most fragments at the beginning of which it is looked when each track
/// begins.
const BEGINNING: usize = 8;
/// Most fragments that are looked at where there is no index.
const FRAGMENTS: usize = 4096;
/// How much after a span fragments of a track begin when no sample of the
/// span can be in those after it any more, microseconds: two packets of sound.
const AFTER: i64 = 100_000;
/// Most attempts to begin with an earlier fragment.
const ATTEMPTS: usize = 8;

/// What follows `moov`.
pub(crate) struct Following {
    /// Indexes before the first fragment; only those of the whole file.
    pub indexes: Vec<Index>,
    /// The first fragment, if there is one.
    pub first: Option<u64>,
}

/// Looks at what follows `moov`, up to the first fragment.
pub(crate) async fn following(source: &Source<'_>, moov: &Top) -> Result<Following, Error> {
    let mut indexes = Vec::new();
    let mut at = moov.end();
    for _ in 0..BOXES {
        let Some(top) = Top::read(source, at, WINDOW).await? else { break };
        match &top.header.name {
            b"moof" => {
                let mut whole = Vec::new();
                for index in indexes {
                    if complete(source, &index).await? {
                        whole.push(index);
                    }
                }
                return Ok(Following { indexes: whole, first: Some(at) });
            }
            b"sidx" => indexes.push(index(source, &top).await?),
            _ => {}
        }
        at = top.end();
    }
    Ok(Following { indexes: Vec::new(), first: None })
}

/// Whether no fragments follow those of an index. Some files have an index
/// before every fragment.
async fn complete(source: &Source<'_>, index: &Index) -> Result<bool, Error> {
    let end = index.references.last().map_or(0, |last| last.range.end);
    if end == source.size() || index.references.iter().any(|reference| reference.index) {
        return Ok(true);
    }
    let top = Top::read(source, end, WINDOW).await?;
    Ok(top.is_none_or(|top| !matches!(&top.header.name, b"moof" | b"styp" | b"sidx" | b"mdat")))
}

/// Reads a `sidx`.
pub(crate) async fn index(source: &Source<'_>, top: &Top) -> Result<Index, Error> {
    if top.header.size > SIDX {
        return Err(Error::too_large("a segment index is too large"));
    }
    let (from, size) = (top.at + top.header.head, top.header.size - top.header.head);
    Index::read(&source.get(from, size).await?, top.end())
}

/// When the first of all tracks is presented, microseconds.
pub(crate) async fn zero(source: &Source<'_>, moov: &Moov, first: u64) -> Result<i64, Error> {
    let tracks = presented(moov);
    let mut begins = Vec::new();
    let mut unknown = Vec::new();
    for (trak, _) in tracks {
        if trak.edits.listed {
            begins.push(micros(trak.edits.begins(moov.timescale, trak.timescale)?, trak.timescale));
        } else {
            unknown.push(trak);
        }
    }
    let mut carried = walk::carried(moov, unknown.iter().map(|trak| (*trak, &[][..])));
    let mut at = first;
    for _ in 0..BEGINNING {
        if unknown.is_empty() {
            break;
        }
        let Some(moof) = walk::next(source, &mut at, WINDOW).await? else { break };
        for fragment in walk::read(source, &moof, &mut carried).await? {
            let Some(which) = unknown.iter().position(|trak| trak.id == fragment.track) else {
                continue;
            };
            let trak = unknown.remove(which);
            begins.push(earliest(&fragment.samples, trak.timescale, 0));
        }
    }
    Ok(begins.into_iter().min().unwrap_or(0))
}

/// When the first of some samples is presented, microseconds.
pub(crate) fn earliest(samples: &[Raw], timescale: u32, shift: i64) -> i64 {
    let ticks = |sample: &Raw| sample.dts.saturating_add(sample.cts.into()).saturating_add(shift);
    micros(samples.iter().map(ticks).min().unwrap_or(0), timescale)
}

/// Seconds from `zero` to the end, as far as `moov` or indexes tell.
pub(crate) fn duration(moov: &Moov, indexes: &[Index], zero: i64) -> Option<f64> {
    if let Some(ticks) = moov.fragments {
        return Some((ticks as f64 / f64::from(moov.timescale) - zero as f64 / 1e6).max(0.0));
    }
    // Not every index counts from the clock that the samples have.
    let time = |index: &Index| {
        let seconds = |ticks: i64| ticks as f64 / f64::from(index.timescale);
        let (first, last) = (index.references.first()?, index.references.last()?);
        Some((seconds(first.time.start), seconds(last.time.end)))
    };
    let all = indexes.iter().filter_map(time);
    let (start, end) = all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    Some((end - start).max(0.0))
}

/// A track of which samples are gathered.
struct Gathering<'m> {
    trak: &'m Trak,
    kind: TrackKind,
    shift: i64,
    description: Option<u32>,
    samples: Vec<Raw>,
    /// Whether the last fragment is after the span.
    passed: bool,
}

impl Gathering<'_> {
    fn take(&mut self, fragment: Fragment, span: Span) -> Result<(), Error> {
        if self.description.is_some_and(|known| known != fragment.description) {
            return Err(Error::unsupported("the track changes its sample description"));
        }
        self.description = Some(fragment.description);
        let begins = earliest(&fragment.samples, self.trak.timescale, self.shift);
        self.passed = begins >= span.end.saturating_add(AFTER);
        self.samples.extend(fragment.samples);
        Ok(())
    }
}

/// What a span needs of these tracks, found by going from fragment to
/// fragment, from `hint` on if that is known to be before the span.
pub(crate) async fn picks<'m>(
    source: &Source<'_>,
    moov: &'m Moov,
    tracks: &[(&'m Trak, TrackKind)],
    first: u64,
    hint: Option<u64>,
    span: Span,
) -> Result<Vec<Pick<'m>>, Error> {
    let mut from = match hint {
        Some(hint) => vec![hint],
        None => starts(source, tracks, span).await?,
    };
    loop {
        let begin = from.pop();
        let gathered = gather(source, moov, tracks, begin, first, span).await?;
        let mut picks = Vec::new();
        let mut earlier = false;
        for of in gathered {
            let selected = select(&of.samples, of.kind, of.trak.timescale, of.shift, span);
            let begins = earliest(&of.samples, of.trak.timescale, of.shift);
            earlier |= match &selected {
                Some(found) if of.kind == TrackKind::Video => found.earlier,
                _ => !of.samples.is_empty() && begins > span.start,
            };
            let description = of.description.unwrap_or(1);
            let track = describe(of.trak, of.kind, description)?;
            let (range, wanted) =
                selected.map_or((0..0, false), |found| (found.range, found.wanted));
            let samples = of.samples.get(range).unwrap_or_default().to_vec();
            picks.push(Pick { trak: of.trak, track, description, samples, wanted });
        }
        if begin.is_none() || !earlier || begin == Some(first) {
            return Ok(picks);
        }
    }
}

/// Fragments that a span may begin with, the best one last.
async fn starts(
    source: &Source<'_>,
    tracks: &[(&Trak, TrackKind)],
    span: Span,
) -> Result<Vec<u64>, Error> {
    let Some((trak, _)) = tracks.first() else { return Ok(Vec::new()) };
    let entries = mfra::entries(source, trak.id).await?;
    let before = |entry: &&mfra::Entry| {
        let time = i64::try_from(entry.time).unwrap_or(i64::MAX);
        micros(time, trak.timescale) <= span.start
    };
    let before: Vec<u64> = entries.iter().filter(before).map(|entry| entry.moof).collect();
    Ok(before.into_iter().rev().take(ATTEMPTS).rev().collect())
}

async fn gather<'m>(
    source: &Source<'_>,
    moov: &'m Moov,
    tracks: &[(&'m Trak, TrackKind)],
    begin: Option<u64>,
    first: u64,
    span: Span,
) -> Result<Vec<Gathering<'m>>, Error> {
    let mut gathered = Vec::new();
    for (trak, kind) in tracks.iter().copied() {
        let shift = trak.edits.shift(moov.timescale, trak.timescale)?;
        let mut of =
            Gathering { trak, kind, shift, description: None, samples: Vec::new(), passed: false };
        if begin.is_none() && trak.tables.count > 0 {
            let (samples, description) = progressive::all(source, trak).await?;
            (of.samples, of.description) = (samples, Some(description));
        }
        gathered.push(of);
    }
    let mut carried = walk::carried(moov, gathered.iter().map(|of| (of.trak, &of.samples[..])));
    if begin.is_some_and(|begin| begin != first) {
        carried.iter_mut().for_each(|of: &mut Carried| of.next = None);
    }
    let mut at = begin.unwrap_or(first);
    for _ in 0..FRAGMENTS {
        let Some(moof) = walk::next(source, &mut at, WINDOW).await? else { return Ok(gathered) };
        for fragment in walk::read(source, &moof, &mut carried).await? {
            if let Some(of) = gathered.iter_mut().find(|of| of.trak.id == fragment.track) {
                of.take(fragment, span)?;
            }
        }
        if gathered.iter().all(|of| of.passed) {
            return Ok(gathered);
        }
    }
    Err(Error::unsupported("the file has too many fragments and no index"))
}
