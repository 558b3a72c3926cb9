//! Finding the exact frames of a span. Nothing is decoded or written here: the
//! cut is made by what follows.

use clipmill_core::probe::VideoStream;
use clipmill_core::{Code, Error, Span};

use crate::context::PipelineContext;
use crate::ffmpeg::{Frames, Input, Window};
use crate::index::{self, Index};
use crate::media::{Media, MediaFile, micros};
use crate::{Fetched, Trimmed};

/// How much is decoded before the first wanted frame, microseconds: a margin
/// for demuxers that look for keyframes by decoding time.
const LEAD: i64 = 1_000_000;

/// A window and how many frames it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exact {
    pub window: Window,
    pub frames: u64,
    pub pace: Pace,
    /// How long all frames of the file are shown, those of the window and
    /// those around it, microseconds. What a prober tells may count from 0,
    /// wherever the first frame is.
    pub held: i64,
}

/// How the frames of a window follow each other, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// From the first frame to the second; none for a single one.
    pub first_gap: Option<i64>,
    /// From one to the next, on average.
    pub average_gap: i64,
    /// How long the last frame is shown, whatever the window says.
    pub last_gap: i64,
    /// From the first frame until the last one is not shown any more.
    pub length: i64,
}

/// How long a frame is shown of which nothing is known, microseconds.
const USUAL_GAP: i64 = 40_000;

impl Pace {
    /// Of the frames from `from` to before `to`, of which there is one at least.
    fn of(frames: &Frames, from: usize, to: usize, video: Option<&VideoStream>) -> Pace {
        let time = |n: usize| frames.list.get(n).map(|frame| frames.micros(frame.pts));
        let between = |first: usize, last: usize| Some(time(last)? - time(first)?);
        let count = to - from;
        let told =
            video.and_then(|video| video.average_rate).map(|rate| micros(1.0 / rate.as_f64()));
        let shown = between(from, to - 1).unwrap_or_default();
        let average_gap = match i64::try_from(count - 1) {
            Ok(gaps) if gaps > 0 => shown / gaps,
            _ => told.unwrap_or(USUAL_GAP),
        };
        let last_gap = between(to - 1, to).unwrap_or(average_gap);
        Pace {
            first_gap: between(from, from + 1).filter(|_| count > 1),
            average_gap: average_gap.max(1),
            last_gap,
            length: shown + last_gap,
        }
    }
}

/// Finds the frames.
pub(super) async fn trim(context: &PipelineContext, fetched: Fetched) -> Result<Trimmed, Error> {
    let note = fetched.note.clone();
    let Some(span) = fetched.span else {
        return Ok(Trimmed { note, exact: None, index: None, fetched });
    };
    let file = &fetched.media.video;
    let input = Input::file(&file.path).await?;
    let index = Index::of(&input, &file.path).await;
    let exact = match index.as_ref().and_then(|index| known(index, file)) {
        Some(frames) => found(&frames, span, &fetched, &input)?,
        None => exact(context, &fetched, span, false).await?,
    };
    Ok(Trimmed { note, exact: Some(exact), index, fetched })
}

/// The same for a file that may not be whole yet, as far as this index reaches;
/// none when it does not tell enough.
///
/// # Errors
/// `no_such_span`, `not_media`.
pub(super) async fn ahead(fetched: Fetched, index: Index) -> Result<Option<Trimmed>, Error> {
    let file = &fetched.media.video;
    let input = Input::file(&file.path).await?;
    let Some((frames, span)) = known(&index, file).zip(fetched.span) else { return Ok(None) };
    let exact = found(&frames, span, &fetched, &input)?;
    Ok(Some(Trimmed { note: None, exact: Some(exact), index: Some(index), fetched }))
}

/// The frames that our own reader knows of.
fn known(index: &Index, file: &MediaFile) -> Option<Frames> {
    index::frames(index.picture(file)?, file.probe.video.as_ref()?)
}

/// The frames of a span; with `decoded` as a decoder gives them out, which
/// takes longer and is never wrong.
pub(super) async fn exact(
    context: &PipelineContext,
    fetched: &Fetched,
    span: Span,
    decoded: bool,
) -> Result<Exact, Error> {
    let (input, frames) = list(context, fetched, decoded).await?;
    let mut exact = found(&frames, span, fetched, &input)?;
    if decoded {
        exact.window.seek_micros = None;
    }
    Ok(exact)
}

