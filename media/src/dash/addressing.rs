//! How a representation tells where its segments are, and what that comes to.

use std::ops::Range;

use super::template::{Values, fill};
use super::tree::Node;
use super::{
    List, MOST_SEGMENTS, MOST_TEXT, Now, Period, Place, Representation, Segment, Segments,
};
use crate::Error;

/// What elements of three levels say together.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Addressing {
    timescale: u64,
    /// Ticks of the media's clock at the period's beginning.
    offset: u64,
    start_number: u64,
    end_number: Option<u64>,
    /// Ticks of each segment, where there is no timeline.
    duration: Option<u64>,
    /// Seconds that a live segment is there before it is complete.
    early: f64,
    timeline: Option<Vec<Stretch>>,
    map: Option<Map>,
    media: Media,
}

/// Segments of one length one after the other.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    time: Option<u64>,
    duration: u64,
    /// How many more; negative for as many as there is time for.
    more: i64,
}

#[derive(Debug, Clone, PartialEq)]
enum Map {
    Template(String),
    Place(Place),
}

#[derive(Debug, Clone, PartialEq, Default)]
enum Media {
    /// One file.
    #[default]
    File,
    Template(String),
    List(Vec<Place>),
}

/// One segment in ticks of the media's clock.
struct Slot {
    number: u64,
    time: u64,
    duration: u64,
}

impl Addressing {
    /// From a period, a set and a representation.
    pub fn of(path: [&Node; 3]) -> Result<Addressing, Error> {
        for name in ["SegmentTemplate", "SegmentList"] {
            let nodes: Vec<&Node> = path.iter().filter_map(|node| node.child(name)).collect();
            if !nodes.is_empty() {
                return Addressing::read(name, &nodes);
            }
        }
        Ok(Addressing::default())
    }

    /// Of these elements the last one that says something counts.
    fn read(name: &str, nodes: &[&Node]) -> Result<Addressing, Error> {
        let get = |name: &str| nodes.iter().rev().find_map(|node| node.get(name));
        let child = |name: &str| nodes.iter().rev().find_map(|node| node.child(name));
        let number = |name: &str| match get(name) {
            None => Ok(None),
            Some(text) => text
                .trim()
                .parse::<u64>()
                .map(Some)
                .map_err(|_| Error::damaged("a number of a manifest that can't be read")),
        };
        let timescale = number("timescale")?.unwrap_or(1);
        if timescale == 0 || timescale > u64::from(u32::MAX) {
            return Err(Error::damaged("a time scale of a manifest that can't be"));
        }
        let early = get("availabilityTimeOffset").and_then(|text| text.parse::<f64>().ok());
        let map = match (get("initialization"), child("Initialization")) {
            (Some(template), _) => Some(Map::Template(template.to_owned())),
            (None, Some(node)) => Some(Map::Place(place(node, "sourceURL", "range")?)),
            (None, None) => None,
        };
        let media = match name {
            "SegmentTemplate" => match get("media") {
                Some(template) => Media::Template(template.to_owned()),
                None => return Err(Error::damaged("a template without addresses")),
            },
            _ => {
                let urls = |node: &&Node| node.child("SegmentURL").is_some();
                let node = nodes.iter().rev().find(|node| urls(node));
                let list = node.map(|node| {
                    let list = node.children("SegmentURL").take(MOST_SEGMENTS + 1);
                    list.map(|node| place(node, "media", "mediaRange")).collect()
                });
                Media::List(list.unwrap_or(Ok(Vec::new()))?)
            }
        };
        Ok(Addressing {
            timescale,
            offset: number("presentationTimeOffset")?.unwrap_or(0),
            start_number: number("startNumber")?.unwrap_or(1),
            end_number: number("endNumber")?,
            duration: number("duration")?,
            early: early.filter(|early| early.is_finite() && *early > 0.0).unwrap_or(0.0),
            timeline: child("SegmentTimeline").map(timeline).transpose()?,
            map,
            media,
        })
    }

