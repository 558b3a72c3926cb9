//! Spans of files in fragments that have an index: which fragments to copy.

use std::ops::Range;

use futures_util::future::join;

use super::fragment::Fragment;
use super::fragmented::{self, Following, earliest};
use super::layout::{Top, WINDOW};
use super::moov::{Moov, Trak};
use super::select::{Span, select};
use super::sidx::{Index, Reference};
use super::source::Source;
use super::tracks::micros;
use super::walk;
use crate::{Error, ErrorKind, TrackKind};

/// Deepest nesting of indexes.
const DEPTH: usize = 4;
/// Most indexes that are read for a span.
const INDEXES: usize = 256;
/// How far before and after a span indexes within indexes are read,
/// microseconds: a segment before it may have to be taken along.
const AROUND: i64 = 15_000_000;
/// How much more sound is taken along on either side, microseconds: two
/// packets.
const SOUND: i64 = 50_000;
/// From so many bytes on, only what is needed of a segment is copied: to look
/// for it costs a request.
const LARGE: u64 = 512 << 10;
/// Most times that the choice of segments is put right.
const ATTEMPTS: usize = 8;

/// How the samples of a span are got.
pub(crate) enum Choice {
    /// These segments of the file; none are there when the file has nothing
    /// within the span.
    Copy(Vec<Piece>),
    /// Going from fragment to fragment; from this one on, if it is known.
    Walk(Option<u64>),
}

/// Segments that follow each other, and are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Their bytes.
    pub range: Range<u64>,
    /// What of a single one is needed, when that is not all.
    pub part: Option<Fragment>,
}

/// A segment, with its times in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    range: Range<u64>,
    time: Range<i64>,
    begins: bool,
}

/// Chooses the segments of a span.
pub(crate) async fn choose(
    source: &Source<'_>,
    moov: &Moov,
    tracks: &[(&Trak, TrackKind)],
    following: &Following,
    span: Span,
) -> Result<Choice, Error> {
    let own = |trak: &Trak| following.indexes.iter().find(|index| index.track == trak.id);
    let (indexed, others): (Vec<_>, Vec<_>) =
        tracks.iter().copied().partition(|(trak, _)| own(trak).is_some());
    let mut pieces = Vec::new();
    for (trak, kind) in indexed {
        let Some(own) = own(trak) else { continue };
        let more = if kind == TrackKind::Audio { SOUND } else { 0 };
        let span =
            Span { start: span.start.saturating_sub(more), end: span.end.saturating_add(more) };
        let choosing = Choosing { source, moov, trak, kind, others: &others, span };
        match choosing.choose(own).await {
            Ok(Choice::Copy(found)) => pieces.extend(found),
            Ok(walk) => return Ok(walk),
            // A fragment that does not say when it begins.
            Err(error) if error.kind == ErrorKind::Unsupported => return Ok(Choice::Walk(None)),
            Err(error) => return Err(error),
        }
    }
    if pieces.is_empty() && others.len() == tracks.len() {
        return Ok(Choice::Walk(None));
    }
    Ok(Choice::Copy(merged(pieces)))
}

/// In the file's order, and no byte twice.
fn merged(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_unstable_by_key(|piece| piece.range.start);
    let mut merged: Vec<Piece> = Vec::new();
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if piece.range.start < last.range.end => {
                last.range.end = last.range.end.max(piece.range.end);
                // What is of more than one track stays whole.
                last.part = None;
            }
            Some(last)
                if piece.range.start == last.range.end && last.is_whole() && piece.is_whole() =>
            {
                last.range.end = piece.range.end;
            }
            _ => merged.push(piece),
        }
    }
    merged
}

impl Piece {
    fn is_whole(&self) -> bool {
        self.part.is_none()
    }
}

/// The choice for a track that has an index.
struct Choosing<'a, 's> {
    source: &'a Source<'s>,
    moov: &'a Moov,
    trak: &'a Trak,
    kind: TrackKind,
    /// Wanted tracks that have none: they may be in the same fragments.
    others: &'a [(&'a Trak, TrackKind)],
    span: Span,
}

