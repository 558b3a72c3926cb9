//! Finding the exact frames of a span. Nothing is decoded or written here: the
//! cut is made by what follows.

use std::ops::Range;

use clipmill_core::probe::VideoStream;
use clipmill_core::{Code, Error, Span, micros_of_seconds};

use crate::context::PipelineContext;
use crate::ffmpeg::{CutWindow, FrameSource, Frames, Input};
use crate::index::{self, SampleIndex};
use crate::local_media::{LocalMedia, MediaFile};
use crate::stages::{ExactFrames, Fetched, FrameTiming, Trimmed};

/// How much is decoded before the first wanted frame, microseconds: a margin
/// for demuxers that look for keyframes by decoding time.
const SEEK_MARGIN: i64 = 1_000_000;

/// How long a frame is shown of which nothing is known, microseconds.
const USUAL_GAP: i64 = 40_000;

/// Finds the frames: by our own reader where it understands the file, else by
/// ffprobe's list of packets.
pub(crate) async fn trim(context: &PipelineContext, fetched: Fetched) -> Result<Trimmed, Error> {
    let note = fetched.note.clone();
    let Some(span) = fetched.span else {
        return Ok(Trimmed { note, exact: None, index: None, fetched });
    };
    let file = &fetched.media.video;
    let input = Input::file(&file.path).await?;
    let index = SampleIndex::read(&input, &file.path).await;
    let exact = match index.as_ref().and_then(|index| indexed_frames(index, file)) {
        Some(frames) => frames_in_span(&frames, span, &fetched, &input)?,
        None => exact_frames(context, &fetched, FrameSource::Packets).await?,
    };
    Ok(Trimmed { note, exact: Some(exact), index, fetched })
}

/// The same for a file that may not be whole yet, as far as this index reaches;
/// none when the index does not show enough.
///
/// # Errors
/// `no_such_span`, `not_media`.
pub(crate) async fn trim_early(
    fetched: Fetched,
    index: SampleIndex,
) -> Result<Option<Trimmed>, Error> {
    let file = &fetched.media.video;
    let input = Input::file(&file.path).await?;
    let frames = indexed_frames(&index, file);
    let Some((frames, span)) = frames.zip(fetched.span) else { return Ok(None) };
    let exact = frames_in_span(&frames, span, &fetched, &input)?;
    Ok(Some(Trimmed { note: None, exact: Some(exact), index: Some(index), fetched }))
}

/// The frames that our own reader knows of.
fn indexed_frames(index: &SampleIndex, file: &MediaFile) -> Option<Frames> {
    index::frames(index.video_track(file)?, file.probe.video.as_ref()?)
}

/// The wanted frames of what was fetched as ffprobe lists them, all of them when
/// no span is wanted. The decoder's own list takes longer and is never wrong.
///
/// # Errors
/// `no_such_span`, `no_video`, `not_media`, `too_large`.
pub(crate) async fn exact_frames(
    context: &PipelineContext,
    fetched: &Fetched,
    source: FrameSource,
) -> Result<ExactFrames, Error> {
    let video = fetched.media.video_stream()?;
    let input = Input::file(&fetched.media.video.path).await?;
    let deadline = context.settings.stage_deadline;
    let frames = match source {
        FrameSource::Packets => context.tools.frames(&input, video, deadline).await?,
        FrameSource::Decoder => context.tools.decoded_frames(&input, video, deadline).await?,
    };
    let mut exact = match fetched.span {
        Some(span) => frames_in_span(&frames, span, fetched, &input)?,
        None => select(&frames, 0..frames.list.len(), i64::MAX, &fetched.media)
            .ok_or_else(|| Error::never(Code::NoVideo, "the video has no frame at all"))?,
    };
    if fetched.span.is_none() || source == FrameSource::Decoder {
        exact.window.seek_micros = None;
    }
    Ok(exact)
}

/// The frames of a span out of all of them.
fn frames_in_span(
    frames: &Frames,
    span: Span,
    fetched: &Fetched,
    input: &Input,
) -> Result<ExactFrames, Error> {
    let mut exact = find(frames, span, &fetched.media)
        .ok_or_else(|| Error::never(Code::NoSuchSpan, "the video has no frame within this span"))?;
    // ffmpeg seeks by an index in these formats only, and `-ss` counts from the
    // first timestamp of each file, which differs between two files.
    if !input.demuxer.has_index() || fetched.media.audio.is_some() {
        exact.window.seek_micros = None;
    }
    Ok(exact)
}

/// The frames with `start <= time < end`; none when there are none. Times are
/// compared in microseconds; where the source rounds its own timestamps, within
/// half of its tick.
fn find(frames: &Frames, span: Span, media: &LocalMedia) -> Option<ExactFrames> {
    let file = &media.video;
    let start = file.zero_micros + micros_of_seconds(span.start);
    let end = file.zero_micros + micros_of_seconds(span.end);
    let presented = file.presented_micros.clone().unwrap_or(i64::MIN..i64::MAX);
    let index_of = |micros: i64| {
        frames.list.partition_point(|frame| frames.micros(frame.pts) + file.slack_micros < micros)
    };
    let shown = start.max(presented.start)..end.min(presented.end);
    select(frames, index_of(shown.start)..index_of(shown.end), end, media)
}