    /// Where the segments are.
    pub fn segments(
        &self,
        of: &Representation,
        period: &Period,
        now: Option<Now>,
    ) -> Result<Segments, Error> {
        if self.media == Media::File {
            return Ok(Segments::File);
        }
        let values = Values { id: &of.id, bandwidth: of.bandwidth, number: None, time: None };
        let map = match &self.map {
            Some(Map::Template(text)) => Some(Place { uri: fill(text, values)?, range: None }),
            Some(Map::Place(place)) => Some(place.clone()),
            None => None,
        };
        let slots = match &self.timeline {
            Some(timeline) => self.of_timeline(timeline, period, now)?,
            None => self.of_duration(period, now)?,
        };
        let (mut segments, mut text) = (Vec::new(), 0_usize);
        for (index, slot) in slots.iter().enumerate() {
            let place = match &self.media {
                Media::Template(template) => {
                    let (number, time) = (Some(slot.number), Some(slot.time));
                    let uri = fill(template, Values { number, time, ..values })?;
                    Place { uri, range: None }
                }
                Media::List(list) => match list.get(index) {
                    Some(place) => place.clone(),
                    None => break,
                },
                Media::File => break,
            };
            text = text.saturating_add(place.uri.len());
            if text > MOST_TEXT {
                return Err(Error::too_large("more than 32 MiB of addresses"));
            }
            let ticks = i128::from(slot.time) - i128::from(self.offset);
            segments.push(Segment {
                place,
                start: period.start + self.seconds(ticks),
                duration: self.seconds(i128::from(slot.duration)),
            });
        }
        Ok(Segments::List(List { map, segments, origin_micros: self.zero(period)? }))
    }

    fn seconds(&self, ticks: i128) -> f64 {
        // To the microsecond, whatever the number of ticks.
        (ticks * 1_000_000 / i128::from(self.timescale.max(1))) as f64 / 1e6
    }

    /// What time 0 of the presentation is in the media's clock, microseconds.
    fn zero(&self, period: &Period) -> Result<i64, Error> {
        let scale = i128::from(self.timescale.max(1));
        let offset = (i128::from(self.offset) * 1_000_000 + scale / 2) / scale;
        // A cast of a float saturates.
        let zero = offset - (period.start * 1e6).round() as i128;
        i64::try_from(zero).map_err(|_| Error::damaged("a time of a manifest that can't be"))
    }

    /// Ticks of the media's clock at which the period ends, as far as is known.
    fn end(&self, period: &Period, now: Option<Now>) -> Option<u64> {
        let end = match (period.end, now) {
            (Some(end), Some(now)) => end.min(now.at + self.early),
            (Some(end), None) => end,
            (None, now) => now?.at + self.early,
        };
        let ticks = (end - period.start).max(0.0) * self.timescale as f64;
        let hair = 0.001;
        let ticks = if now.is_some() { (ticks + hair).floor() } else { (ticks - hair).ceil() };
        // A cast of a float saturates.
        Some((ticks as u64).saturating_add(self.offset))
    }

    fn of_timeline(
        &self,
        timeline: &[Stretch],
        period: &Period,
        now: Option<Now>,
    ) -> Result<Vec<Slot>, Error> {
        let damaged = || Error::damaged("a timeline of a manifest that can't be read");
        let mut slots: Vec<Slot> = Vec::new();
        let (mut time, mut number) = (0_u64, self.start_number);
        for (index, stretch) in timeline.iter().enumerate() {
            time = stretch.time.unwrap_or(time);
            let count = match u64::try_from(stretch.more) {
                Ok(more) => more.saturating_add(1),
                Err(_) => {
                    let next = timeline.get(index + 1).and_then(|next| next.time);
                    let end = next.or_else(|| self.end(period, now)).ok_or_else(damaged)?;
                    let length = end.saturating_sub(time);
                    // Of a live one only what is complete.
                    match next.is_none() && grows(period, now) {
                        true => length / stretch.duration,
                        false => length.div_ceil(stretch.duration),
                    }
                }
            };
            if count.saturating_add(slots.len() as u64) > MOST_SEGMENTS as u64 {
                return Err(Error::too_large("a manifest of more than 200000 segments"));
            }
            for _ in 0..count {
                slots.push(Slot { number, time, duration: stretch.duration });
                time = time.checked_add(stretch.duration).ok_or_else(damaged)?;
                number = number.checked_add(1).ok_or_else(damaged)?;
            }
        }
        Ok(slots)
    }

