//! How a representation says where its segments are: `SegmentTemplate`,
//! `SegmentList`, `SegmentTimeline` (ISO/IEC 23009-1, 5.3.9).

use std::ops::Range;

use clipmill_core::Timescale;

use super::xml::XmlElement;
use crate::MediaError;

/// Most segments of one representation and period.
pub const SEGMENTS: usize = 200_000;

/// What the elements of a period, an adaptation set and a representation say
/// together.
#[derive(Debug, Clone, PartialEq)]
pub struct Addressing {
    /// Ticks of the media's clock.
    pub timescale: Timescale,
    /// The time of the media's clock at the period's start, ticks:
    /// `presentationTimeOffset`.
    pub presentation_offset: u64,
    /// Number of the first segment.
    pub start_number: u64,
    /// Number of the last segment.
    pub end_number: Option<u64>,
    /// Ticks of each segment, where there is no timeline.
    pub duration: Option<u64>,
    /// Seconds by which a live segment is there before it is complete:
    /// `availabilityTimeOffset`.
    pub available_early: f64,
    /// `SegmentTimeline`.
    pub timeline: Option<Vec<TimelineEntry>>,
    /// Where the initialisation section is.
    pub initialization: Option<Initialization>,
    /// Where the segments are.
    pub media: MediaUrls,
}

/// Segments of one duration one after the other: `S` of a `SegmentTimeline`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimelineEntry {
    /// Ticks of the first one; none for right behind the entry before.
    pub time: Option<u64>,
    /// Ticks of each; not 0.
    pub duration: u64,
    /// How many more; negative for as many as there is time for.
    pub repeat: i64,
}

/// Where an initialisation section is.
#[derive(Debug, Clone, PartialEq)]
pub enum Initialization {
    /// At the address that this template gives.
    Template(String),
    /// At this address.
    Url(SegmentUrl),
}

/// Where segments are.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum MediaUrls {
    /// All in one file.
    #[default]
    SingleFile,
    /// At the addresses that this template gives.
    Template(String),
    /// At these addresses.
    List(Vec<SegmentUrl>),
}

/// Bytes at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentUrl {
    /// The address; empty for the base itself.
    pub uri: String,
    /// Which bytes; none for all.
    pub range: Option<Range<u64>>,
}

impl Default for Addressing {
    fn default() -> Addressing {
        Addressing {
            timescale: Timescale::MICROS,
            presentation_offset: 0,
            start_number: 1,
            end_number: None,
            duration: None,
            available_early: 0.0,
            timeline: None,
            initialization: None,
            media: MediaUrls::SingleFile,
        }
    }
}

impl Addressing {
    /// By a period, an adaptation set and a representation.
    ///
    /// # Errors
    /// When something in them can't be read.
    pub fn from_levels(levels: [&XmlElement; 3]) -> Result<Addressing, MediaError> {
        for name in ["SegmentTemplate", "SegmentList"] {
            let elements: Vec<&XmlElement> =
                levels.iter().filter_map(|level| level.child(name)).collect();
            if !elements.is_empty() {
                return Levels(elements).read(name == "SegmentTemplate");
            }
        }
        Ok(Addressing::default())
    }
}

/// Elements of one name, outermost first. What an inner one says counts.
struct Levels<'a>(Vec<&'a XmlElement>);

impl Levels<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find_map(|element| element.get(name))
    }

    fn child(&self, name: &str) -> Option<&XmlElement> {
        self.0.iter().rev().find_map(|element| element.child(name))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, MediaError> {
        let number = self.get(name).map(|text| text.trim().parse::<u64>()).transpose();
        number.map_err(|_| MediaError::damaged("a number of a manifest that can't be read"))
    }

    fn read(&self, is_template: bool) -> Result<Addressing, MediaError> {
        let timescale = u32::try_from(self.number("timescale")?.unwrap_or(1)).ok();
        let timescale = timescale
            .and_then(Timescale::new)
            .ok_or_else(|| MediaError::damaged("a time scale of a manifest that can't be"))?;
        let early = self.get("availabilityTimeOffset").and_then(|text| text.parse::<f64>().ok());
        let initialization = match (self.get("initialization"), self.child("Initialization")) {
            (Some(template), _) => Some(Initialization::Template(template.to_owned())),
            (None, Some(element)) => {
                Some(Initialization::Url(parse_url(element, "sourceURL", "range")?))
            }
            (None, None) => None,
        };
        let media = if is_template {
            let template = self.get("media");
            let template =
                template.ok_or_else(|| MediaError::damaged("a template without addresses"))?;
            MediaUrls::Template(template.to_owned())
        } else {
            MediaUrls::List(self.segment_urls()?)
        };
        Ok(Addressing {
            timescale,
            presentation_offset: self.number("presentationTimeOffset")?.unwrap_or(0),
            start_number: self.number("startNumber")?.unwrap_or(1),
            end_number: self.number("endNumber")?,
            duration: self.number("duration")?,
            available_early: early.filter(|early| early.is_finite() && *early > 0.0).unwrap_or(0.0),
            timeline: self.child("SegmentTimeline").map(parse_timeline).transpose()?,
            initialization,
            media,
        })
    }

    fn segment_urls(&self) -> Result<Vec<SegmentUrl>, MediaError> {
        let has_urls = |element: &&&XmlElement| element.child("SegmentURL").is_some();
        let Some(element) = self.0.iter().rev().find(has_urls) else { return Ok(Vec::new()) };
        let urls = element.children("SegmentURL").take(SEGMENTS + 1);
        urls.map(|url| parse_url(url, "media", "mediaRange")).collect()
    }
}

fn parse_timeline(timeline: &XmlElement) -> Result<Vec<TimelineEntry>, MediaError> {
    let damaged = || MediaError::damaged("a timeline of a manifest that can't be read");
    let entry = |element: &XmlElement| {
        let duration = element.get("d")?.trim().parse().ok().filter(|duration| *duration > 0)?;
        let time = match element.get("t") {
            Some(text) => Some(text.trim().parse().ok()?),
            None => None,
        };
        let repeat = element.get("r").map_or(Some(0), |text| text.trim().parse().ok())?;
        Some(TimelineEntry { time, duration, repeat })
    };
    timeline.children("S").map(|element| entry(element).ok_or_else(damaged)).collect()
}

/// An address and a range of bytes by these attributes.
fn parse_url(element: &XmlElement, uri: &str, range: &str) -> Result<SegmentUrl, MediaError> {
    let range = element.get(range).map(parse_range).transpose()?;
    Ok(SegmentUrl { uri: element.get(uri).unwrap_or_default().to_owned(), range })
}

/// `FIRST-LAST`.
fn parse_range(text: &str) -> Result<Range<u64>, MediaError> {
    let read = || {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse::<u64>().ok()?);
        Some(first..last.checked_add(1)?).filter(|range| range.start < range.end)
    };
    read().ok_or_else(|| MediaError::damaged("a byte range that can't be read"))
}