impl Choosing<'_, '_> {
    async fn choose(&self, index: &Index) -> Result<Choice, Error> {
        let mut segments = segments(self.source, index, self.span).await?;
        let mut back = 0;
        for _ in 0..ATTEMPTS {
            if segments.is_empty() {
                break;
            }
            let Some((first, last)) = cover(&segments, self.span) else {
                return Ok(Choice::Copy(Vec::new()));
            };
            let first = first.saturating_sub(back);
            let Some(segment) = segments.get(first).cloned() else { break };
            // The last one is looked at later, and had by then.
            let edge = segments.get(last).filter(|edge| self.may_trim(edge));
            let edge = async {
                if let Some(edge) = edge {
                    drop(self.fragments(edge).await);
                }
            };
            let (fragments, ()) = join(self.fragments(&segment), edge).await;
            let fragments = fragments?;
            let Some(own) = fragments.iter().find(|of| of.track == self.trak.id) else { break };
            // Some indexes ignore edit lists, or count from another beginning.
            let off = self.earliest(own, self.trak)?.saturating_sub(segment.time.start);
            if off != 0 {
                for segment in &mut segments {
                    let Range { start, end } = segment.time;
                    segment.time = start.saturating_add(off)..end.saturating_add(off);
                }
                if cover(&segments, self.span).is_none_or(|now| now != (first + back, last)) {
                    continue;
                }
            }
            let sync = self.kind == TrackKind::Audio
                || own.samples.first().is_some_and(|first| first.sync);
            if first > 0 && !(sync && self.others_begin(&fragments)?) {
                back += 1;
                continue;
            }
            if fragments.iter().any(|fragment| !fragment.timed) {
                break;
            }
            // FFmpeg misreads offsets below 0 in fragments: see `work::raised`.
            let below = |of: &Fragment| of.samples.iter().any(|sample| sample.cts < 0);
            if fragments.iter().any(|of| of.fixed || below(of)) {
                return Ok(Choice::Walk(Some(segment.range.start)));
            }
            let last = if self.others_end(segments.get(last + 1)).await? { last } else { last + 1 };
            let chosen = segments.get(first..=last).unwrap_or_default();
            return Ok(Choice::Copy(self.pieces(chosen).await?));
        }
        Ok(Choice::Walk(None))
    }

    /// The segments, without what the span does not need at either edge.
    async fn pieces(&self, segments: &[Segment]) -> Result<Vec<Piece>, Error> {
        let mut pieces = Vec::new();
        for (place, segment) in segments.iter().enumerate() {
            let edges = (place == 0, place + 1 == segments.len());
            let part = match edges {
                (false, false) => None,
                _ if !self.may_trim(segment) => None,
                edges => match self.trimmed(segment, edges).await {
                    Err(error) if error.kind == ErrorKind::Read => return Err(error),
                    trimmed => trimmed.ok().flatten(),
                },
            };
            pieces.push(Piece { range: segment.range.clone(), part });
        }
        Ok(pieces)
    }

    /// Whether it pays to look for the needed samples of a segment.
    fn may_trim(&self, segment: &Segment) -> bool {
        self.others.is_empty() && segment.range.end - segment.range.start >= LARGE
    }

    /// The samples that are needed of a segment at the beginning or at the end
    /// of the span; none when it is better copied whole.
    async fn trimmed(
        &self,
        segment: &Segment,
        (first, last): (bool, bool),
    ) -> Result<Option<Fragment>, Error> {
        let moof = self.moof(segment).await?;
        let data = Top::read(self.source, moof.end(), WINDOW).await?;
        let is_all = |data: Top| &data.header.name == b"mdat" && data.end() == segment.range.end;
        let fragments = self.fragments(segment).await?;
        let ([own], true) = (&fragments[..], data.is_some_and(is_all)) else { return Ok(None) };
        if own.samples.iter().any(|sample| sample.cts < 0) || !own.timed {
            return Ok(None);
        }
        let shift = self.trak.edits.shift(self.moov.timescale, self.trak.timescale)?;
        let samples = &own.samples;
        let chosen = select(samples, self.kind, self.trak.timescale, shift, self.span);
        let Some(chosen) = chosen else { return Ok(None) };
        let from = if first && !chosen.earlier { chosen.range.start } else { 0 };
        let to = if last { chosen.range.end } else { samples.len() };
        let samples = samples.get(from..to).unwrap_or_default().to_vec();
        let fewer = !samples.is_empty() && samples.len() < own.samples.len();
        Ok(fewer.then(|| Fragment { samples, ..own.clone() }))
    }

