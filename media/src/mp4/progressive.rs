//! Files whose samples are all in the tables of `moov`.

use std::ops::Range;

use futures_util::future::{try_join, try_join_all};

use super::ahead::ahead;
use super::moov::{Moov, Trak};
use super::places::places;
use super::select::{MARGIN, Span, select};
use super::source::Source;
use super::tables::Tables;
use super::times::{Clock, LATEST, offsets, syncs};
use super::tracks::{Raw, describe, micros, presented, ticks, wanted};
use super::work::Pick;
use crate::{Error, SpanSelection, TrackKind};

/// Most samples of a track that are looked at for a span.
const WINDOW: u64 = 2_000_000;
/// How much later than decoded samples are presented at most, as is assumed
/// until they say more; microseconds.
pub(crate) const REORDERED: i64 = 2_000_000;
/// Samples at the beginning of a track among which the first one to be
/// presented is.
const BEGINNING: u64 = 16;
/// Most attempts to find the samples of a span with more of the tables.
const ATTEMPTS: u32 = 16;

/// All samples of a track, and their description.
pub(crate) async fn all(source: &Source<'_>, trak: &Trak) -> Result<(Vec<Raw>, u32), Error> {
    let clock = Clock::read(source, trak.tables.stts, LATEST, None).await?;
    let range = 0..trak.tables.count;
    if range.is_empty() {
        return Ok((Vec::new(), 1));
    }
    let syncs = syncs(source, &trak.tables).await?;
    let mut samples = timed(source, trak, &clock, syncs.as_deref(), range.clone()).await?;
    let description = place(source, trak, &[], &mut samples, range).await?;
    Ok((samples, description))
}

/// What a span needs of the wanted tracks.
pub(crate) async fn picks<'m>(
    source: &Source<'_>,
    moov: &'m Moov,
    want: &SpanSelection,
    span: Span,
) -> Result<Vec<Pick<'m>>, Error> {
    let tracks = wanted(moov, want.video, want.audio);
    let picks = tracks.into_iter().map(|(trak, kind)| pick(source, moov, trak, kind, span));
    try_join_all(picks).await
}

async fn pick<'m>(
    source: &Source<'_>,
    moov: &Moov,
    trak: &'m Trak,
    kind: TrackKind,
    span: Span,
) -> Result<Pick<'m>, Error> {
    let tables = &trak.tables;
    // Refuses what can't be used before its tables are read.
    describe(trak, kind, 1)?;
    let shift = trak.edits.shift(moov.timescale, trak.timescale)?;
    let reordered = if tables.ctts.is_some() { ticks(REORDERED, trak.timescale) } else { 0 };
    let (mut reordered, mut before) = (reordered + 1, 2);
    let others: Vec<&Tables> = (moov.tracks.iter())
        .filter(|other| !std::ptr::eq(*other, trak))
        .map(|other| &other.tables)
        .collect();
    ahead(source, trak, kind, shift, span).await?;
    let syncs = match kind {
        TrackKind::Video => syncs(source, tables).await?,
        TrackKind::Audio => None,
    };
    for _ in 0..ATTEMPTS {
        let from = ticks(span.start, trak.timescale).saturating_sub(shift);
        let until = ticks(span.end, trak.timescale).saturating_sub(shift).saturating_add(1);
        let until = until.saturating_add(reordered);
        let clock = Clock::read(source, tables.stts, until, trak.duration).await?;
        let around = MARGIN as u64 + 1;
        let end = clock.first_from(until).saturating_add(around).min(tables.count);
        let near = clock.first_from(from.saturating_sub(reordered)).saturating_sub(around);
        let start = match &syncs {
            Some(syncs) => (syncs.partition_point(|sync| *sync <= near))
                .checked_sub(before)
                .and_then(|at| syncs.get(at).copied())
                .unwrap_or(0),
            None => near.saturating_sub(before as u64),
        };
        if start >= end {
            break;
        }
        if end - start > WINDOW {
            return Err(Error::too_large("the span has too many samples"));
        }
        let mut samples = timed(source, trak, &clock, syncs.as_deref(), start..end).await?;
        let most = samples.iter().map(|sample| i64::from(sample.cts).abs()).max().unwrap_or(0);
        if most > reordered {
            reordered = most.saturating_mul(2);
            continue;
        }
        let Some(selected) = select(&samples, kind, trak.timescale, shift, span) else { break };
        if selected.earlier && start > 0 {
            before = before.saturating_mul(4);
            continue;
        }
        samples.truncate(selected.range.end);
        samples.drain(..selected.range.start);
        let first = start + selected.range.start as u64;
        let range = first..first + samples.len() as u64;
        let description = place(source, trak, &others, &mut samples, range).await?;
        let track = describe(trak, kind, description)?;
        return Ok(Pick { trak, track, description, samples, wanted: selected.wanted });
    }
    let track = describe(trak, kind, 1)?;
    Ok(Pick { trak, track, description: 1, samples: Vec::new(), wanted: false })
}

