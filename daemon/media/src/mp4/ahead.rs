//! Reading ahead in a large `moov`: while one header or table is on its way,
//! what probably comes next is asked for as well, so that as few answers as
//! possible are waited for one after the other.
//!
//! Nothing that is found out here is used, and no error is told: whoever needs
//! the bytes finds them there, or reads them.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join;

use super::moov::{TRACKS, Trak, clock, small};
use super::nested::{BOXES, Boxes, Found, WINDOW};
use super::progressive::{ahead, near};
use super::source::Source;
use super::span::span;
use super::times::{Clock, LATEST};
use crate::{TrackKind, Want};

/// Bytes that are read where a track begins: all before its large tables.
const TRACK: u64 = 32 << 10;
/// Bytes that are read before that: what comes after another track's tables.
const REST: u64 = 2 << 10;

/// Reads ahead what is wanted of all tracks at the same time.
pub(crate) async fn skim(source: &Source<'_>, boxes: Boxes, want: &Want) {
    let scout = Scout {
        source,
        want,
        picture: AtomicBool::new(want.picture),
        sound: AtomicBool::new(want.sound),
    };
    scout.tracks(boxes, 1, TRACKS).await;
}

struct Scout<'a, 's> {
    source: &'a Source<'s>,
    want: &'a Want,
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
        if let Some(kind) = kind
            && let Ok(shift) = trak.edits.shift(movie, trak.timescale)
        {
            let _ = ahead(self.source, &trak, kind, shift, span(self.want, 0)).await;
        }
    }

    /// What a track is of which something is wanted; the first one of its kind
    /// that is not switched off.
    fn kind(&self, trak: &Trak) -> Option<TrackKind> {
        let (kind, looked_for) = match &trak.handler {
            b"vide" => (TrackKind::Picture, &self.picture),
            b"soun" => (TrackKind::Sound, &self.sound),
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
        let (stts, duration) = (trak.tables.stts, trak.duration);
        if stts.large() || stts.entries == 0 || trak.tables.chunks.at > 0 {
            return;
        }
        let Ok(clock) = Clock::read(self.source, stts, LATEST, duration).await else { return };
        let wide = self.source.size() > u64::from(u32::MAX);
        let guess = trak.tables.guessed(found.end(), end, clock.samples, wide);
        if guess.stsz.end() >= end {
            return;
        }
        if trak.tables.stsz.at == 0 {
            self.source.ahead(guess.stsz.end(), WINDOW.min(end - guess.stsz.end()));
        }
        if let Some(kind) = kind
            && let Ok(shift) = trak.edits.shift(movie, trak.timescale)
            && let Ok(range) = near(self.source, trak, shift, span(self.want, 0)).await
        {
            if let Some(stss) = trak.tables.stss.filter(|_| kind == TrackKind::Picture) {
                stss.ahead(self.source, 0..stss.entries);
            }
            guess.ahead(self.source, range);
        }
    }
}