/// These of the frames, whose span ends at `end` microseconds; none when the
/// range is empty.
fn select(
    frames: &Frames,
    range: Range<usize>,
    end: i64,
    media: &LocalMedia,
) -> Option<ExactFrames> {
    let file = &media.video;
    let first = frames.list.get(range.clone())?.first()?;
    let start_micros = frames.micros(first.pts);
    // From the clock of the video's file to that of the audio's.
    let to_audio = media.audio.as_ref().map_or(0, |audio| audio.shift_micros - file.shift_micros);
    let seek = start_micros - SEEK_MARGIN - micros_of_seconds(file.probe.first_timestamp);
    let video = file.probe.video.as_ref();
    Some(ExactFrames {
        window: CutWindow {
            start_pts: first.pts,
            end_pts: frames.list.get(range.end).map(|frame| frame.pts),
            start_micros: start_micros + to_audio,
            end_micros: end.max(start_micros + 1).saturating_add(to_audio),
            seek_micros: (seek > 0).then_some(seek),
        },
        count: range.len() as u64,
        timing: timing(frames, range, video),
        file_micros: timing(frames, 0..frames.list.len(), video).duration,
    })
}

/// How these of the frames follow each other; there is one at least.
fn timing(frames: &Frames, range: Range<usize>, video: Option<&VideoStream>) -> FrameTiming {
    let time = |n: usize| frames.list.get(n).map(|frame| frames.micros(frame.pts));
    let between = |first: usize, last: usize| Some(time(last)? - time(first)?);
    let rate = video.and_then(|video| video.average_rate);
    let usual = rate.map(|rate| micros_of_seconds(1.0 / rate.as_f64()));
    let to_last = between(range.start, range.end - 1).unwrap_or_default();
    let average_gap = match i64::try_from(range.len() - 1) {
        Ok(gaps) if gaps > 0 => to_last / gaps,
        _ => usual.unwrap_or(USUAL_GAP),
    };
    let last_gap = between(range.end - 1, range.end).unwrap_or(average_gap);
    FrameTiming {
        first_gap: between(range.start, range.start + 1).filter(|_| range.len() > 1),
        average_gap: average_gap.max(1),
        last_gap,
        duration: to_last + last_gap,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clipmill_core::probe::{Container, Probe, Rational, VideoStream};

    use super::*;
    use crate::ffmpeg::{Demuxer, Frame};

    fn media(start: f64, demuxer: Demuxer, time_base: Rational) -> LocalMedia {
        let probe = Probe {
            container: Container::Mp4,
            format_name: "mov".into(),
            start,
            first_timestamp: start,
            duration: None,
            size: 0,
            video: Some(VideoStream {
                index: 0,
                codec: "h264".into(),
                width: 16,
                height: 16,
                pixel_format: "yuv420p".into(),
                average_rate: None,
                base_rate: None,
                time_base,
                rotation: 0,
                start: None,
                interlaced: false,
                color: [None, None, None, None],
            }),
            audio: Vec::new(),
        };
        LocalMedia { video: MediaFile::whole("x.mp4".as_ref(), demuxer, probe), audio: None }
    }

    fn frames(num: u64, den: u64, times: impl Iterator<Item = i64>) -> Frames {
        let list = times.map(|pts| Frame { pts, key: false }).collect();
        Frames { time_base: Rational { num, den }, list }
    }

    #[test]
    fn a_span_is_half_open() {
        let ntsc = frames(1, 30000, (0..600).map(|n| n * 1001));
        let cut = |start, end| {
            find(&ntsc, Span { start, end }, &media(0.0, Demuxer::Mov, ntsc.time_base))
                .map(|exact| (exact.window.start_pts / 1001, exact.count, exact.window.end_pts))
        };
        // 10.01 s is frame 300 to the tick: in as the first, out as the end.
        assert_eq!(cut(10.01, 10.02), Some((300, 1, Some(301 * 1001))));
        assert_eq!(cut(10.0, 10.01), None);
        assert_eq!(cut(10.0, 10.010_001), Some((300, 1, Some(301 * 1001))));
        assert_eq!(cut(0.0, 0.000_001), Some((0, 1, Some(1001))));
        assert_eq!(cut(20.0, 30.0).map(|cut| cut.2), None);
        assert_eq!(cut(19.9, 30.0), Some((597, 3, None)));
        assert_eq!(cut(30.0, 31.0), None);
        // 1001/30000 s, as a person writes it.
        assert_eq!(cut(0.033_367, 0.1).map(|cut| cut.0), Some(1));
    }

    #[test]
    fn time_zero_is_the_first_time_stamp_of_the_file() {
        let late = frames(1, 90000, (0..300).map(|n| 126_000 + n * 3000));
        let exact = find(
            &late,
            Span { start: 1.0, end: 2.0 },
            &media(1.4, Demuxer::MpegTs, late.time_base),
        )
        .unwrap();
        assert_eq!((exact.window.start_pts, exact.count), (126_000 + 30 * 3000, 30));
        assert_eq!((exact.window.start_micros, exact.window.end_micros), (2_400_000, 3_400_000));
        // Not from 0 on.
        assert_eq!((exact.timing.duration, exact.file_micros), (1_000_000, 10_000_000));
    }

    #[test]
    fn rounded_time_stamps_find_the_frame_that_was_meant() {
        let webm = frames(1, 1000, (0..90).map(|n| (n * 1000 + 15) / 30));
        let span = Span { start: 31.0 / 30.0, end: 61.0 / 30.0 };
        let exact = find(&webm, span, &media(0.0, Demuxer::Matroska, webm.time_base)).unwrap();
        assert_eq!((exact.window.start_pts, exact.count), (1033, 30));
    }
}
