//! Reading where every frame of a file is, without keeping any of them.

use super::block::{Block, block, lasts};
use super::config::settle;
use super::ebml::{self, children, cut_off, unsigned};
use super::head::{self, Head};
use super::ids;
use super::tracks::Entry;
use super::window::Window;
use crate::{Error, Media, ReadAt, Sample, Track, TrackKind};

/// Bytes that are read at once.
const AHEAD: usize = 1024 * 1024;
/// Most frames of a file.
const FRAMES: usize = 5_000_000;
/// Most elements of a file.
const ELEMENTS: usize = 4 * FRAMES;
/// Most bytes of a frame that are looked at.
const LOOK: u64 = 32;

/// Where every frame of picture and sound is.
///
/// A file that ends in the middle of a frame is read up to the one before it.
///
/// # Errors
/// Those of the file; when it contradicts itself or has more than 5 million
/// frames; when a track is encrypted or compressed once more.
pub async fn read(file: &dyn ReadAt) -> Result<Media, Error> {
    let mut window = Window::open(file, AHEAD).await?;
    let head = head::read(&mut window).await?;
    let mut reader = Reader::new(&head);
    if let Some(first) = head.clusters {
        reader.clusters(&mut window, first, head.end).await?;
    }
    let tracks = reader.tracks.into_iter().map(|track| track.finish(head.scale)).collect();
    Ok(Media { tracks })
}

/// A frame, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Frame {
    offset: u64,
    size: u32,
    sync: bool,
    time: i64,
    lasts: Option<u64>,
}

struct Reading {
    entry: Entry,
    frames: Vec<Frame>,
    /// Beginning of the first frame that decoding can begin with.
    first: Vec<u8>,
}

struct Reader {
    tracks: Vec<Reading>,
    scale: i64,
    frames: usize,
    elements: usize,
}

/// A block, and what its group says about it.
struct Told {
    at: u64,
    size: u64,
    key: Option<bool>,
    lasts: Option<u64>,
}

impl Reader {
    fn new(head: &Head) -> Reader {
        let reading =
            |entry: &Entry| Reading { entry: entry.clone(), frames: Vec::new(), first: Vec::new() };
        Reader {
            tracks: head.entries.iter().map(reading).collect(),
            scale: i64::try_from(head.scale).unwrap_or(1_000_000),
            frames: 0,
            elements: 0,
        }
    }

    /// Reads everything from the first cluster to the end of the segment.
    async fn clusters(
        &mut self,
        window: &mut Window<'_>,
        first: u64,
        end: u64,
    ) -> Result<(), Error> {
        let mut at = first;
        while at < end {
            self.count()?;
            let Some(header) = window.header(at).await? else { return Ok(()) };
            let content = at + header.length as u64;
            let stop = header
                .size
                .map(|size| content.checked_add(size).ok_or_else(cut_off))
                .transpose()?;
            at = match (header.id, stop) {
                (ids::CLUSTER, stop) => {
                    let known = stop.is_some();
                    let stop = stop.map_or(end, |stop| stop.min(end));
                    self.cluster(window, content, stop, known).await?
                }
                // The next document of a file that several were joined to.
                (ids::EBML | ids::SEGMENT, _) => return Ok(()),
                (_, Some(stop)) => stop,
                (_, None) => return Err(Error::damaged("an element has no size")),
            };
        }
        Ok(())
    }

    /// Reads one cluster; gives the first byte after it.
    async fn cluster(
        &mut self,
        window: &mut Window<'_>,
        content: u64,
        end: u64,
        known: bool,
    ) -> Result<u64, Error> {
        let (mut at, mut time) = (content, None);
        while at < end {
            self.count()?;
            let Some(header) = window.header(at).await? else { return Ok(end) };
            if !known && ids::ends_cluster(header.id) {
                return Ok(at);
            }
            let size = header.size.ok_or_else(|| Error::damaged("an element has no size"))?;
            let content = at + header.length as u64;
            let next = content.checked_add(size).ok_or_else(cut_off)?;
            if next > end {
                // What is cut off with the file is left out.
                return if end == window.size() { Ok(end) } else { Err(cut_off()) };
            }
            match header.id {
                ids::TIMESTAMP => {
                    let bytes = window.exact(content, size.min(9) as usize).await?;
                    time = i64::try_from(unsigned(&bytes)?).ok();
                }
                ids::SIMPLE_BLOCK => {
                    let told = Told { at: content, size, key: None, lasts: None };
                    self.block(window, time, told).await?;
                }
                ids::BLOCK_GROUP => {
                    let told = self.group(window, content, next).await?;
                    if let Some(told) = told {
                        self.block(window, time, told).await?;
                    }
                }
                _ => {}
            }
            at = next;
        }
        Ok(end)
    }

