//! Segments whose files are here, and the clocks by which they are joined.
//!
//! Segments behind different discontinuities have clocks of their own. All of them
//! are moved to one: the source's time, as the list states it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use clipmill_core::disk::file_error;
use clipmill_core::{Code, Error, micros_of_seconds};
use clipmill_media::ts;

use super::crypt;
use super::first_timestamp::FirstTimestamp;
use super::rendition::{RenditionSegments, TimelineOrigin};
use super::segment::{SegmentFolder, StreamSegment, unreadable_stream};

/// From where on times are counted from the span, seconds: the clock of a
/// transport stream starts anew after 26.5 hours.
const LONG: f64 = 20.0 * 3600.0;
/// By how much the joined packets are later than the source's time, ticks: audio
/// may start a little before it.
pub const EARLY: i64 = ts::TICKS_PER_SECOND;

/// Segments whose files are in a folder.
pub struct SelectedSegments<'a> {
    pub rendition: &'a RenditionSegments,
    pub range: Range<usize>,
    /// Those that were read apart from the segments, by discontinuity.
    pub first_timestamps: &'a BTreeMap<u64, FirstTimestamp>,
    pub folder: &'a SegmentFolder,
}

impl SelectedSegments<'_> {
    pub fn segments(&self) -> &[StreamSegment] {
        self.rendition.segments.get(self.range.clone()).unwrap_or_default()
    }

    /// The segments with their indexes.
    pub fn indexed(&self) -> impl Iterator<Item = (usize, &StreamSegment)> {
        self.range.clone().zip(self.segments())
    }

    /// A segment's bytes, decrypted.
    pub async fn read(&self, index: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = read_file(&self.folder.segment(index)).await?;
        let segment = self.rendition.segments.get(index);
        if let Some(cipher) = segment.and_then(|segment| segment.cipher) {
            let key = crypt::parse_key(&read_file(&self.folder.key(cipher.key)).await?)?;
            crypt::decrypt(&mut bytes, key, cipher.iv)?;
        }
        Ok(bytes)
    }

    /// When the segments behind a discontinuity start, in their own clock and in the
    /// source's time. `bytes` are those of the first fetched one.
    fn start_behind(
        &self,
        discontinuity: u64,
        init: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<DiscontinuityStart, Error> {
        let is_behind = |segment: &&StreamSegment| segment.discontinuity == discontinuity;
        let first = if self.rendition.origin == TimelineOrigin::FirstFetched {
            self.segments().iter().find(is_behind)
        } else {
            self.rendition.segments.iter().find(is_behind)
        };
        let seconds = first.map_or(0.0, |segment| segment.start);
        let own = match self.first_timestamps.get(&discontinuity) {
            Some(known) => *known,
            None => FirstTimestamp::read(init, bytes, true)?.ok_or_else(|| {
                Error::never(Code::NotMedia, "a segment of the stream has no time stamps")
            })?,
        };
        Ok(DiscontinuityStart { own, seconds })
    }

    /// The same for the first segment that is joined of those, which starts at
    /// `own`. Where the clock began anew before it without a discontinuity, only the
    /// list says when it starts.
    fn first_start(
        &self,
        segment: &StreamSegment,
        init: Option<&[u8]>,
        bytes: &[u8],
        own: Option<FirstTimestamp>,
    ) -> Result<DiscontinuityStart, Error> {
        let start = self.start_behind(segment.discontinuity, init, bytes)?;
        let stated = segment.start - start.seconds;
        let slack = LIST_SLACK * segment.duration + LIST_DRIFT * stated;
        let is_restart = |own: &FirstTimestamp| {
            let later = own.seconds_after(start.own);
            later.is_some_and(|later| later <= 0.0 || stated - later > slack)
        };
        Ok(match own.filter(|own| stated > 0.0 && is_restart(own)) {
            Some(own) => DiscontinuityStart { own, seconds: segment.start },
            None => start,
        })
    }

    /// The source's time 0 in the clock of the fragments behind a discontinuity,
    /// microseconds.
    fn fragments_origin(
        &self,
        segment: &StreamSegment,
        init: &[u8],
        bytes: &[u8],
        own: Option<FirstTimestamp>,
    ) -> Result<i64, Error> {
        if let TimelineOrigin::Stated(stated) = &self.rendition.origin {
            return stated.get(&segment.discontinuity).copied().ok_or_else(format_changes);
        }
        let start = self.first_start(segment, Some(init), bytes, own)?;
        match start.own {
            FirstTimestamp::Micros(own) => Ok(own.saturating_sub(micros_of_seconds(start.seconds))),
            FirstTimestamp::Ticks(_) => Err(format_changes()),
        }
    }
}

/// By how much of its duration a segment may start earlier than its list states.
const LIST_SLACK: f64 = 0.9;
/// The same for each second of a list: old ones round durations to seconds (RFC 8216,
/// 4.3.2.1), so that 4.5 s may be stated as 5.
const LIST_DRIFT: f64 = 0.15;

/// When the segments behind a discontinuity start.
struct DiscontinuityStart {
    /// In their own clock.
    own: FirstTimestamp,
    /// In the source's time.
    seconds: f64,
}

