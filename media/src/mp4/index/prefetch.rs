//! Prefetches the index of a file with a large `moov`: while one header or table
//! is on its way, what probably comes next is requested as well, so that few
//! requests wait for another one.
//!
//! No result is used here and no error is reported: the reader that needs the
//! bytes finds them, or reads them itself.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use clipmill_core::Timescale;
use futures_util::future::join;

use super::super::box_cursor::{BoxCursor, NestedBox};
use super::super::boxes::FieldReader;
use super::super::lazy_table::SLACK;
use super::super::limits;
use super::super::resync_point::{SIZES_READ, resync_saves_reads};
use super::super::sample::TrackTimeline;
use super::super::source::Mp4Source;
use super::super::stbl::{ExpectedTables, SampleTables};
use super::super::stts::DecodingTimes;
use super::super::tracks::MediaTrak;
use super::super::trak::{SECONDS, TimeHeader, Trak, read_small};
use super::select::MicrosSpan;
use crate::{MediaError, PresentedTicks, SpanSelection, TrackKind};

/// How much later than decoded samples are presented at most, as is assumed
/// until the tables say more; microseconds.
pub(crate) const REORDERING: i64 = 2_000_000;
/// Bytes that are read where a track starts: all before its large tables.
const TRACK_START: u64 = 32 << 10;
/// Bytes that are read before that: what follows the tables of another track.
const TRACK_END: u64 = 2 << 10;
/// How much before a span is read with it, microseconds: keyframes may lie that
/// far apart, and that much of the audio is examined to find its place.
const BEFORE: i64 = 24_000_000;
/// How much from its start on at least, microseconds.
const AFTER: i64 = 24_000_000;

/// Prefetches what a span needs of all tracks at the same time.
pub(crate) async fn prefetch_index(source: &Mp4Source<'_>, boxes: BoxCursor, want: &SpanSelection) {
    let prefetcher = IndexPrefetcher {
        source,
        // If the file starts at 0.
        span: MicrosSpan::new(want, 0),
        is_video_open: AtomicBool::new(want.video),
        is_audio_open: AtomicBool::new(want.audio),
    };
    prefetcher.moov(boxes, SECONDS, limits::TRACKS).await;
}

struct IndexPrefetcher<'a, 's> {
    source: &'a Mp4Source<'s>,
    span: MicrosSpan,
    /// Whether video is wanted and was not found yet.
    is_video_open: AtomicBool,
    /// Whether audio is.
    is_audio_open: AtomicBool,
}

/// A track that is prefetched.
struct PrefetchedTrak {
    trak: Trak,
    /// What it is, when something of it is wanted.
    kind: Option<TrackKind>,
    /// The time scale of the movie.
    movie: Timescale,
    /// Where the track ends in the file.
    end: u64,
}

impl IndexPrefetcher<'_, '_> {
    /// Goes over the rest of `moov`, of which the time scale is `movie` as far as
    /// is known.
    async fn moov(&self, mut boxes: BoxCursor, mut movie: Timescale, tracks: usize) {
        for _ in 0..limits::BOXES_IN_MOOV {
            let Ok(Some(found)) = boxes.next(self.source).await else { return };
            match &found.name {
                b"mvhd" => {
                    let Ok(content) = read_small(self.source, &found).await else { return };
                    let header = TimeHeader::parse(&mut FieldReader::new(&content));
                    movie = header.ok().and_then(|header| header.timescale).unwrap_or(movie);
                }
                b"trak" if tracks > 0 => {
                    let before = TRACK_END.min(found.size);
                    self.source.prefetch(found.end() - before, TRACK_START);
                    let inside = BoxCursor::within(found.name, found.offset, found.end());
                    let rest = Box::pin(self.moov(boxes, movie, tracks - 1));
                    join(self.track(inside, movie, found.end()), rest).await;
                    return;
                }
                _ => {}
            }
        }
    }

    /// Goes over a track, which ends at `end`.
    async fn track(&self, mut boxes: BoxCursor, movie: Timescale, end: u64) {
        let mut track = PrefetchedTrak { trak: Trak::default(), kind: None, movie, end };
        for _ in 0..limits::BOXES_IN_MOOV {
            let Ok(found) = boxes.next(self.source).await else { return };
            let Some(found) = found else { break };
            if found.is_container() {
                if boxes.enter(&found).is_err() {
                    return;
                }
                continue;
            }
            if track.trak.read_box(self.source, &found).await.is_err() {
                return;
            }
            if &found.name == b"hdlr" {
                track.kind = self.wanted_kind(&track.trak);
            }
            let is_far = found.end() < end && !self.source.is_requested(found.end());
            if &found.parent == b"stbl" && is_far {
                self.source.prefetch(found.end(), limits::HEADER_READ.min(end - found.end()));
                self.beyond(&track, &found).await;
            }
        }
        if let Some(kind) = track.kind {
            let timeline = track.timeline();
            let track = MediaTrak { trak: &track.trak, kind };
            let _ = prefetch_tables(self.source, track, timeline, self.span).await;
        }
    }

    /// What a track is of which something is wanted: the first one of its kind
    /// that is not switched off.
    fn wanted_kind(&self, trak: &Trak) -> Option<TrackKind> {
        let (kind, is_open) = match &trak.handler {
            b"vide" => (TrackKind::Video, &self.is_video_open),
            b"soun" => (TrackKind::Audio, &self.is_audio_open),
            _ => return None,
        };
        (trak.is_enabled && is_open.swap(false, Ordering::Relaxed)).then_some(kind)
    }

