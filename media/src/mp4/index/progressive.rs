//! Spans of files whose samples are all in the tables of `moov`.

use std::ops::Range;

use futures_util::future::try_join_all;

use super::super::clip::SelectedTrack;
use super::super::limits;
use super::super::moov::Moov;
use super::super::sample::{SampleInfo, TrackTimeline};
use super::super::source::Mp4Source;
use super::super::stbl::SampleTables;
use super::super::stts::{DecodingTimes, sync_samples};
use super::super::table_samples::{SampleClock, with_offsets};
use super::super::tracks::MediaTrak;
use super::prefetch::{REORDERING, prefetch_tables};
use super::select::{MARGIN, MicrosSpan, select_samples};
use crate::{MediaError, TrackKind};

/// Most attempts to find the samples of a span, each with more of the tables.
const ATTEMPTS: u32 = 16;

/// Selects what a span needs of these tracks.
pub(crate) async fn select_from_tables<'m>(
    source: &Mp4Source<'_>,
    moov: &'m Moov,
    tracks: Vec<MediaTrak<'m>>,
    span: MicrosSpan,
) -> Result<Vec<SelectedTrack<'m>>, MediaError> {
    let select = |track| select_track(source, moov, track, span);
    try_join_all(tracks.into_iter().map(select)).await
}

async fn select_track<'m>(
    source: &Mp4Source<'_>,
    moov: &'m Moov,
    track: MediaTrak<'m>,
    span: MicrosSpan,
) -> Result<SelectedTrack<'m>, MediaError> {
    let tables = &track.trak.tables;
    // Refuses what can't be used before its tables are read.
    track.describe(1)?;
    let timeline = moov.timeline_of(track.trak)?;
    prefetch_tables(source, track, timeline, span).await?;
    let syncs = match track.kind {
        TrackKind::Video => sync_samples(source, tables).await?,
        TrackKind::Audio => None,
    };
    let search = TableSearch { source, track, timeline, span, syncs: syncs.as_deref() };
    let mut reach = Reach::new(tables, timeline);
    for _ in 0..ATTEMPTS {
        match search.attempt(reach).await? {
            Attempt::TooNarrow(wider) => reach = wider,
            Attempt::Nothing => break,
            Attempt::Selected { samples, first, is_in_span } => {
                let others: Vec<&SampleTables> = (moov.tracks.iter())
                    .filter(|other| !std::ptr::eq(*other, track.trak))
                    .map(|other| &other.tables)
                    .collect();
                let found = with_offsets(samples, source, tables, &others, first).await?;
                return Ok(SelectedTrack {
                    trak: track.trak,
                    track: track.describe(found.description)?,
                    description: found.description,
                    samples: found.samples,
                    is_in_span,
                });
            }
        }
    }
    let described = track.describe(1)?;
    let samples = Vec::new();
    Ok(SelectedTrack {
        trak: track.trak,
        track: described,
        description: 1,
        samples,
        is_in_span: false,
    })
}

/// How far around a span samples are examined.
#[derive(Debug, Clone, Copy)]
struct Reach {
    /// How much later than decoded a sample may be presented, ticks.
    reordering: i64,
    /// Sync samples before the span, or other samples where all are sync ones.
    syncs_before: usize,
}

impl Reach {
    fn new(tables: &SampleTables, timeline: TrackTimeline) -> Reach {
        let assumed = timeline.timescale.ticks_floor(REORDERING).min(limits::LATEST);
        let reordering = if tables.ctts.is_some() { assumed + 1 } else { 1 };
        Reach { reordering, syncs_before: 2 }
    }
}

/// What an attempt to select samples leads to.
enum Attempt {
    /// More of the tables has to be examined.
    TooNarrow(Reach),
    /// There is nothing near the span.
    Nothing,
    /// These samples, the first of which is sample `first` of the track.
    Selected { samples: Vec<SampleInfo>, first: u64, is_in_span: bool },
}

/// The search for the samples of a span in the tables of a track.
struct TableSearch<'a, 's> {
    source: &'a Mp4Source<'s>,
    track: MediaTrak<'a>,
    timeline: TrackTimeline,
    span: MicrosSpan,
    syncs: Option<&'a [u64]>,
}

impl TableSearch<'_, '_> {
    async fn attempt(&self, reach: Reach) -> Result<Attempt, MediaError> {
        let MediaTrak { trak, kind } = self.track;
        let until = self.timeline.media_ticks(self.span.end).saturating_add(1);
        let until = until.saturating_add(reach.reordering);
        let stts = trak.tables.stts;
        let times = DecodingTimes::read(self.source, stts, until, trak.duration).await?;
        let range = self.examined(&times, until, reach);
        if range.start >= range.end {
            return Ok(Attempt::Nothing);
        }
        if range.end - range.start > limits::SPAN_SAMPLES {
            return Err(MediaError::too_large("the span has too many samples"));
        }
        let clock = SampleClock { times: &times, syncs: self.syncs };
        let mut samples = clock.timed_samples(self.source, &trak.tables, range.clone()).await?;
        let offset = |sample: &SampleInfo| i64::from(sample.composition_offset).abs();
        let most = samples.iter().map(offset).max().unwrap_or(0);
        if most > reach.reordering {
            let reordering = most.saturating_mul(2);
            return Ok(Attempt::TooNarrow(Reach { reordering, ..reach }));
        }
        let Some(selected) = select_samples(&samples, kind, self.timeline, self.span) else {
            return Ok(Attempt::Nothing);
        };
        if selected.needs_earlier && range.start > 0 {
            let syncs_before = reach.syncs_before.saturating_mul(4);
            return Ok(Attempt::TooNarrow(Reach { syncs_before, ..reach }));
        }
        samples.truncate(selected.range.end);
        samples.drain(..selected.range.start);
        let first = range.start + selected.range.start as u64;
        Ok(Attempt::Selected { samples, first, is_in_span: selected.is_in_span })
    }

    /// The samples to examine: those that are decoded before `until`, from some
    /// sync samples before the span on.
    fn examined(&self, times: &DecodingTimes, until: i64, reach: Reach) -> Range<u64> {
        let margin = MARGIN as u64 + 1;
        let samples = self.track.trak.tables.sample_count;
        let end = times.first_sample_from(until).saturating_add(margin).min(samples);
        let from = self.timeline.media_ticks(self.span.start).saturating_sub(reach.reordering);
        let near = times.first_sample_from(from).saturating_sub(margin);
        let start = match self.syncs {
            Some(syncs) => (syncs.partition_point(|sync| *sync <= near))
                .checked_sub(reach.syncs_before)
                .and_then(|which| syncs.get(which).copied())
                .unwrap_or(0),
            None => near.saturating_sub(reach.syncs_before as u64),
        };
        start..end
    }
}