/// Samples of a range with their times, not yet their places.
async fn timed(
    source: &Source<'_>,
    trak: &Trak,
    clock: &Clock,
    syncs: Option<&[u64]>,
    range: Range<u64>,
) -> Result<Vec<Raw>, Error> {
    let offsets = offsets(source, &trak.tables, range.clone()).await?;
    let sync = |sample| syncs.is_none_or(|syncs| syncs.binary_search(&sample).is_ok());
    Ok(range
        .clone()
        .map(|sample| {
            let (dts, delta) = clock.at(sample);
            let cts = offsets.get((sample - range.start) as usize).copied().unwrap_or(0);
            Raw { dts, delta, cts, sync: sync(sample), ..Raw::default() }
        })
        .collect())
}

/// Finds the places of the samples of a range. Returns their description.
async fn place(
    source: &Source<'_>,
    trak: &Trak,
    others: &[&Tables],
    samples: &mut [Raw],
    range: Range<u64>,
) -> Result<u32, Error> {
    let places = places(source, &trak.tables, others, range).await?;
    for (sample, (offset, size)) in samples.iter_mut().zip(places.samples) {
        (sample.offset, sample.size) = (offset, size);
    }
    Ok(places.description)
}

/// When the first of all tracks is presented, microseconds.
pub(crate) async fn zero(source: &Source<'_>, moov: &Moov) -> Result<i64, Error> {
    let tracks = presented(moov).into_iter().filter(|(trak, _)| trak.tables.count > 0);
    let begins = tracks.map(|(trak, _)| begins(source, moov, trak));
    Ok(try_join_all(begins).await?.into_iter().min().unwrap_or(0))
}

async fn begins(source: &Source<'_>, moov: &Moov, trak: &Trak) -> Result<i64, Error> {
    if trak.edits.listed {
        let ticks = trak.edits.begins(moov.timescale, trak.timescale)?;
        return Ok(micros(ticks, trak.timescale));
    }
    let range = 0..BEGINNING.min(trak.tables.count);
    let (clock, offsets) = try_join(
        Clock::read(source, trak.tables.stts, 1, None),
        offsets(source, &trak.tables, range.clone()),
    )
    .await?;
    let time = |sample: u64| {
        let offset = offsets.get(sample as usize).copied().unwrap_or(0);
        clock.at(sample).0.saturating_add(offset.into())
    };
    Ok(micros(range.map(time).min().unwrap_or(0), trak.timescale))
}

/// Seconds from `zero` to the end of the last track, when `moov` tells.
pub(crate) fn duration(moov: &Moov, zero: i64) -> Option<f64> {
    let movie = |ticks: u64| ticks as f64 / f64::from(moov.timescale);
    let end = |trak: &Trak| {
        let begins = trak.edits.begins(moov.timescale, trak.timescale).ok()?;
        if trak.edits.listed && trak.edits.duration > 0 {
            let begins = begins as f64 / f64::from(trak.timescale.max(1));
            return Some(begins + movie(trak.edits.duration));
        }
        let shift = trak.edits.shift(moov.timescale, trak.timescale).ok()?;
        let ticks = i64::try_from(trak.duration?).ok()?.saturating_add(shift);
        Some(ticks as f64 / f64::from(trak.timescale.max(1)))
    };
    let ends = presented(moov).into_iter().filter_map(|(trak, _)| end(trak));
    let end = ends.reduce(f64::max).or_else(|| moov.duration.map(movie))?;
    Some((end - zero as f64 / 1e6).max(0.0))
}