    /// The first `moof` of a segment.
    async fn moof(&self, segment: &Segment) -> Result<Top, Error> {
        let mut at = segment.range.start;
        let moof = walk::next(self.source, &mut at, WINDOW).await?;
        moof.filter(|moof| moof.at < segment.range.end)
            .ok_or_else(|| Error::damaged("a segment has no fragment"))
    }

    /// The first fragments of a segment.
    async fn fragments(&self, segment: &Segment) -> Result<Vec<Fragment>, Error> {
        let all = std::iter::once(self.trak).chain(self.others.iter().map(|(trak, _)| *trak));
        let mut carried = walk::carried(self.moov, all.map(|trak| (trak, &[][..])));
        carried.iter_mut().for_each(|of| of.next = None);
        let moof = self.moof(segment).await?;
        walk::read(self.source, &moof, &mut carried).await
    }

    fn earliest(&self, fragment: &Fragment, trak: &Trak) -> Result<i64, Error> {
        let shift = trak.edits.shift(self.moov.timescale, trak.timescale)?;
        Ok(earliest(&fragment.samples, trak.timescale, shift))
    }

    /// Whether the other tracks begin before the span in these fragments.
    fn others_begin(&self, fragments: &[Fragment]) -> Result<bool, Error> {
        for (trak, _) in self.others {
            let Some(fragment) = fragments.iter().find(|of| of.track == trak.id) else { continue };
            let packet = fragment.samples.first().map_or(0, |first| first.delta);
            let packet = micros(packet.into(), trak.timescale);
            if self.earliest(fragment, trak)? > self.span.start.saturating_sub(packet) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing of the other tracks that the span needs is in the
    /// segment after it.
    async fn others_end(&self, after: Option<&Segment>) -> Result<bool, Error> {
        let Some(after) = after.filter(|_| !self.others.is_empty()) else { return Ok(true) };
        let fragments = self.fragments(after).await?;
        for (trak, _) in self.others {
            let Some(fragment) = fragments.iter().find(|of| of.track == trak.id) else { continue };
            if self.earliest(fragment, trak)? < self.span.end {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The first and the last segment of a span; none when all are before it.
fn cover(segments: &[Segment], span: Span) -> Option<(usize, usize)> {
    if segments.last()?.time.end <= span.start {
        return None;
    }
    let first = segments.iter().rposition(|s| s.begins && s.time.start <= span.start).unwrap_or(0);
    let last = segments.iter().rposition(|s| s.time.start < span.end)?;
    (first <= last).then_some((first, last))
}

/// The segments of an index, and of those within it that are near the span.
async fn segments(source: &Source<'_>, index: &Index, span: Span) -> Result<Vec<Segment>, Error> {
    let mut found = Vec::new();
    // What is still to be looked at, the next one last.
    let mut rest: Vec<_> = below(index, 0);
    let mut read = 0;
    while let Some((depth, timescale, reference)) = rest.pop() {
        let time = micros(reference.time.start, timescale)..micros(reference.time.end, timescale);
        if !reference.index {
            let (range, begins) = (reference.range, reference.begins);
            if range.end > source.size() {
                return Err(Error::damaged("a segment index goes beyond the file"));
            }
            found.push(Segment { range, time, begins });
            continue;
        }
        let near = time.end >= span.start.saturating_sub(AROUND)
            && time.start <= span.end.saturating_add(AROUND);
        if !near {
            continue;
        }
        read += 1;
        if depth >= DEPTH || read > INDEXES {
            return Err(Error::too_large("segment indexes are nested too deeply"));
        }
        let Some(top) = Top::read(source, reference.range.start, WINDOW).await? else {
            return Err(Error::damaged("a segment index goes beyond the file"));
        };
        if &top.header.name != b"sidx" {
            return Err(Error::damaged("a segment index refers to something else"));
        }
        rest.extend(below(&fragmented::index(source, &top).await?, depth + 1));
    }
    Ok(found)
}

/// What an index refers to, the last one first.
fn below(index: &Index, depth: usize) -> Vec<(usize, u32, Reference)> {
    let references = index.references.iter().rev().cloned();
    references.map(|reference| (depth, index.timescale, reference)).collect()
}
