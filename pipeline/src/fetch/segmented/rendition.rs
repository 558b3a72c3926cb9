//! A rendition: one version of a stream as a list of segments.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use clipmill_core::net::check_url;
use clipmill_core::{Code, Error, Span};
use url::Url;

use super::segment::{SegmentCipher, SegmentLocation, StreamSegment};
use crate::fetch::tracks::WantedTracks;

/// How much more audio than video is fetched at either side, seconds: it is small,
/// and its segments end elsewhere.
const AUDIO_MARGIN: f64 = 0.5;

/// The segments of one rendition.
#[derive(Debug, Clone, Default)]
pub struct RenditionSegments {
    /// Request headers that the server wants.
    pub headers: BTreeMap<String, String>,
    /// What addresses are relative to.
    pub bases: Vec<Url>,
    /// In the order of time.
    pub segments: Vec<StreamSegment>,
    /// Initialization segments.
    pub inits: Vec<SegmentLocation>,
    /// Keys of AES-128.
    pub keys: Vec<SegmentLocation>,
    pub origin: TimelineOrigin,
}

/// A rendition, and what is wanted of it.
#[derive(Clone, Copy)]
pub struct RenditionRequest<'a> {
    pub rendition: &'a RenditionSegments,
    pub tracks: WantedTracks,
    /// Whether video and audio are in two renditions.
    pub has_separate_audio: bool,
    /// The work file without its extension.
    pub stem: &'a Path,
}

/// What the source's time 0 is in the clock of the segments.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum TimelineOrigin {
    /// The first segment behind each discontinuity is presented at its start.
    #[default]
    FirstSegment,
    /// The first fetched segment behind each discontinuity is presented at its
    /// start: the first one of all is gone.
    FirstFetched,
    /// Stated by the manifest: microseconds, by discontinuity.
    Stated(BTreeMap<u64, i64>),
}

/// What a playlist or a manifest lists now.
#[derive(Debug)]
pub struct SegmentListing {
    pub rendition: RenditionSegments,
    /// Whether nothing is added any more.
    pub has_ended: bool,
    /// Whether its times are guessed.
    pub has_guessed_times: bool,
    /// How long to wait before it is read again.
    pub pause: Duration,
}

/// The timeline of a live stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveTimeline {
    /// When the source's time 0 was, microseconds since 1970, if that is known.
    pub epoch_micros: Option<i64>,
}

impl RenditionSegments {
    /// When it starts and ends, seconds; none when it is empty.
    pub fn span(&self) -> Option<Span> {
        let (first, last) = (self.segments.first()?, self.segments.last()?);
        Some(Span { start: first.start, end: last.start + last.duration })
    }

    /// The segments that hold a span by the lengths that the list states, one at least.
    pub fn select(&self, span: Span, is_video: bool) -> Range<usize> {
        let margin = if is_video { 0.0 } else { AUDIO_MARGIN };
        let (start, end) = (span.start - margin, span.end + margin);
        let list = &self.segments;
        let first = list.partition_point(|segment| segment.start <= start).saturating_sub(1);
        let last = list.partition_point(|segment| segment.start < end);
        first..last.max(first + 1).min(list.len())
    }

    /// Appends what a newer listing adds at the end. What that does not list any
    /// more stays.
    pub fn append(&mut self, newer: RenditionSegments) {
        let last = self.segments.last().map(|segment| (segment.number, segment.start));
        let is_last =
            |segment: &&StreamSegment| last.is_some_and(|(number, _)| segment.number == number);
        let moved = match (last, newer.segments.iter().find(is_last)) {
            (Some((_, start)), Some(segment)) => start - segment.start,
            _ => 0.0,
        };
        let (bases, inits, keys) = (self.bases.len(), self.inits.len(), self.keys.len());
        let next = last.map_or(0, |(number, _)| number.saturating_add(1));
        let added = newer.segments.into_iter().filter(|segment| segment.number >= next);
        let rebase =
            |location: SegmentLocation| SegmentLocation { base: location.base + bases, ..location };
        self.segments.extend(added.map(|segment| StreamSegment {
            location: rebase(segment.location),
            start: segment.start + moved,
            init: segment.init.map(|init| init + inits),
            cipher: segment.cipher.map(|cipher| SegmentCipher { key: cipher.key + keys, ..cipher }),
            ..segment
        }));
        self.inits.extend(newer.inits.into_iter().map(rebase));
        self.keys.extend(newer.keys.into_iter().map(rebase));
        self.bases.extend(newer.bases);
        if let (TimelineOrigin::Stated(known), TimelineOrigin::Stated(newer)) =
            (&mut self.origin, newer.origin)
        {
            known.extend(newer);
        }
    }

    /// The full address of a location.
    ///
    /// # Errors
    /// `not_media` when it is no address.
    pub fn url(&self, location: &SegmentLocation) -> Result<Url, Error> {
        let url = self.bases.get(location.base).and_then(|base| base.join(&location.uri).ok());
        url.filter(|url| check_url(url).is_ok())
            .ok_or_else(|| Error::never(Code::NotMedia, "the playlist names an odd address"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    /// Segments of 4 s from this number on, of which the first starts at `start`.
    fn rendition(numbers: Range<u64>, start: f64) -> RenditionSegments {
        let mut rendition = RenditionSegments::default();
        rendition.bases.push("https://media.example/list/".parse().unwrap());
        for (index, number) in numbers.enumerate() {
            rendition.segments.push(StreamSegment {
                location: SegmentLocation { base: 0, uri: format!("{number}.ts"), range: None },
                start: start + index as f64 * 4.0,
                duration: 4.0,
                number,
                discontinuity: 0,
                init: None,
                cipher: None,
            });
        }
        rendition
    }

    #[test]
    fn segments_that_hold_a_span() {
        let list = rendition(0..5, 0.0);
        let select = |start, end, is_video| list.select(Span { start, end }, is_video);
        assert_eq!(select(4.0, 8.0, true), 1..2);
        assert_eq!(select(3.9, 8.1, true), 0..3);
        assert_eq!(select(4.0, 8.0, false), 0..3);
        assert_eq!(select(5.0, 6.0, false), 1..2);
        assert_eq!(select(0.0, 0.1, true), 0..1);
        assert_eq!(select(19.0, 100.0, true), 4..5);
    }

    #[test]
    fn a_newer_listing_adds_what_is_new_at_the_same_times() {
        let mut list = rendition(7..10, 100.0);
        list.append(rendition(9..12, 50.0));
        let starts: Vec<(u64, f64)> =
            list.segments.iter().map(|segment| (segment.number, segment.start)).collect();
        assert_eq!(starts, [(7, 100.0), (8, 104.0), (9, 108.0), (10, 112.0), (11, 116.0)]);
        let added = &list.segments[4].location;
        assert_eq!(list.url(added).unwrap().as_str(), "https://media.example/list/11.ts");
    }
}
