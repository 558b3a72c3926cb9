//! DASH manifests (ISO/IEC 23009-1): what they say, as far as fetching a span
//! needs it.
//!
//! Pure text in, typed lists out. Addresses are left as they are written, each
//! with those that it is relative to. Document types and entities of a
//! manifest's own are refused, and so is what systems of rights protect.

mod addressing;
mod template;
#[cfg(test)]
mod tests;
mod tree;

use std::ops::Range;

use self::addressing::Addressing;
use self::tree::Node;
use crate::{Error, TrackKind, iso8601};

/// Longest manifest that is read, bytes.
pub const LONGEST: usize = 16 * 1024 * 1024;
/// Most segments of one representation and period.
pub const MOST_SEGMENTS: usize = 200_000;
/// Most bytes of all their addresses.
const MOST_TEXT: usize = 32 * 1024 * 1024;
/// Most periods, and most representations of one.
const MOST: usize = 1_000;

/// A presentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Whether it still grows.
    pub dynamic: bool,
    /// When time 0 was broadcast, microseconds since 1970; for live ones.
    pub began_micros: Option<i64>,
    /// Seconds after which a live manifest is to be read again.
    pub update: Option<f64>,
    /// Seconds that a live segment stays where it is; none for always.
    pub window: Option<f64>,
    /// In the order of time.
    pub periods: Vec<Period>,
}

/// A part with a clock and addresses of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// When it begins, seconds of the presentation.
    pub start: f64,
    /// When it ends; none when that is not known yet.
    pub end: Option<f64>,
    /// All ways to see or hear it.
    pub representations: Vec<Representation>,
}

/// Picture or sound in one quality.
#[derive(Debug, Clone, PartialEq)]
pub struct Representation {
    /// Its name.
    pub id: String,
    /// Picture or sound; none for anything else.
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
    /// Whether a system of rights protects it.
    pub protected: bool,
    /// What its addresses are relative to, outermost first.
    pub bases: Vec<String>,
    addressing: Addressing,
}

/// The moment at which a live presentation is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now {
    /// Seconds of the presentation.
    pub at: f64,
    /// [`Manifest::window`].
    pub window: Option<f64>,
}

/// Where the segments of a representation are.
#[derive(Debug, Clone, PartialEq)]
pub enum Segments {
    /// All in one file, which tells by itself where they are.
    File,
    /// In a list.
    List(List),
}

/// Segments of one representation in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The initialisation section.
    pub map: Option<Place>,
    /// In the order of time.
    pub segments: Vec<Segment>,
    /// What time 0 of the presentation is in the media's own clock, microseconds.
    pub origin_micros: i64,
}

/// Bytes at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address; empty for the base itself.
    pub uri: String,
    /// Which bytes; none for all.
    pub range: Option<Range<u64>>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Where it is.
    pub place: Place,
    /// When it begins, seconds of the presentation.
    pub start: f64,
    /// Seconds.
    pub duration: f64,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when it is none,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for what refers to other
    /// documents, [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) beyond the bounds
    /// of this module.
    pub fn parse(text: &[u8]) -> Result<Manifest, Error> {
        if text.len() > LONGEST {
            return Err(Error::too_large("a manifest of more than 16 MiB"));
        }
        let root = tree::parse(&String::from_utf8_lossy(text))?;
        if root.name != "MPD" {
            return Err(Error::damaged("this is no manifest"));
        }
        let nodes: Vec<&Node> = root.children("Period").collect();
        if nodes.is_empty() {
            return Err(Error::damaged("a manifest without a period"));
        }
        if nodes.len() > MOST {
            return Err(Error::too_large("a manifest of more than 1000 periods"));
        }
        let all = root.get("mediaPresentationDuration").and_then(iso8601::parse_duration);
        let mut periods: Vec<Period> = Vec::new();
        for node in nodes {
            let told = node.get("start").and_then(iso8601::parse_duration);
            let after = periods.last().and_then(|period| period.end);
            let start = told.or(after).unwrap_or(0.0);
            if let Some(before) = periods.last_mut() {
                before.end = before.end.or(Some(start));
            }
            let length = node.get("duration").and_then(iso8601::parse_duration);
            let end = length.map(|length| start + length);
            let representations = representations(&root, node)?;
            periods.push(Period { start, end, representations });
        }
        if let Some(last) = periods.last_mut() {
            last.end = last.end.or(all);
        }
        Ok(Manifest {
            dynamic: root.get("type") == Some("dynamic"),
            began_micros: root.get("availabilityStartTime").and_then(iso8601::parse_moment),
            update: root.get("minimumUpdatePeriod").and_then(iso8601::parse_duration),
            window: root.get("timeShiftBufferDepth").and_then(iso8601::parse_duration),
            periods,
        })
    }
}

impl Representation {
    /// Where its segments are; of a live one those that are there `now`.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged),
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported),
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge).
    pub fn segments(&self, period: &Period, now: Option<Now>) -> Result<Segments, Error> {
        if self.protected {
            return Err(Error::unsupported("the stream is protected"));
        }
        self.addressing.segments(self, period, now)
    }
}

fn representations(root: &Node, period: &Node) -> Result<Vec<Representation>, Error> {
    let mut list = Vec::new();
    for set in period.children("AdaptationSet") {
        for node in set.children("Representation") {
            if list.len() >= MOST {
                return Err(Error::too_large("a period of more than 1000 representations"));
            }
            list.push(representation(&[root, period, set, node])?);
        }
    }
    Ok(list)
}

/// A representation with all that it is in, outermost first.
fn representation(path: &[&Node; 4]) -> Result<Representation, Error> {
    let [_, _, set, node] = path;
    let get = |name: &str| node.get(name).or_else(|| set.get(name));
    let mime = get("mimeType").unwrap_or_default().to_owned();
    let codecs = get("codecs").map(str::to_owned);
    let content = set.get("contentType").unwrap_or(&mime);
    let kind = match content.split('/').next() {
        Some("video") => Some(TrackKind::Video),
        Some("audio") => Some(TrackKind::Audio),
        _ => None,
    };
    let rate = get("frameRate").and_then(|text| {
        let (frames, seconds) = text.split_once('/').unwrap_or((text, "1"));
        let rate = frames.trim().parse::<f64>().ok()? / seconds.trim().parse::<f64>().ok()?;
        Some(rate).filter(|rate| rate.is_finite() && *rate > 0.0)
    });
    let read = |name: &str| get(name).and_then(|text| text.parse().ok());
    let protected = [set, node].iter().any(|node| node.child("ContentProtection").is_some());
    let bases = path.iter().filter_map(|node| Some(node.child("BaseURL")?.text.trim().to_owned()));
    let roles = set.children("Role").filter_map(|role| role.get("value"));
    Ok(Representation {
        id: node.get("id").unwrap_or_default().to_owned(),
        kind,
        mime,
        codecs,
        bandwidth: node.get("bandwidth").and_then(|text| text.parse().ok()),
        width: read("width"),
        height: read("height"),
        frame_rate: rate,
        main: roles.into_iter().any(|role| role == "main"),
        protected,
        bases: bases.filter(|base| !base.is_empty()).collect(),
        addressing: Addressing::of([path[1], path[2], path[3]])?,
    })
}
