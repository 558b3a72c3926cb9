//! The segments of a representation in one period, by what it says of them.

use clipmill_core::micros_of_seconds;

use super::addressing::{Addressing, Initialization, MediaUrls, SEGMENTS, TimelineEntry};
use super::template::{TemplateValues, fill_template};
use crate::MediaError;

pub use super::addressing::SegmentUrl;

/// Most bytes of the addresses of all segments.
const ADDRESSES_SIZE: usize = 32 * 1024 * 1024;
/// Parts of a tick by which a period's end may be off, since it is in seconds.
const TICK_TOLERANCE: f64 = 0.001;

/// The moment as of which the segments of a live presentation are listed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiveMoment {
    /// Seconds of the presentation.
    pub at: f64,
    /// Seconds that a segment stays on its server; none for always.
    pub window: Option<f64>,
}

/// Where the segments of a representation are.
#[derive(Debug, Clone, PartialEq)]
pub enum SegmentSource {
    /// All in one file, which has an index of its own.
    SingleFile,
    /// In a list.
    List(SegmentList),
}

/// Segments of one representation in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentList {
    /// The initialisation section.
    pub map: Option<SegmentUrl>,
    /// In the order of time.
    pub segments: Vec<ManifestSegment>,
    /// The presentation's time 0 in the media's own clock, microseconds.
    pub origin_micros: i64,
}

/// One segment.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestSegment {
    /// Where it is.
    pub url: SegmentUrl,
    /// When it starts, seconds of the presentation.
    pub start: f64,
    /// Seconds.
    pub duration: f64,
}

/// The period of which segments are listed.
#[derive(Debug, Clone, Copy)]
pub struct PeriodTimes {
    /// When it starts, seconds of the presentation.
    pub start: f64,
    /// When it ends; none when that is not known yet.
    pub end: Option<f64>,
    /// The moment as of which a live presentation is read; none for others.
    pub live: Option<LiveMoment>,
}

impl PeriodTimes {
    /// Whether the period is not at its end yet.
    fn is_growing(&self) -> bool {
        self.live.is_some_and(|now| self.end.is_none_or(|end| now.at < end))
    }
}

/// A segment in ticks of the media's clock.
struct SegmentTiming {
    number: u64,
    time: u64,
    duration: u64,
}

impl Addressing {
    /// Where the segments of a representation are. `id` and `bandwidth` are the
    /// representation's.
    ///
    /// # Errors
    /// When they can't be told, or are too many.
    pub fn segments(
        &self,
        id: &str,
        bandwidth: Option<u64>,
        period: PeriodTimes,
    ) -> Result<SegmentSource, MediaError> {
        if self.media == MediaUrls::SingleFile {
            return Ok(SegmentSource::SingleFile);
        }
        let values = TemplateValues { id, bandwidth, number: None, time: None };
        let map = match &self.initialization {
            Some(Initialization::Template(template)) => {
                Some(SegmentUrl { uri: fill_template(template, values)?, range: None })
            }
            Some(Initialization::Url(url)) => Some(url.clone()),
            None => None,
        };
        let timings = match &self.timeline {
            Some(timeline) => self.timings_by_timeline(timeline, period)?,
            None => self.timings_by_duration(period)?,
        };
        let (mut segments, mut addresses) = (Vec::new(), 0_usize);
        for (index, timing) in timings.iter().enumerate() {
            let Some(url) = self.url_of(index, timing, values)? else { break };
            addresses = addresses.saturating_add(url.uri.len());
            if addresses > ADDRESSES_SIZE {
                return Err(MediaError::too_large("more than 32 MiB of addresses"));
            }
            segments.push(ManifestSegment {
                url,
                start: period.start + self.seconds_after_offset(timing.time),
                duration: self.seconds(timing.duration),
            });
        }
        let origin_micros = self.origin_micros(period.start)?;
        Ok(SegmentSource::List(SegmentList { map, segments, origin_micros }))
    }

    /// Where a segment is; none behind the last one of a list.
    fn url_of(
        &self,
        index: usize,
        timing: &SegmentTiming,
        values: TemplateValues<'_>,
    ) -> Result<Option<SegmentUrl>, MediaError> {
        match &self.media {
            MediaUrls::Template(template) => {
                let (number, time) = (Some(timing.number), Some(timing.time));
                let uri = fill_template(template, TemplateValues { number, time, ..values })?;
                Ok(Some(SegmentUrl { uri, range: None }))
            }
            MediaUrls::List(urls) => Ok(urls.get(index).cloned()),
            MediaUrls::SingleFile => Ok(None),
        }
    }

    /// Ticks as seconds, in whole microseconds whatever the number of ticks.
    fn seconds(&self, ticks: u64) -> f64 {
        self.timescale.micros_floor(i64::try_from(ticks).unwrap_or(i64::MAX)) as f64 / 1e6
    }

