//! From the request to seconds of the source's own time. Pure.

use std::time::Duration;

use clipmill_core::probe::{Live, MediaInfo};
use clipmill_core::{Code, Error, Moment, Retry, Span, micros_of_seconds};

use crate::request::SpanRequest;

/// How long until a job that waits for a live stream is tried again.
const NEXT_LOOK: Duration = Duration::from_secs(60);

/// The span that a job is to fetch.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ResolvedSpan {
    /// In the source's time; none for all of it.
    pub span: Option<Span>,
    /// Set when it is not quite what was requested.
    pub note: Option<String>,
}

/// The span of a request, as far as the source has it.
///
/// # Errors
/// `no_such_span`, `not_started`.
pub(super) fn resolve(request: SpanRequest, info: &MediaInfo) -> Result<ResolvedSpan, Error> {
    if info.live == Live::Upcoming {
        return Err(Error::new(
            Code::NotStarted,
            "the stream has not begun yet",
            Retry::After(NEXT_LOOK),
        ));
    }
    let (span, note) = match request {
        SpanRequest::Whole => return Ok(ResolvedSpan { span: None, note: None }),
        SpanRequest::Fixed(span) => (span, None),
        SpanRequest::Moment(moment) => span_of_moment(moment, info.live),
    };
    let duration = info.duration.map(|seconds| seconds + DURATION_SLACK);
    Ok(ResolvedSpan { span: Some(clip(span, duration)?), note })
}

/// The timeline of a live stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LiveSpan {
    /// In the timeline's time; none for all of it.
    pub span: Option<Span>,
    /// When the timeline's time 0 was, microseconds since 1970, if that is known.
    pub epoch_micros: Option<i64>,
}

/// The span of a live stream whose `span` was resolved. A moment needs no start
/// of the stream: time is counted from the clip's own start then.
pub(super) fn resolve_live(request: SpanRequest, info: &MediaInfo, span: Option<Span>) -> LiveSpan {
    match (info.live.began(), request) {
        (Some(began), _) => LiveSpan { span, epoch_micros: Some(began.timestamp_micros()) },
        (None, SpanRequest::Moment(moment)) => {
            let start =
                moment.at.timestamp_micros().saturating_sub(micros_of_seconds(moment.offset));
            let span = Span { start: 0.0, end: moment.duration };
            LiveSpan { span: Some(span), epoch_micros: Some(start) }
        }
        (None, SpanRequest::Fixed(_) | SpanRequest::Whole) => LiveSpan { span, epoch_micros: None },
    }
}

/// By how much a source may understate its duration, seconds: many round it to
/// seconds.
const DURATION_SLACK: f64 = 1.0;

/// A span within a video of this length, if that is known.
///
/// # Errors
/// `no_such_span` when nothing is left.
pub(super) fn clip(span: Span, duration: Option<f64>) -> Result<Span, Error> {
    let start = span.start.max(0.0);
    let end = duration.map_or(span.end, |duration| span.end.min(duration));
    if start < end {
        Ok(Span { start, end })
    } else {
        Err(Error::never(Code::NoSuchSpan, "the video ends before this span begins"))
    }
}

/// The live stream does not hold the span yet.
pub(super) fn still_live() -> Error {
    Error::new(
        Code::StillLive,
        "the stream is still running; the clip is made when its recording is there",
        Retry::After(NEXT_LOOK),
    )
}

fn span_of_moment(moment: Moment, live: Live) -> (Span, Option<String>) {
    let Some(began) = live.began() else {
        let note = "the source does not tell when the stream began, \
                    so the clip is taken from its beginning";
        return (Span { start: 0.0, end: moment.duration }, Some(note.to_owned()));
    };
    let since = (moment.at - began).num_milliseconds() as f64 / 1000.0;
    let start = (since - moment.offset).max(0.0);
    (Span { start, end: start + moment.duration }, None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn info(live: Live, duration: Option<f64>) -> MediaInfo {
        let (id, title) = ("x".to_owned(), None);
        MediaInfo { id, title, duration, live, formats: Vec::new(), expires_at: None }
    }

    fn moment(at: &str) -> SpanRequest {
        SpanRequest::Moment(Moment { at: at.parse().unwrap(), offset: 60.0, duration: 120.0 })
    }

    fn seconds(request: SpanRequest, info: &MediaInfo) -> (f64, f64) {
        let span = resolve(request, info).unwrap().span.unwrap();
        (span.start, span.end)
    }

    #[test]
    fn a_moment_becomes_the_stream_s_own_time() {
        let live = Live::Ended { began: Some("2026-01-01T12:00:00Z".parse().unwrap()) };
        let long = info(live, Some(7200.0));
        assert_eq!(seconds(moment("2026-01-01T12:10:00.500Z"), &long), (540.5, 660.5));
        assert_eq!(seconds(moment("2026-01-01T12:00:10Z"), &long), (0.0, 120.0));
        assert_eq!(seconds(moment("2026-01-01T14:00:10Z"), &long), (7150.0, 7201.0));
        let late = resolve(moment("2026-01-01T15:00:00Z"), &long).unwrap_err();
        assert_eq!(late.code, Code::NoSuchSpan);
    }

    #[test]
    fn a_video_that_was_no_stream_is_taken_from_its_start() {
        let resolved =
            resolve(moment("2026-01-01T12:10:00Z"), &info(Live::No, Some(90.0))).unwrap();
        assert_eq!(resolved.span, Some(Span { start: 0.0, end: 91.0 }));
        assert!(resolved.note.is_some());
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let fixed = |start, end| SpanRequest::Fixed(Span { start, end });
        let video = info(Live::No, Some(30.0));
        assert_eq!(seconds(fixed(20.0, 40.0), &video), (20.0, 31.0));
        assert_eq!(seconds(fixed(20.0, 40.0), &info(Live::No, None)), (20.0, 40.0));
        assert_eq!(resolve(fixed(31.0, 40.0), &video).unwrap_err().code, Code::NoSuchSpan);
        assert_eq!(
            resolve(fixed(0.0, 1.0), &info(Live::Upcoming, None)).unwrap_err().code,
            Code::NotStarted
        );
        let whole = ResolvedSpan { span: None, note: None };
        assert_eq!(resolve(SpanRequest::Whole, &video).unwrap(), whole);
    }
}