/// The frames of a span out of all of them.
fn found(frames: &Frames, span: Span, fetched: &Fetched, input: &Input) -> Result<Exact, Error> {
    let mut exact = find(frames, span, &fetched.media).ok_or_else(|| {
        Error::never(Code::NoSuchSpan, "the video has no picture within this span")
    })?;
    // Only these two seek by an index, and only one file has one beginning.
    if !input.demuxer.has_index() || fetched.media.audio.is_some() {
        exact.window.seek_micros = None;
    }
    Ok(exact)
}

/// All frames, with `decoded` as a decoder gives them out.
pub(super) async fn whole(
    context: &PipelineContext,
    fetched: &Fetched,
    decoded: bool,
) -> Result<Exact, Error> {
    let (_, frames) = list(context, fetched, decoded).await?;
    let to = frames.list.len();
    let mut exact = between(&frames, 0, to, i64::MAX, &fetched.media)
        .ok_or_else(|| Error::never(Code::NoVideo, "the video has no frame at all"))?;
    exact.window.seek_micros = None;
    Ok(exact)
}

async fn list(
    context: &PipelineContext,
    fetched: &Fetched,
    decoded: bool,
) -> Result<(Input, Frames), Error> {
    let (file, video) = (&fetched.media.video, fetched.media.picture()?);
    let input = Input::file(&file.path).await?;
    let deadline = context.settings.stage_deadline;
    let frames = match decoded {
        true => context.tools.decoded_frames(&input, video, deadline).await?,
        false => context.tools.frames(&input, video, deadline).await?,
    };
    Ok((input, frames))
}

/// The frames with `start <= time < end`, none when there are none. Times are
/// compared in microseconds; where the source rounds its own time stamps, within
/// half of its tick.
fn find(frames: &Frames, span: Span, media: &Media) -> Option<Exact> {
    let file = &media.video;
    let (zero, slack) = (file.zero_micros, file.slack_micros);
    let (start, end) = (zero + micros(span.start), zero + micros(span.end));
    let from = frames.list.partition_point(|frame| frames.micros(frame.pts) + slack < start);
    let to = frames.list.partition_point(|frame| frames.micros(frame.pts) + slack < end);
    between(frames, from, to, end, media)
}

/// The frames from `from` to before `to`, whose span ends at `end` microseconds.
fn between(frames: &Frames, from: usize, to: usize, end: i64, media: &Media) -> Option<Exact> {
    let file = &media.video;
    let first = frames.list.get(from..to)?.first()?;
    let start_micros = frames.micros(first.pts);
    // From the clock of the picture's file to that of the sound's.
    let sound = media.audio.as_ref().map_or(0, |audio| audio.shift_micros - file.shift_micros);
    let seek = start_micros - LEAD - micros(file.probe.start);
    Some(Exact {
        window: Window {
            start_pts: first.pts,
            end_pts: frames.list.get(to).map(|frame| frame.pts),
            start_micros: start_micros + sound,
            end_micros: end.max(start_micros + 1).saturating_add(sound),
            seek_micros: (seek > 0).then_some(seek),
        },
        frames: (to - from) as u64,
        pace: Pace::of(frames, from, to, file.probe.video.as_ref()),
        held: Pace::of(frames, 0, frames.list.len(), file.probe.video.as_ref()).length,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clipmill_core::probe::{Container, Probe, Rational, VideoStream};

    use super::*;
    use crate::ffmpeg::{Demuxer, Frame};

    fn media(start: f64, demuxer: Demuxer, time_base: Rational) -> Media {
        let probe = Probe {
            container: Container::Mp4,
            format_name: "mov".into(),
            start,
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
        Media { video: MediaFile::whole("x.mp4".as_ref(), demuxer, probe), audio: None }
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
                .map(|exact| (exact.window.start_pts / 1001, exact.frames, exact.window.end_pts))
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
        assert_eq!((exact.window.start_pts, exact.frames), (126_000 + 30 * 3000, 30));
        assert_eq!((exact.window.start_micros, exact.window.end_micros), (2_400_000, 3_400_000));
        // Not from 0 on.
        assert_eq!((exact.pace.length, exact.held), (1_000_000, 10_000_000));
    }

    #[test]
    fn rounded_time_stamps_find_the_frame_that_was_meant() {
        let webm = frames(1, 1000, (0..90).map(|n| (n * 1000 + 15) / 30));
        let span = Span { start: 31.0 / 30.0, end: 61.0 / 30.0 };
        let exact = find(&webm, span, &media(0.0, Demuxer::Matroska, webm.time_base)).unwrap();
        assert_eq!((exact.window.start_pts, exact.frames), (1033, 30));
    }
}