    /// From the period's start to a time of the media's clock.
    fn seconds_after_offset(&self, time: u64) -> f64 {
        match time.checked_sub(self.presentation_offset) {
            Some(after) => self.seconds(after),
            None => -self.seconds(self.presentation_offset - time),
        }
    }

    /// The presentation's time 0 in the media's clock, microseconds.
    fn origin_micros(&self, period_start: f64) -> Result<i64, MediaError> {
        let offset = i64::try_from(self.presentation_offset).ok();
        let micros = offset.map(|ticks| self.timescale.micros(ticks));
        let origin = micros.and_then(|micros| micros.checked_sub(micros_of_seconds(period_start)));
        origin.ok_or_else(|| MediaError::damaged("a time of a manifest that can't be"))
    }

    /// The time of the media's clock at which the period ends, ticks, as far as
    /// is known.
    fn end_ticks(&self, period: PeriodTimes) -> Option<u64> {
        let available = period.live.map(|now| now.at + self.available_early);
        let end = match (period.end, available) {
            (Some(end), Some(available)) => end.min(available),
            (Some(end), None) => end,
            (None, available) => available?,
        };
        let ticks = (end - period.start).max(0.0) * f64::from(self.timescale.get());
        let ticks = if period.live.is_some() {
            (ticks + TICK_TOLERANCE).floor()
        } else {
            (ticks - TICK_TOLERANCE).ceil()
        };
        // A cast of a float saturates.
        Some((ticks as u64).saturating_add(self.presentation_offset))
    }

    fn timings_by_timeline(
        &self,
        timeline: &[TimelineEntry],
        period: PeriodTimes,
    ) -> Result<Vec<SegmentTiming>, MediaError> {
        let damaged = || MediaError::damaged("a timeline of a manifest that can't be read");
        let mut timings: Vec<SegmentTiming> = Vec::new();
        let (mut time, mut number) = (0_u64, self.start_number);
        for (index, entry) in timeline.iter().enumerate() {
            time = entry.time.unwrap_or(time);
            let count = match u64::try_from(entry.repeat) {
                Ok(repeat) => repeat.saturating_add(1),
                Err(_) => {
                    let next = timeline.get(index + 1).and_then(|next| next.time);
                    let end = next.or_else(|| self.end_ticks(period)).ok_or_else(damaged)?;
                    let is_growing = next.is_none() && period.is_growing();
                    count_segments(end.saturating_sub(time), entry.duration, is_growing)
                }
            };
            if count.saturating_add(timings.len() as u64) > SEGMENTS as u64 {
                return Err(too_many());
            }
            for _ in 0..count {
                timings.push(SegmentTiming { number, time, duration: entry.duration });
                time = time.checked_add(entry.duration).ok_or_else(damaged)?;
                number = number.checked_add(1).ok_or_else(damaged)?;
            }
        }
        Ok(timings)
    }

    fn timings_by_duration(&self, period: PeriodTimes) -> Result<Vec<SegmentTiming>, MediaError> {
        let damaged = || MediaError::damaged("a manifest that does not tell how long segments are");
        let listed = match &self.media {
            MediaUrls::List(urls) => Some(urls.len() as u64),
            MediaUrls::Template(_) | MediaUrls::SingleFile => None,
        };
        let length = || Some(self.end_ticks(period)?.saturating_sub(self.presentation_offset));
        let duration = match (self.duration, listed) {
            (Some(duration), _) if duration > 0 => duration,
            // One segment needs no duration: it is the period's.
            (None, Some(1)) => length().ok_or_else(damaged)?.max(1),
            _ => return Err(damaged()),
        };
        let by_end = || Some(count_segments(length()?, duration, period.is_growing()));
        let by_number = self.end_number.map(|end| (end + 1).saturating_sub(self.start_number));
        let count = listed.or(by_number).or_else(by_end).ok_or_else(damaged)?;
        // What has long left a live stream's window is not listed.
        let first = match (period.live, listed) {
            (Some(now), None) => {
                let oldest = now.window.map_or(0.0, |window| now.at - window - period.start);
                // A cast of a float saturates.
                let gone = (oldest * f64::from(self.timescale.get())) as u64 / duration;
                count.saturating_sub(SEGMENTS as u64 / 2).max(gone.min(count))
            }
            _ => 0,
        };
        if count - first > SEGMENTS as u64 {
            return Err(too_many());
        }
        let timing = |index: u64| {
            let time = index.checked_mul(duration)?.checked_add(self.presentation_offset)?;
            Some(SegmentTiming { number: self.start_number.checked_add(index)?, time, duration })
        };
        (first..count).map(|index| timing(index).ok_or_else(damaged)).collect()
    }
}

/// How many segments there are in `length` ticks: of a period that still grows,
/// only those that are complete.
fn count_segments(length: u64, duration: u64, is_growing: bool) -> u64 {
    if is_growing { length / duration } else { length.div_ceil(duration) }
}

fn too_many() -> MediaError {
    MediaError::too_large("a manifest of more than 200000 segments")
}
