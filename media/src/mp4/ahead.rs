//! Reading ahead in a large `moov`: while one header or table is on its way,
//! what probably comes next is asked for as well, so that as few answers as
//! possible are waited for one after the other.
//!
//! Nothing that is found out here is used, and no error is told: whoever needs
//! the bytes finds them there, or reads them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join;

use super::moov::{TRACKS, Trak, clock, small};
use super::nested::{BOXES, Boxes, Found, WINDOW};
use super::progressive::REORDERED;
use super::select::Span;
use super::source::Source;
use super::span::span;
use super::tables::Tables;
use super::times::{Clock, LATEST};
use super::tracks::ticks;
use crate::{Error, SpanSelection, TrackKind};

/// Bytes that are read where a track begins: all before its large tables.
const TRACK: u64 = 32 << 10;
/// Bytes that are read before that: what comes after another track's tables.
const REST: u64 = 2 << 10;
/// How much before a span is read with it, microseconds: keyframes may lie that
/// far apart, and so much of the sound is looked at to find its place.
const BEFORE: i64 = 24_000_000;
/// How much from its start on at least.
const AFTER: i64 = 24_000_000;

/// Reads ahead what is wanted of all tracks at the same time.
pub(crate) async fn skim(source: &Source<'_>, boxes: Boxes, want: &SpanSelection) {
    let scout = Scout {
        source,
        want,
        picture: AtomicBool::new(want.video),
        sound: AtomicBool::new(want.audio),
    };
    scout.tracks(boxes, 1, TRACKS).await;
}

struct Scout<'a, 's> {
    source: &'a Source<'s>,
    want: &'a SpanSelection,
    /// Whether a picture is still looked for.
    picture: AtomicBool,
    /// Whether sound is.
    sound: AtomicBool,
}

impl Scout<'_, '_> {
    /// Goes over what is left of `moov`, which has so many ticks a second as
    /// far as is known.
    async fn tracks(&self, mut boxes: Boxes, mut movie: u32, tracks: usize) {
        for _ in 0..BOXES {
            let Ok(Some(found)) = boxes.next(self.source).await else { return };
            match &found.name {
                b"mvhd" => {
                    let Ok(content) = small(self.source, found.from, found.size).await else {
                        return;
                    };
                    movie = clock(&content).map_or(movie, |(ticks, ..)| ticks);
                }
                b"trak" if tracks > 0 => {
                    self.source.ahead(found.end() - REST.min(found.size), TRACK);
                    let inside = Boxes::within(found.name, found.from, found.end());
                    let rest = Box::pin(self.tracks(boxes, movie, tracks - 1));
                    join(self.track(inside, movie, found.end()), rest).await;
                    return;
                }
                _ => {}
            }
        }
    }

    /// Goes over a track, which ends at `end`.
    async fn track(&self, mut boxes: Boxes, movie: u32, end: u64) {
        let mut trak = Trak::default();
        let mut kind = None;
        for _ in 0..BOXES {
            let Ok(found) = boxes.next(self.source).await else { return };
            let Some(found) = found else { break };
            if found.is_container() {
                if boxes.enter(&found).is_err() {
                    return;
                }
                continue;
            }
            if trak.leaf(self.source, &found).await.is_err() {
                return;
            }
            if &found.name == b"hdlr" {
                kind = self.kind(&trak);
            }
            let far = found.end() < end && !self.source.begun(found.end());
            if &found.inside == b"stbl" && far {
                self.source.ahead(found.end(), WINDOW.min(end - found.end()));
                self.jump(&trak, kind, movie, &found, end).await;
            }
        }
        if let Some(kind) = kind {
            let shift = self.shift(&trak, movie);
            let _ = ahead(self.source, &trak, kind, shift, self.span()).await;
        }
    }

    /// What a track is of which something is wanted; the first one of its kind
    /// that is not switched off.
    fn kind(&self, trak: &Trak) -> Option<TrackKind> {
        let (kind, looked_for) = match &trak.handler {
            b"vide" => (TrackKind::Video, &self.picture),
            b"soun" => (TrackKind::Audio, &self.sound),
            _ => return None,
        };
        (trak.enabled && looked_for.swap(false, Ordering::Relaxed)).then_some(kind)
    }