    /// Prefetches what is probably beyond the large table `found` of a track.
    async fn beyond(&self, track: &PrefetchedTrak, found: &NestedBox) {
        let tables = &track.trak.tables;
        if tables.stts.entries == 0 || tables.chunk_offsets.offset > 0 {
            return;
        }
        let ticks = examined_ticks(track.timeline(), self.span);
        if tables.stts.is_large() {
            self.times_beyond(track, found, &ticks);
            return;
        }
        let until = limits::LATEST;
        let Ok(times) = DecodingTimes::read(self.source, tables.stts, until, None).await else {
            return;
        };
        let is_wide = self.source.size() > u64::from(u32::MAX);
        let expected =
            ExpectedTables { samples: times.samples, offset_width: if is_wide { 8 } else { 4 } };
        let guess = tables.guessed(found.end(), track.end, expected);
        if guess.stsz.end() >= track.end {
            return;
        }
        if tables.stsz.offset == 0 {
            let window = limits::HEADER_READ.min(track.end - guess.stsz.end());
            self.source.prefetch(guess.stsz.end(), window);
        }
        if let Some(kind) = track.kind {
            prefetch_samples(self.source, &guess, kind, decoded_in(&times, &ticks));
        }
    }

    /// Prefetches times where it is not known yet how many samples there are.
    fn times_beyond(&self, track: &PrefetchedTrak, found: &NestedBox, ticks: &Range<u64>) {
        let Some(total) = track.trak.duration.filter(|_| track.kind.is_some()) else { return };
        let tables = &track.trak.tables;
        match (&found.name, tables.ctts) {
            (b"stts", _) => {
                let entries = tables.stts.counted_range(&(0..ticks.end), total);
                tables.stts.prefetch(self.source, entries);
            }
            (b"ctts", Some(ctts)) => {
                ctts.prefetch(self.source, ctts.counted_range(ticks, total));
            }
            _ => {}
        }
    }
}

impl PrefetchedTrak {
    fn timeline(&self) -> TrackTimeline {
        let timescale = self.trak.clock();
        let shift = self.trak.edits.shift(self.trak.edit_clocks(self.movie)).unwrap_or(0);
        TrackTimeline { timescale, shift, edit: PresentedTicks::ALL }
    }
}

/// Starts to read at once what is read one after the other for a span of a
/// track. How much that is can only be guessed; what is missing is read later.
pub(crate) async fn prefetch_tables(
    source: &Mp4Source<'_>,
    track: MediaTrak<'_>,
    timeline: TrackTimeline,
    span: MicrosSpan,
) -> Result<(), MediaError> {
    let (trak, kind) = (track.trak, track.kind);
    let tables = &trak.tables;
    let ticks = examined_ticks(timeline, span);
    let stts = tables.stts;
    match trak.duration.filter(|_| stts.is_large()) {
        // The times of all samples before are not waited for.
        Some(total) => {
            let estimated = |tick: u64| {
                let samples = u128::from(tick) * u128::from(tables.sample_count);
                u64::try_from(samples / u128::from(total.max(1))).unwrap_or(u64::MAX)
            };
            let end = estimated(ticks.end).min(tables.sample_count);
            prefetch_samples(source, tables, kind, estimated(ticks.start).min(end)..end);
            stts.prefetch(source, stts.counted_range(&(0..ticks.end), total));
        }
        None => {
            let until = i64::try_from(ticks.end).unwrap_or(limits::LATEST);
            let times = DecodingTimes::read(source, stts, until, trak.duration).await?;
            prefetch_samples(source, tables, kind, decoded_in(&times, &ticks));
        }
    }
    Ok(())
}

/// Starts to read what samples of a range will need of the tables of a track, as
/// far as that can be guessed.
fn prefetch_samples(
    source: &Mp4Source<'_>,
    tables: &SampleTables,
    kind: TrackKind,
    range: Range<u64>,
) {
    if let Some(stss) = tables.stss.filter(|_| kind == TrackKind::Video) {
        stss.prefetch(source, 0..stss.entries);
    }
    let samples = tables.sample_count;
    let resyncs = resync_saves_reads(tables, range.start);
    let more = if resyncs { SIZES_READ } else { 0 };
    let sizes = range.start.saturating_sub(more)..range.end.saturating_add(more).min(samples);
    tables.stsz.prefetch(source, sizes);
    let chunks = tables.chunk_offsets;
    chunks.prefetch(source, chunks.estimated_range(&range, samples, SLACK));
    let stsc = tables.stsc;
    let entries = if resyncs {
        stsc.estimated_range(&range, samples, SLACK)
    } else {
        stsc.counted_range(&range, samples)
    };
    stsc.prefetch(source, entries);
    // What takes long goes last.
    if let Some(ctts) = tables.ctts {
        ctts.prefetch(source, ctts.counted_range(&range, samples));
    }
}

/// Ticks of a track within which all samples start that a span probably needs.
fn examined_ticks(timeline: TrackTimeline, span: MicrosSpan) -> Range<u64> {
    let tick = |micros| timeline.media_ticks(micros).max(0).cast_unsigned();
    let end = span.end.saturating_add(2 * REORDERING).max(span.start.saturating_add(AFTER));
    tick(span.start.saturating_sub(BEFORE))..tick(end)
}

/// The samples that are decoded within these ticks, as far as they are known.
fn decoded_in(times: &DecodingTimes, ticks: &Range<u64>) -> Range<u64> {
    let sample = |tick: u64| times.first_sample_from(i64::try_from(tick).unwrap_or(limits::LATEST));
    sample(ticks.start)..sample(ticks.end)
}
