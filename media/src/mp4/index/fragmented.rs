//! Spans of files in fragments without an index of all of them: fragment after
//! fragment is read, and the samples are taken out of them.

use super::super::clip::SelectedTrack;
use super::super::fragment::{Fragment, FragmentReader, TrackState};
use super::super::limits;
use super::super::mfra::{RandomAccess, random_access};
use super::super::moov::Moov;
use super::super::sample::{SampleInfo, TrackTimeline};
use super::super::source::Mp4Source;
use super::super::table_samples::all_samples;
use super::super::tracks::MediaTrak;
use super::select::{MicrosSpan, select_samples};
use crate::{MediaError, TrackKind};

/// How much after a span fragments of a track start when no sample of the span
/// can be in those after it any more, microseconds: two packets of audio.
const AFTER: i64 = 100_000;
/// Most attempts to begin with an earlier fragment.
const ATTEMPTS: usize = 8;

/// A file in fragments, and what is wanted of it.
pub(crate) struct FragmentedFile<'a, 's> {
    /// The file.
    pub source: &'a Mp4Source<'s>,
    /// What it says of itself.
    pub moov: &'a Moov,
    /// The tracks that are wanted.
    pub tracks: &'a [MediaTrak<'a>],
    /// Its first fragment.
    pub first_moof: u64,
    /// What of the tracks is wanted.
    pub span: MicrosSpan,
}

impl<'a> FragmentedFile<'a, '_> {
    /// Selects what the span needs of the tracks, from the fragment at `known`
    /// on if that is known to be before the span.
    pub async fn select(&self, known: Option<u64>) -> Result<Vec<SelectedTrack<'a>>, MediaError> {
        let mut starts = match known {
            Some(known) => vec![known],
            None => self.possible_starts().await?,
        };
        loop {
            let start = starts.pop();
            let mut tracks = Vec::new();
            let mut needs_earlier = false;
            for track in self.collect(start).await? {
                let (selected, is_late) = track.select(self.span)?;
                needs_earlier |= is_late;
                tracks.push(selected);
            }
            if start.is_none() || !needs_earlier || start == Some(self.first_moof) {
                return Ok(tracks);
            }
        }
    }

    /// Fragments that the span may begin with, the best one last. None stands for
    /// the beginning of the file.
    async fn possible_starts(&self) -> Result<Vec<u64>, MediaError> {
        let Some(MediaTrak { trak, .. }) = self.tracks.first() else { return Ok(Vec::new()) };
        let entries = random_access(self.source, trak.id).await?;
        let is_before = |entry: &&RandomAccess| {
            let time = i64::try_from(entry.time).unwrap_or(i64::MAX);
            trak.clock().micros(time) <= self.span.start
        };
        let before: Vec<u64> = entries.iter().filter(is_before).map(|entry| entry.moof).collect();
        Ok(before.into_iter().rev().take(ATTEMPTS).rev().collect())
    }

    /// Collects samples from the fragment at `start` on, or from the beginning of
    /// the file, until the span is over.
    async fn collect(&self, start: Option<u64>) -> Result<Vec<CollectedTrack<'a>>, MediaError> {
        let mut collected = Vec::new();
        for track in self.tracks.iter().copied() {
            let timeline = self.moov.timeline_of(track.trak)?;
            let mut empty = CollectedTrack::new(track, timeline);
            if start.is_none() && track.trak.tables.sample_count > 0 {
                let found = all_samples(self.source, track.trak).await?;
                empty.samples = found.samples;
                empty.description = Some(found.description);
            }
            collected.push(empty);
        }
        let follows_tables = start.is_none_or(|start| start == self.first_moof);
        let state = |of: &CollectedTrack<'_>| {
            if follows_tables {
                TrackState::after(self.moov, of.track.trak, &of.samples)
            } else {
                TrackState::unknown(self.moov, of.track.trak)
            }
        };
        let states = collected.iter().map(state).collect();
        let offset = start.unwrap_or(self.first_moof);
        let mut reader = FragmentReader::new(self.source, states, offset, limits::HEADER_READ);
        for _ in 0..limits::FRAGMENTS {
            let Some(fragments) = reader.next().await? else { return Ok(collected) };
            for fragment in fragments {
                let mut tracks = collected.iter_mut();
                if let Some(of) = tracks.find(|of| of.track.trak.id == fragment.track) {
                    of.append(fragment, self.span)?;
                }
            }
            if collected.iter().all(|of| of.is_past_span) {
                return Ok(collected);
            }
        }
        Err(MediaError::unsupported("the file has too many fragments and no index"))
    }
}

/// A track of which samples are collected.
struct CollectedTrack<'m> {
    track: MediaTrak<'m>,
    timeline: TrackTimeline,
    description: Option<u32>,
    samples: Vec<SampleInfo>,
    /// Whether the last fragment is after the span.
    is_past_span: bool,
}

impl<'m> CollectedTrack<'m> {
    fn new(track: MediaTrak<'m>, timeline: TrackTimeline) -> CollectedTrack<'m> {
        let samples = Vec::new();
        CollectedTrack { track, timeline, description: None, samples, is_past_span: false }
    }

    fn append(&mut self, fragment: Fragment, span: MicrosSpan) -> Result<(), MediaError> {
        if self.description.is_some_and(|known| known != fragment.description) {
            return Err(MediaError::unsupported("the track changes its sample description"));
        }
        self.description = Some(fragment.description);
        let start = self.timeline.earliest(&fragment.samples);
        self.is_past_span = start >= span.end.saturating_add(AFTER);
        self.samples.extend(fragment.samples);
        Ok(())
    }

    /// What the span needs, and whether samples before these are needed as well.
    fn select(&self, span: MicrosSpan) -> Result<(SelectedTrack<'m>, bool), MediaError> {
        let MediaTrak { trak, kind } = self.track;
        let selected = select_samples(&self.samples, kind, self.timeline, span);
        let needs_earlier = match &selected {
            Some(found) if kind == TrackKind::Video => found.needs_earlier,
            _ => !self.samples.is_empty() && self.timeline.earliest(&self.samples) > span.start,
        };
        let description = self.description.unwrap_or(1);
        let track = self.track.describe(description)?;
        let is_in_span = selected.as_ref().is_some_and(|found| found.is_in_span);
        let range = selected.map_or(0..0, |found| found.range);
        let samples = self.samples.get(range).unwrap_or_default().to_vec();
        Ok((SelectedTrack { trak, track, description, samples, is_in_span }, needs_earlier))
    }
}