/// By how much segments are shifted, as long as no discontinuity follows.
#[derive(Clone, Copy)]
struct DiscontinuityShift {
    discontinuity: u64,
    /// In the unit of the segments' clock.
    shift: i64,
}

/// By how much packets are shifted.
pub struct PacketClock {
    /// Where the joined stream starts in the source's time, where its clock would
    /// wrap otherwise.
    pub base_seconds: f64,
    /// The streams of the first segment.
    streams: Option<ts::TransportStream>,
    /// Shift of the first segment, ticks.
    pub first_shift: Option<i64>,
    current: Option<DiscontinuityShift>,
    pub restarts: RestartWatch,
}

/// Notices clocks that begin anew where the list states no discontinuity.
#[derive(Default)]
pub struct RestartWatch {
    previous: Option<FirstTimestamp>,
    /// Whether one began anew.
    pub has_restarted: bool,
}

impl RestartWatch {
    /// Whether the clock of a segment, which starts at `own`, began anew behind the
    /// segment before it, which has the same `discontinuity`.
    fn is_restart(&mut self, own: Option<FirstTimestamp>, is_same: bool) -> bool {
        let previous = self.previous.take();
        self.previous = own.or(previous.filter(|_| is_same));
        let is_restart = is_same
            && own.zip(previous).is_some_and(|(own, previous)| {
                own.seconds_after(previous).is_none_or(|seconds| seconds <= 0.0)
            });
        self.has_restarted |= is_restart;
        is_restart
    }
}

impl PacketClock {
    pub fn new(selected: &SelectedSegments<'_>) -> PacketClock {
        let first = selected.segments().first().map_or(0.0, |segment| segment.start);
        let base_seconds = if first > LONG { first.floor() } else { 0.0 };
        let restarts = RestartWatch::default();
        PacketClock { base_seconds, streams: None, first_shift: None, current: None, restarts }
    }

    /// The ticks that are added to the time stamps of a segment.
    pub fn shift(
        &mut self,
        selected: &SelectedSegments<'_>,
        segment: &StreamSegment,
        bytes: &[u8],
    ) -> Result<i64, Error> {
        let discontinuity = segment.discontinuity;
        let current = self.current.filter(|it| it.discontinuity == discontinuity);
        let own = FirstTimestamp::read(None, bytes, true)?;
        let start = match (current, own) {
            (current, Some(own)) if self.restarts.is_restart(Some(own), current.is_some()) => {
                DiscontinuityStart { own, seconds: segment.start }
            }
            (Some(current), _) => return Ok(current.shift),
            (None, own) => selected.first_start(segment, None, bytes, own)?,
        };
        let FirstTimestamp::Ticks(own) = start.own else { return Err(format_changes()) };
        let streams = ts::TransportStream::parse(bytes).map_err(unreadable_stream)?;
        if self.streams.as_ref().is_some_and(|known| !known.has_same_streams(&streams)) {
            return Err(format_changes());
        }
        self.streams.get_or_insert(streams);
        let seconds = start.seconds - self.base_seconds;
        // A cast of a float saturates.
        let joined = (seconds * ts::TICKS_PER_SECOND as f64).round() as i64 + EARLY;
        // Below 2^33.
        let shift = joined - own as i64;
        self.first_shift.get_or_insert(shift);
        self.current = Some(DiscontinuityShift { discontinuity, shift });
        Ok(shift)
    }
}

/// By how much fragments are shifted.
#[derive(Default)]
pub struct FragmentClock {
    /// The source's time 0 in the clock of the first segment, microseconds.
    pub origin_micros: Option<i64>,
    current: Option<DiscontinuityShift>,
    pub restarts: RestartWatch,
}

impl FragmentClock {
    /// The microseconds that are added to the times of a segment.
    pub fn shift(
        &mut self,
        selected: &SelectedSegments<'_>,
        segment: &StreamSegment,
        init: &[u8],
        bytes: &[u8],
    ) -> Result<i64, Error> {
        let discontinuity = segment.discontinuity;
        let current = self.current.filter(|it| it.discontinuity == discontinuity);
        let start = FirstTimestamp::read(Some(init), bytes, true)?;
        let is_stated = matches!(selected.rendition.origin, TimelineOrigin::Stated(_));
        let is_restart = !is_stated && self.restarts.is_restart(start, current.is_some());
        let own = match (current, start) {
            (Some(_), Some(FirstTimestamp::Micros(start))) if is_restart => {
                start.saturating_sub(micros_of_seconds(segment.start))
            }
            (Some(current), _) => return Ok(current.shift),
            (None, start) => selected.fragments_origin(segment, init, bytes, start)?,
        };
        // The first segments keep their clock.
        let shift = *self.origin_micros.get_or_insert(own) - own;
        self.current = Some(DiscontinuityShift { discontinuity, shift });
        Ok(shift)
    }
}

/// Video and audio can't be joined alike then.
pub fn clock_restarts() -> Error {
    let message = "the clock of the stream begins anew where its list states no discontinuity";
    Error::never(Code::NotMedia, message)
}

pub fn format_changes() -> Error {
    Error::never(Code::NotMedia, "the stream changes its format, so it can't be joined here")
}

pub async fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(file_error)
}