    fn of_duration(&self, period: &Period, now: Option<Now>) -> Result<Vec<Slot>, Error> {
        let damaged = || Error::damaged("a manifest that does not tell how long segments are");
        let listed = match &self.media {
            Media::List(list) => Some(list.len() as u64),
            Media::Template(_) | Media::File => None,
        };
        let duration = match (self.duration, listed) {
            (Some(duration), _) if duration > 0 => duration,
            // One segment needs no length: it is the period's.
            (None, Some(1)) => {
                let end = self.end(period, now).ok_or_else(damaged)?;
                end.saturating_sub(self.offset).max(1)
            }
            _ => return Err(damaged()),
        };
        let by_end = || {
            let length = self.end(period, now)?.saturating_sub(self.offset);
            // Of a live one only what is complete.
            let grows = grows(period, now);
            Some(if grows { length / duration } else { length.div_ceil(duration) })
        };
        let by_number = self.end_number.map(|end| (end + 1).saturating_sub(self.start_number));
        let count = listed.or(by_number).or_else(by_end).ok_or_else(damaged)?;
        // What has long left a live stream's window is not listed.
        let first = match (now, listed) {
            (Some(now), None) => {
                let oldest = now.window.map_or(0.0, |window| now.at - window - period.start);
                // A cast of a float saturates.
                let gone = (oldest * self.timescale as f64) as u64 / duration;
                count.saturating_sub(MOST_SEGMENTS as u64 / 2).max(gone.min(count))
            }
            _ => 0,
        };
        if count - first > MOST_SEGMENTS as u64 {
            return Err(Error::too_large("a manifest of more than 200000 segments"));
        }
        let slot = |index: u64| {
            let time = index.checked_mul(duration)?.checked_add(self.offset)?;
            Some(Slot { number: self.start_number.checked_add(index)?, time, duration })
        };
        (first..count).map(|index| slot(index).ok_or_else(damaged)).collect()
    }
}

/// Whether a period is not at its end yet.
fn grows(period: &Period, now: Option<Now>) -> bool {
    now.is_some_and(|now| period.end.is_none_or(|end| now.at < end))
}

fn timeline(node: &Node) -> Result<Vec<Stretch>, Error> {
    let damaged = || Error::damaged("a timeline of a manifest that can't be read");
    let read = |node: &Node| {
        let duration = node.get("d")?.trim().parse().ok().filter(|duration| *duration > 0)?;
        let time = match node.get("t") {
            Some(text) => Some(text.trim().parse().ok()?),
            None => None,
        };
        let more = node.get("r").map_or(Some(0), |text| text.trim().parse().ok())?;
        Some(Stretch { time, duration, more })
    };
    node.children("S").map(|node| read(node).ok_or_else(damaged)).collect()
}

fn place(node: &Node, uri: &str, range: &str) -> Result<Place, Error> {
    let range = node.get(range).map(byte_range).transpose()?;
    Ok(Place { uri: node.get(uri).unwrap_or_default().to_owned(), range })
}

/// `FIRST-LAST`.
fn byte_range(text: &str) -> Result<Range<u64>, Error> {
    let read = || {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse::<u64>().ok()?);
        Some(first..last.checked_add(1)?).filter(|range| range.start < range.end)
    };
    read().ok_or_else(|| Error::damaged("a byte range that can't be read"))
}