    /// What a group says about its block.
    async fn group(
        &mut self,
        window: &mut Window<'_>,
        content: u64,
        end: u64,
    ) -> Result<Option<Told>, Error> {
        let (mut at, mut place, mut key, mut lasts) = (content, None, true, None);
        while at < end {
            self.count()?;
            let header = window.header(at).await?.ok_or_else(cut_off)?;
            let content = at + header.length as u64;
            let size = header.size.ok_or_else(cut_off)?;
            let next = content.checked_add(size).filter(|next| *next <= end).ok_or_else(cut_off)?;
            match header.id {
                ids::BLOCK => place = Some((content, size)),
                ids::REFERENCE_BLOCK => key = false,
                ids::BLOCK_DURATION => {
                    let bytes = window.exact(content, size.min(9) as usize).await?;
                    lasts = Some(unsigned(&bytes)?);
                }
                _ => {}
            }
            at = next;
        }
        let lasts = lasts.and_then(|ticks| ticks.checked_mul(self.scale.unsigned_abs()));
        Ok(place.map(|(at, size)| Told { at, size, key: Some(key), lasts }))
    }

    async fn block(
        &mut self,
        window: &mut Window<'_>,
        time: Option<i64>,
        told: Told,
    ) -> Result<(), Error> {
        let bytes = window.exact(told.at, told.size.min(ebml::HEADER as u64) as usize).await?;
        let head = block(&bytes)?;
        let found =
            self.tracks.iter_mut().find(|reading| u64::from(reading.entry.track.id) == head.track);
        let Some(reading) = found else { return Ok(()) };
        let time = time.ok_or_else(|| Error::damaged("a block before its cluster's time stamp"))?;
        let time =
            time.checked_add(i64::from(head.time)).and_then(|time| time.checked_mul(self.scale));
        let mut time = time.ok_or_else(|| Error::damaged("a time stamp makes no sense"))?;
        let bytes = window.exact(told.at, Block::enough(told.size)).await?;
        let frames = head.frames(&bytes, told.size)?;
        let count = frames.len() as u64;
        let track = &reading.entry.track;
        for (from, size) in frames {
            self.frames += 1;
            if self.frames > FRAMES {
                return Err(Error::too_large("more than 5 million frames"));
            }
            let sync = track.kind == TrackKind::Audio || told.key.unwrap_or(head.key);
            let mut frame = Frame { offset: told.at + from, size, sync, time, lasts: None };
            let sound = track.kind == TrackKind::Audio;
            if sound || (sync && reading.first.is_empty()) {
                let look = window.exact(frame.offset, u64::from(size).min(LOOK) as usize).await?;
                if sync && reading.first.is_empty() {
                    reading.first = look.to_vec();
                }
                frame.lasts = lasts(&track.codec, track.sample_rate, &look).filter(|_| sound);
            }
            frame.lasts = told.lasts.map(|all| all / count).or(reading.entry.lasts).or(frame.lasts);
            time = time.saturating_add_unsigned(frame.lasts.unwrap_or(0));
            reading.frames.push(frame);
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Error> {
        self.elements += 1;
        if self.elements > ELEMENTS {
            return Err(Error::too_large("more than 20 million elements"));
        }
        Ok(())
    }
}

impl Reading {
    /// The track with its samples.
    fn finish(self, scale: u64) -> Track {
        let mut track = self.entry.track;
        settle(&mut track, &self.first);
        let ticks = |nanos: i64| ticks(nanos, track.timescale);
        let delay = ticks(i64::try_from(self.entry.delay).unwrap_or(0));
        let mut samples: Vec<Sample> = self
            .frames
            .iter()
            .map(|frame| Sample {
                offset: frame.offset,
                size: frame.size,
                pts: ticks(frame.time).saturating_sub(delay),
                duration: 0,
                sync: frame.sync,
            })
            .collect();
        let mut order: Vec<usize> = (0..samples.len()).collect();
        order.sort_by_key(|index| samples[*index].pts);
        let mut before = ticks(i64::try_from(scale).unwrap_or(1)).max(1);
        for pair in order.windows(2) {
            let between = samples[pair[1]].pts.saturating_sub(samples[pair[0]].pts).max(1);
            samples[pair[0]].duration = u32::try_from(between).unwrap_or(u32::MAX);
            before = between;
        }
        if let Some(last) = order.last() {
            let told = self.frames[*last].lasts.and_then(|lasts| i64::try_from(lasts).ok());
            let lasts = told.map_or(before, ticks).max(1);
            samples[*last].duration = u32::try_from(lasts).unwrap_or(u32::MAX);
        }
        track.samples = samples;
        track
    }
}

/// Nanoseconds as the nearest ticks, halves away from 0.
fn ticks(nanos: i64, timescale: u32) -> i64 {
    let all = i128::from(nanos) * i128::from(timescale);
    let half = if all < 0 { -500_000_000 } else { 500_000_000 };
    i64::try_from((all + half) / 1_000_000_000).unwrap_or(0)
}

/// The time stamp of a cluster, ticks, that is the first of `content`'s
/// elements that tells one; none when `content` ends before.
pub(super) fn timestamp(content: &[u8]) -> Option<u64> {
    for child in children(content) {
        match child.ok()? {
            (ids::TIMESTAMP, content) => return unsigned(content).ok(),
            (ids::SIMPLE_BLOCK | ids::BLOCK_GROUP, _) => return None,
            _ => {}
        }
    }
    None
}
