//! When a file's presentation starts, and how long it is.

use futures_util::future::{try_join, try_join_all};

use super::super::fragment::{FragmentReader, TrackState};
use super::super::limits;
use super::super::moov::Moov;
use super::super::sample::TrackTimeline;
use super::super::sidx::SegmentIndex;
use super::super::source::Mp4Source;
use super::super::stts::{DecodingTimes, composition_offsets};
use super::super::tracks::{MediaTrak, media_tracks};
use super::super::trak::Trak;
use crate::{MediaError, PresentedTicks, TrackKind};

/// Samples at the beginning of a track among which the first one to be presented
/// is.
const FIRST_SAMPLES: u64 = 16;
/// Fragments at the beginning of a file among which the first one of each track
/// is.
const FIRST_FRAGMENTS: usize = 8;

/// When the first of all tracks is presented, microseconds, of a file whose
/// tables have samples.
pub(crate) async fn start_by_tables(
    source: &Mp4Source<'_>,
    moov: &Moov,
) -> Result<i64, MediaError> {
    let tracks = media_tracks(moov).into_iter();
    let tracks = tracks.filter(|track| track.trak.tables.sample_count > 0);
    let starts = tracks.map(|track| track_start(source, moov, track.trak));
    Ok(try_join_all(starts).await?.into_iter().min().unwrap_or(0))
}

async fn track_start(source: &Mp4Source<'_>, moov: &Moov, trak: &Trak) -> Result<i64, MediaError> {
    if trak.edits.is_listed {
        return Ok(trak.clock().micros(moov.start_of(trak)?));
    }
    let range = 0..FIRST_SAMPLES.min(trak.tables.sample_count);
    let (times, offsets) = try_join(
        DecodingTimes::read(source, trak.tables.stts, 1, None),
        composition_offsets(source, &trak.tables, range.clone()),
    )
    .await?;
    let pts = |sample: u64| {
        let offset = offsets.get(sample as usize).copied().unwrap_or(0);
        times.time_of(sample).dts.saturating_add(offset.into())
    };
    Ok(trak.clock().micros(range.map(pts).min().unwrap_or(0)))
}

/// Checks that no edit list of these video tracks begins within a frame. There,
/// some players shift the rest of the track, and some don't.
///
/// # Errors
/// `Unsupported` when one does not.
pub(crate) async fn check_edits_begin_with_frames(
    source: &Mp4Source<'_>,
    moov: &Moov,
    tracks: &[MediaTrak<'_>],
) -> Result<(), MediaError> {
    let is_edited = |track: &&MediaTrak<'_>| {
        track.kind == TrackKind::Video && track.trak.edits.is_listed && !moov.is_fragmented
    };
    for MediaTrak { trak, .. } in tracks.iter().filter(is_edited) {
        let timeline = moov.timeline_of(trak)?;
        // In the clock before the edit list.
        let start = timeline.edit.start.saturating_sub(timeline.shift);
        let samples = trak.tables.sample_count;
        let times = DecodingTimes::read(source, trak.tables.stts, start.max(0) + 1, None).await?;
        let near = times.first_sample_from(start.max(0)).min(samples);
        let (from, to) = (near.saturating_sub(FIRST_SAMPLES), near.saturating_add(FIRST_SAMPLES));
        let range = from..to.min(samples);
        let offsets = composition_offsets(source, &trak.tables, range.clone()).await?;
        let pts = |sample: u64| {
            let offset = offsets.get((sample - from) as usize).copied().unwrap_or(0);
            times.time_of(sample).dts.saturating_add(offset.into())
        };
        let frames: Vec<i64> = range.map(pts).collect();
        // An edit may begin before the first frame.
        if frames.iter().any(|pts| *pts < start) && !frames.contains(&start) {
            return Err(MediaError::unsupported("an edit list begins within a frame"));
        }
    }
    Ok(())
}

/// As [`start_by_tables`], of a file whose samples are all in fragments, the first
/// of which is at or after `first`.
pub(crate) async fn start_by_fragments(
    source: &Mp4Source<'_>,
    moov: &Moov,
    first: u64,
) -> Result<i64, MediaError> {
    let mut starts = Vec::new();
    let mut unlisted = Vec::new();
    for track in media_tracks(moov) {
        if track.trak.edits.is_listed {
            starts.push(track.trak.clock().micros(moov.start_of(track.trak)?));
        } else {
            unlisted.push(track.trak);
        }
    }
    let states = unlisted.iter().map(|trak| TrackState::after(moov, trak, &[])).collect();
    let mut reader = FragmentReader::new(source, states, first, limits::HEADER_READ);
    for _ in 0..FIRST_FRAGMENTS {
        if unlisted.is_empty() {
            break;
        }
        let Some(fragments) = reader.next().await? else { break };
        for fragment in fragments {
            let found = unlisted.iter().position(|trak| trak.id == fragment.track);
            let Some(found) = found else { continue };
            let timescale = unlisted.remove(found).clock();
            let timeline = TrackTimeline { timescale, shift: 0, edit: PresentedTicks::ALL };
            starts.push(timeline.earliest(&fragment.samples));
        }
    }
    Ok(starts.into_iter().min().unwrap_or(0))
}

/// Seconds from `start`, microseconds, to the end of the last track, if `moov`
/// says so.
pub(crate) fn duration_by_tables(moov: &Moov, start: i64) -> Option<f64> {
    let movie = |ticks: u64| ticks as f64 / f64::from(moov.timescale.get());
    let end = |trak: &Trak| {
        let start = moov.start_of(trak).ok()?;
        if trak.edits.is_listed && trak.edits.duration > 0 {
            return Some(trak.clock().seconds(start) + movie(trak.edits.duration));
        }
        let shift = moov.timeline_of(trak).ok()?.shift;
        let ticks = i64::try_from(trak.duration?).ok()?.saturating_add(shift);
        Some(trak.clock().seconds(ticks))
    };
    let ends = media_tracks(moov).into_iter().filter_map(|track| end(track.trak));
    let end = ends.reduce(f64::max).or_else(|| moov.duration.map(movie))?;
    Some((end - start as f64 / 1e6).max(0.0))
}

/// The same as far as `moov` or segment indexes say.
pub(crate) fn duration_by_fragments(
    moov: &Moov,
    indexes: &[SegmentIndex],
    start: i64,
) -> Option<f64> {
    if let Some(ticks) = moov.fragments_duration {
        let seconds = ticks as f64 / f64::from(moov.timescale.get());
        return Some((seconds - start as f64 / 1e6).max(0.0));
    }
    // Not every index has the clock of the samples.
    let span = |index: &SegmentIndex| {
        let (first, last) = (index.references.first()?, index.references.last()?);
        let seconds = |ticks| index.timescale.seconds(ticks);
        Some(seconds(first.time.start)..seconds(last.time.end))
    };
    let spans = indexes.iter().filter_map(span);
    let all = spans.reduce(|one, other| one.start.min(other.start)..one.end.max(other.end))?;
    Some((all.end - all.start).max(0.0))
}
