//! Plans the clip file of a span: finds out what it needs of a file, and reads as
//! little as possible for that.

use std::ops::Range;

use futures_util::future::try_join;

use super::super::clip::{FragmentTrack, SelectedTrack, clip_parts, fragment};
use super::super::fragment::Fragment;
use super::super::limits;
use super::super::moov::Moov;
use super::super::sample::TrackTimeline;
use super::super::source::Mp4Source;
use super::super::top_level::{MoovPlace, find_moov};
use super::super::tracks::span_tracks;
use super::file_times::{
    check_edits_begin_with_frames, duration_by_fragments, duration_by_tables, start_by_fragments,
    start_by_tables,
};
use super::fragmented::FragmentedFile;
use super::indexed::{SegmentChoice, choose_segments};
use super::prefetch::prefetch_index;
use super::progressive::select_from_tables;
use super::segments::{FragmentedBody, read_body};
use super::select::MicrosSpan;
use super::trim::CopiedSegment;
use crate::{ClipFile, ClipPart, Media, MediaError, ReadAt, SpanSelection, TrackKind};

/// Finds what a span needs of a file, reading as little as possible: for large
/// tables only the stretches that the span needs.
///
/// # Errors
/// As [`read`](crate::mp4::read), but at most 64 MiB are read, and
/// [`MediaErrorKind::Nothing`](crate::MediaErrorKind::Nothing) when nothing is presented in the
/// span.
pub async fn locate(file: &dyn ReadAt, want: &SpanSelection) -> Result<ClipFile, MediaError> {
    let source = Mp4Source::new(file, limits::SPAN_INDEX);
    source.run(plan(&source, want)).await
}

async fn plan(source: &Mp4Source<'_>, want: &SpanSelection) -> Result<ClipFile, MediaError> {
    let place = find_moov(source).await?;
    if place.moov.header.size > limits::SMALL_MOOV {
        prefetch_index(source, Moov::boxes(source, &place.moov).await?, want).await;
    }
    let moov = Moov::read(source, &place.moov).await?;
    if want.start.is_nan() || want.end.is_nan() || want.start >= want.end {
        return Err(MediaError::nothing("the span is empty"));
    }
    let planner = Planner { source, place: &place, moov: &moov, want };
    if moov.is_fragmented {
        let body = read_body(source, &place.moov).await?;
        if let Some(first_moof) = body.first_moof {
            return planner.plan_from_fragments(&body, first_moof).await;
        }
    }
    planner.plan_from_tables().await
}

/// The time of a track that no edit hides a part of.
const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

/// A file and what is wanted of it.
struct Planner<'a, 's> {
    source: &'a Mp4Source<'s>,
    place: &'a MoovPlace,
    moov: &'a Moov,
    want: &'a SpanSelection,
}

/// What is known of the times of a file.
struct FileTimes {
    /// When its first track is presented, microseconds.
    start: i64,
    /// Seconds from there to its end, if known.
    duration: Option<f64>,
}

impl Planner<'_, '_> {
    async fn plan_from_tables(&self) -> Result<ClipFile, MediaError> {
        let start = start_by_tables(self.source, self.moov).await?;
        let span = MicrosSpan::new(self.want, start);
        let tracks = span_tracks(self.moov, self.want.video, self.want.audio);
        let check = check_edits_begin_with_frames(self.source, self.moov, &tracks);
        let select = select_from_tables(self.source, self.moov, tracks.clone(), span);
        let (tracks, ()) = try_join(select, check).await?;
        let duration = duration_by_tables(self.moov, start);
        self.selected(tracks, FileTimes { start, duration })
    }

    async fn plan_from_fragments(
        &self,
        body: &FragmentedBody,
        first_moof: u64,
    ) -> Result<ClipFile, MediaError> {
        let Planner { source, moov, want, .. } = *self;
        let tracks = span_tracks(moov, want.video, want.audio);
        // Refuses what can't be used before more is read.
        let describe = |track: &super::super::tracks::MediaTrak<'_>| {
            track.describe(moov.trex_of(track.trak.id).description)
        };
        let media = Media { tracks: tracks.iter().map(describe).collect::<Result<_, _>>()? };
        // `moov` may have the first samples itself, before all fragments.
        let has_tables = tracks.iter().any(|track| track.trak.tables.sample_count > 0);
        let start = if has_tables {
            start_by_tables(source, moov).await?
        } else {
            start_by_fragments(source, moov, first_moof).await?
        };
        let times =
            FileTimes { start, duration: duration_by_fragments(moov, &body.indexes, start) };
        let span = MicrosSpan::new(want, start);
        let file = FragmentedFile { source, moov, tracks: &tracks, first_moof, span };
        let choice = if has_tables {
            SegmentChoice::ReadFragments(None)
        } else {
            choose_segments(&file, &body.indexes).await?
        };
        match choice {
            SegmentChoice::Copy(segments) if segments.is_empty() => Err(nothing()),
            SegmentChoice::Copy(segments) => self.copied(&segments, times, media).await,
            SegmentChoice::ReadFragments(from) => self.selected(file.select(from).await?, times),
        }
    }

    /// A clip file of samples that were selected one by one.
    fn selected(
        &self,
        mut tracks: Vec<SelectedTrack<'_>>,
        times: FileTimes,
    ) -> Result<ClipFile, MediaError> {
        let is_missing = |track: &SelectedTrack<'_>| {
            track.track.kind == TrackKind::Video && track.samples.is_empty()
        };
        let has_no_video = tracks.iter().any(is_missing);
        tracks.retain(|track| !track.samples.is_empty());
        if has_no_video || !tracks.iter().any(|track| track.is_in_span) {
            return Err(nothing());
        }
        let parts = clip_parts(&self.place.ftyp, self.moov, &tracks)?;
        let video = tracks.iter().find(|track| track.track.kind == TrackKind::Video);
        let presented = video.map(|track| self.moov.timeline_of(track.trak)).transpose()?;
        let media = Media { tracks: tracks.into_iter().map(|track| track.track).collect() };
        let located = located(parts, times, media);
        let presented_micros = presented.map(TrackTimeline::presented_micros);
        Ok(ClipFile { presented_micros: presented_micros.unwrap_or(ALWAYS), ..located })
    }

    /// A clip file of segments as they are, and of parts of segments.
    async fn copied(
        &self,
        segments: &[CopiedSegment],
        times: FileTimes,
        media: Media,
    ) -> Result<ClipFile, MediaError> {
        let place = &self.place.moov;
        let moov = self.source.read(place.offset, place.header.size).await?;
        let head = ClipPart::Generated([&self.place.ftyp[..], &moov].concat());
        let mut offset = head.length();
        let mut parts = vec![head];
        for CopiedSegment { range, trimmed } in segments {
            let added = match trimmed {
                None => vec![ClipPart::Copied(range.clone())],
                Some(Fragment { track, description, samples, .. }) => {
                    let (track, description) = (*track, *description);
                    fragment(&[FragmentTrack { track, description, samples }], offset)?
                }
            };
            offset += added.iter().map(ClipPart::length).sum::<u64>();
            parts.extend(added);
        }
        Ok(located(parts, times, media))
    }
}

fn located(parts: Vec<ClipPart>, times: FileTimes, media: Media) -> ClipFile {
    let FileTimes { start, duration } = times;
    let presented_micros = ALWAYS;
    ClipFile { parts, origin_micros: start, presented_micros, duration, extension: "mp4", media }
}

fn nothing() -> MediaError {
    MediaError::nothing("the file has nothing within the span")
}