    /// Guesses what is behind a large table of a track.
    async fn jump(
        &self,
        trak: &Trak,
        kind: Option<TrackKind>,
        movie: u32,
        found: &Found,
        end: u64,
    ) {
        let (tables, source) = (&trak.tables, self.source);
        if tables.stts.entries == 0 || tables.chunks.at > 0 {
            return;
        }
        let around = around(trak, self.shift(trak, movie), self.span());
        if tables.stts.large() {
            // How many samples there are is not known yet.
            let Some(total) = trak.duration.filter(|_| kind.is_some()) else { return };
            match (&found.name, tables.ctts) {
                (b"stts", _) => {
                    tables.stts.ahead(source, tables.stts.counted(&(0..around.end), total))
                }
                (b"ctts", Some(ctts)) => ctts.ahead(source, ctts.counted(&around, total)),
                _ => {}
            }
            return;
        }
        let Ok(clock) = Clock::read(source, tables.stts, LATEST, None).await else { return };
        let wide = source.size() > u64::from(u32::MAX);
        let guess = tables.guessed(found.end(), end, clock.samples, wide);
        if guess.stsz.end() >= end {
            return;
        }
        if tables.stsz.at == 0 {
            source.ahead(guess.stsz.end(), WINDOW.min(end - guess.stsz.end()));
        }
        if let Some(kind) = kind {
            begin(source, &guess, kind, samples(&clock, &around));
        }
    }

    fn shift(&self, trak: &Trak, movie: u32) -> i64 {
        trak.edits.shift(movie, trak.timescale).unwrap_or(0)
    }

    /// What is wanted, if the file begins at 0.
    fn span(&self) -> Span {
        span(self.want, 0)
    }
}

/// Begins to read at once what is looked at one after the other for a span of a
/// track whose samples are presented `shift` ticks later than they say. How much
/// that is can only be guessed; what is missing is read later.
pub(crate) async fn ahead(
    source: &Source<'_>,
    trak: &Trak,
    kind: TrackKind,
    shift: i64,
    span: Span,
) -> Result<(), Error> {
    let (tables, around) = (&trak.tables, around(trak, shift, span));
    let stts = tables.stts;
    match trak.duration.filter(|_| stts.large()) {
        // The times of all samples before are not waited for.
        Some(total) => {
            let share = |ticks: u64| {
                let samples = u128::from(ticks) * u128::from(tables.count);
                u64::try_from(samples / u128::from(total.max(1))).unwrap_or(u64::MAX)
            };
            let end = share(around.end).min(tables.count);
            begin(source, tables, kind, share(around.start).min(end)..end);
            stts.ahead(source, stts.counted(&(0..around.end), total));
        }
        None => {
            let until = i64::try_from(around.end).unwrap_or(LATEST);
            let clock = Clock::read(source, stts, until, trak.duration).await?;
            begin(source, tables, kind, samples(&clock, &around));
        }
    }
    Ok(())
}

/// Ticks of a track in which all begins that a span probably needs.
fn around(trak: &Trak, shift: i64, span: Span) -> Range<u64> {
    let tick = |time| ticks(time, trak.timescale).saturating_sub(shift).max(0).cast_unsigned();
    let end = span.end.saturating_add(2 * REORDERED).max(span.start.saturating_add(AFTER));
    tick(span.start.saturating_sub(BEFORE))..tick(end)
}

/// The samples that are decoded then, as far as they are known.
fn samples(clock: &Clock, ticks: &Range<u64>) -> Range<u64> {
    let sample = |tick: u64| clock.first_from(i64::try_from(tick).unwrap_or(LATEST));
    sample(ticks.start)..sample(ticks.end)
}

fn begin(source: &Source<'_>, tables: &Tables, kind: TrackKind, samples: Range<u64>) {
    if let Some(stss) = tables.stss.filter(|_| kind == TrackKind::Video) {
        stss.ahead(source, 0..stss.entries);
    }
    tables.ahead(source, samples);
}
