//! What a span needs of a file that may be far away.

use super::fragment::Fragment;
use super::fragmented::Following;
use super::indexed::{Choice, Piece};
use super::layout::{Beginning, find};
use super::moov::{Moov, Trak};
use super::select::Span;
use super::source::Source;
use super::work::{Content, Pick};
use super::{fragmented, indexed, progressive, tracks, work};
use crate::{ClipFile, ClipPart, Error, Media, ReadAt, SpanSelection, TrackKind};

/// Most bytes that are read of the file, those of the span not counted.
const INDEX: u64 = 64 << 20;

/// Finds what a span needs of a file, reading as little as possible: for large
/// tables only the stretches that the span needs.
///
/// # Errors
/// As [`read`](super::read), but at most 64 MiB are read, and
/// [`ErrorKind::Nothing`](crate::ErrorKind::Nothing) when nothing is presented in the
/// span.
pub async fn locate(file: &dyn ReadAt, want: &SpanSelection) -> Result<ClipFile, Error> {
    let source = Source::new(file, INDEX);
    source.along(within(&source, want)).await
}

async fn within(source: &Source<'_>, want: &SpanSelection) -> Result<ClipFile, Error> {
    let beginning = find(source).await?;
    let top = &beginning.moov;
    let moov = Moov::read(source, top.at, top.header.size, Some(want)).await?;
    if want.start.is_nan() || want.end.is_nan() || want.start >= want.end {
        return Err(Error::nothing("the span is empty"));
    }
    if moov.fragmented {
        let following = fragmented::following(source, &beginning.moov).await?;
        if let Some(first) = following.first {
            return in_fragments(source, &beginning, &moov, want, &following, first).await;
        }
    }
    let zero = progressive::zero(source, &moov).await?;
    let picks = progressive::picks(source, &moov, want, span(want, zero)).await?;
    gathered(&beginning, &moov, picks, zero, progressive::duration(&moov, zero))
}

/// A small file of samples that were found one by one.
fn gathered(
    beginning: &Beginning,
    moov: &Moov,
    mut picks: Vec<Pick<'_>>,
    origin_micros: i64,
    duration: Option<f64>,
) -> Result<ClipFile, Error> {
    picks.retain(|pick| !pick.samples.is_empty());
    if !picks.iter().any(|pick| pick.wanted) {
        return Err(nothing());
    }
    let parts = work::parts(&beginning.ftyp, moov, &picks)?;
    let media = Media { tracks: picks.into_iter().map(|pick| pick.track).collect() };
    Ok(ClipFile { parts, origin_micros, duration, extension: "mp4", media })
}

async fn in_fragments(
    source: &Source<'_>,
    beginning: &Beginning,
    moov: &Moov,
    want: &SpanSelection,
    following: &Following,
    first: u64,
) -> Result<ClipFile, Error> {
    let tracks = tracks::wanted(moov, want.video, want.audio);
    let described = |(trak, kind): &(&Trak, TrackKind)| {
        let trex = moov.trex.iter().find(|trex| trex.track == trak.id);
        tracks::describe(trak, *kind, trex.map_or(1, |trex| trex.description))
    };
    // Refuses what can't be used before more is read.
    let media = Media { tracks: tracks.iter().map(described).collect::<Result<_, _>>()? };
    // `moov` may have the first samples itself, before all fragments.
    let some = tracks.iter().any(|(trak, _)| trak.tables.count > 0);
    let zero = match some {
        true => progressive::zero(source, moov).await?,
        false => fragmented::zero(source, moov, first).await?,
    };
    let duration = fragmented::duration(moov, &following.indexes, zero);
    let span = span(want, zero);
    let choice = match some {
        true => Choice::Walk(None),
        false => indexed::choose(source, moov, &tracks, following, span).await?,
    };
    match choice {
        Choice::Copy(pieces) if pieces.is_empty() => Err(nothing()),
        Choice::Copy(pieces) => {
            let top = &beginning.moov;
            let moov = source.get(top.at, top.header.size).await?;
            let head = ClipPart::Generated([&beginning.ftyp[..], &moov].concat());
            let parts = copied(head, &pieces)?;
            Ok(ClipFile { parts, origin_micros: zero, duration, extension: "mp4", media })
        }
        Choice::Walk(hint) => {
            let picks = fragmented::picks(source, moov, &tracks, first, hint, span).await?;
            gathered(beginning, moov, picks, zero, duration)
        }
    }
}

/// A small file of segments as they are, and of parts of segments.
fn copied(head: ClipPart, pieces: &[Piece]) -> Result<Vec<ClipPart>, Error> {
    let mut at = head.length();
    let mut parts = vec![head];
    for Piece { range, part } in pieces {
        let added = match part {
            None => vec![ClipPart::Copied(range.clone())],
            Some(Fragment { track, description, samples, .. }) => {
                let (track, description) = (*track, *description);
                work::fragment(&[Content { track, description, samples }], at)?
            }
        };
        at += added.iter().map(ClipPart::length).sum::<u64>();
        parts.extend(added);
    }
    Ok(parts)
}

fn nothing() -> Error {
    Error::nothing("the file has nothing within the span")
}

/// A span in the file's own clock.
pub(crate) fn span(want: &SpanSelection, zero: i64) -> Span {
    // As a cast does: what is beyond every time becomes the greatest one.
    let micros = |seconds: f64| zero.saturating_add((seconds * 1e6).round() as i64);
    Span { start: micros(want.start), end: micros(want.end) }
}
