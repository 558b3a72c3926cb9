//! `MPD`, `Period` and `Representation` (ISO/IEC 23009-1, 5.3.1 to 5.3.5).

use super::addressing::Addressing;
use super::segments::{LiveMoment, PeriodTimes, SegmentSource};
use super::xml::{XmlElement, parse_xml};
use crate::{MediaError, TrackKind, iso8601};

/// Most bytes of a manifest.
pub const MANIFEST_SIZE: usize = 16 * 1024 * 1024;
/// Most periods, and most representations of one.
const PERIODS: usize = 1_000;

/// A presentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Mpd {
    /// Whether it is live: segments are still added.
    pub dynamic: bool,
    /// When time 0 was broadcast, microseconds since 1970; for live ones.
    pub availability_start_micros: Option<i64>,
    /// Seconds after which a live manifest is to be read again.
    pub update_period: Option<f64>,
    /// Seconds that a live segment stays on its server; none for always.
    pub window: Option<f64>,
    /// In the order of time.
    pub periods: Vec<Period>,
}

/// A part with a clock and addresses of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// When it starts, seconds of the presentation.
    pub start: f64,
    /// When it ends; none when that is not known yet.
    pub end: Option<f64>,
    /// The streams that can be chosen.
    pub representations: Vec<Representation>,
}

/// Video or audio in one quality.
#[derive(Debug, Clone, PartialEq)]
pub struct Representation {
    /// Its name.
    pub id: String,
    /// Video or audio; none for anything else.
    pub kind: Option<TrackKind>,
    /// MIME type of its segments.
    pub mime: String,
    /// As RFC 6381 spells it.
    pub codecs: Option<String>,
    /// Bits per second.
    pub bandwidth: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// Whether it is marked as the main one.
    pub main: bool,
    /// Whether rights management protects it.
    pub protected: bool,
    /// What its addresses are relative to, outermost first.
    pub bases: Vec<String>,
    addressing: Addressing,
}

impl Mpd {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged) when it is none,
    /// [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported) for what refers to other
    /// documents, [`MediaErrorKind::TooLarge`](crate::MediaErrorKind::TooLarge) beyond the bounds
    /// of this module.
    pub fn parse(text: &[u8]) -> Result<Mpd, MediaError> {
        if text.len() > MANIFEST_SIZE {
            return Err(MediaError::too_large("a manifest of more than 16 MiB"));
        }
        let root = parse_xml(&String::from_utf8_lossy(text))?;
        if root.name != "MPD" {
            return Err(MediaError::damaged("this is no manifest"));
        }
        let elements: Vec<&XmlElement> = root.children("Period").collect();
        if elements.is_empty() {
            return Err(MediaError::damaged("a manifest without a period"));
        }
        if elements.len() > PERIODS {
            return Err(MediaError::too_large("a manifest of more than 1000 periods"));
        }
        let whole = root.get("mediaPresentationDuration").and_then(iso8601::parse_duration);
        let mut periods: Vec<Period> = Vec::new();
        for element in elements {
            let own_start = element.get("start").and_then(iso8601::parse_duration);
            let after = periods.last().and_then(|period| period.end);
            let start = own_start.or(after).unwrap_or(0.0);
            if let Some(before) = periods.last_mut() {
                before.end = before.end.or(Some(start));
            }
            let duration = element.get("duration").and_then(iso8601::parse_duration);
            let end = duration.map(|duration| start + duration);
            let representations = parse_representations(&root, element)?;
            periods.push(Period { start, end, representations });
        }
        if let Some(last) = periods.last_mut() {
            last.end = last.end.or(whole);
        }
        Ok(Mpd {
            dynamic: root.get("type") == Some("dynamic"),
            availability_start_micros: root
                .get("availabilityStartTime")
                .and_then(iso8601::parse_moment),
            update_period: root.get("minimumUpdatePeriod").and_then(iso8601::parse_duration),
            window: root.get("timeShiftBufferDepth").and_then(iso8601::parse_duration),
            periods,
        })
    }
}

impl Representation {
    /// Where its segments are; of a live one those that are there at a moment.
    ///
    /// # Errors
    /// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged),
    /// [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported),
    /// [`MediaErrorKind::TooLarge`](crate::MediaErrorKind::TooLarge).
    pub fn segments(
        &self,
        period: &Period,
        live: Option<LiveMoment>,
    ) -> Result<SegmentSource, MediaError> {
        if self.protected {
            return Err(MediaError::unsupported("the stream is protected"));
        }
        let times = PeriodTimes { start: period.start, end: period.end, live };
        self.addressing.segments(&self.id, self.bandwidth, times)
    }
}

fn parse_representations(
    root: &XmlElement,
    period: &XmlElement,
) -> Result<Vec<Representation>, MediaError> {
    let mut list = Vec::new();
    for set in period.children("AdaptationSet") {
        for element in set.children("Representation") {
            if list.len() >= PERIODS {
                return Err(MediaError::too_large("a period of more than 1000 representations"));
            }
            list.push(parse_representation([root, period, set, element])?);
        }
    }
    Ok(list)
}

/// A representation, by itself and all that it is in, outermost first.
fn parse_representation(levels: [&XmlElement; 4]) -> Result<Representation, MediaError> {
    let [_, period, set, own] = levels;
    let get = |name: &str| own.get(name).or_else(|| set.get(name));
    let number = |name: &str| get(name).and_then(|text| text.parse().ok());
    let mime = get("mimeType").unwrap_or_default().to_owned();
    let kind = match set.get("contentType").unwrap_or(&mime).split('/').next() {
        Some("video") => Some(TrackKind::Video),
        Some("audio") => Some(TrackKind::Audio),
        _ => None,
    };
    let bases = levels.into_iter().filter_map(|level| level.child("BaseURL"));
    let bases = bases.map(|base| base.text.trim().to_owned());
    let is_protected = |element: &XmlElement| element.child("ContentProtection").is_some();
    Ok(Representation {
        id: own.get("id").unwrap_or_default().to_owned(),
        kind,
        codecs: get("codecs").map(str::to_owned),
        bandwidth: own.get("bandwidth").and_then(|text| text.parse().ok()),
        width: number("width"),
        height: number("height"),
        frame_rate: get("frameRate").and_then(parse_frame_rate),
        main: set.children("Role").any(|role| role.get("value") == Some("main")),
        protected: is_protected(set) || is_protected(own),
        bases: bases.filter(|base| !base.is_empty()).collect(),
        addressing: Addressing::from_levels([period, set, own])?,
        mime,
    })
}

/// `30000/1001`, or a whole number.
fn parse_frame_rate(text: &str) -> Option<f64> {
    let (frames, seconds) = text.split_once('/').unwrap_or((text, "1"));
    let rate = frames.trim().parse::<f64>().ok()? / seconds.trim().parse::<f64>().ok()?;
    Some(rate).filter(|rate| rate.is_finite() && *rate > 0.0)
}
