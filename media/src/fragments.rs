//! Segments of fragmented MP4, as far as joining them needs it: when their
//! tracks begin, and the same fragments with another clock.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;

/// Most boxes of one kind that are looked at.
const MOST: usize = 10_000;

/// What an initialisation section says of its tracks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tracks(BTreeMap<u32, Track>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Track {
    /// How its samples are described, but for what is told of their rate.
    samples: Vec<u8>,
    /// What holds for a sample unless a fragment says otherwise.
    usual: Vec<u8>,
    timescale: u32,
    media: bool,
    picture: bool,
    /// Ticks that the edit list takes from the media's time.
    skipped: i64,
    /// Ticks of the movie that the edit list puts before it.
    delay: u64,
    /// Ticks of one sample, unless a fragment says otherwise.
    duration: u32,
}

/// One box: its type and where its content is.
type Found = ([u8; 4], Range<usize>);

/// The boxes that begin within `bytes`; the last one may be cut off.
fn boxes(bytes: &[u8], within: Range<usize>) -> impl Iterator<Item = Found> + '_ {
    let end = within.end.min(bytes.len());
    let mut at = within.start;
    std::iter::from_fn(move || {
        let header: [u8; 8] = bytes.get(at..at.checked_add(8)?.min(end))?.try_into().ok()?;
        let size = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let (head, size) = match size {
            0 => (8, end - at),
            1 => (16, usize::try_from(number(bytes, at + 8, 8)?).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        let next = at.checked_add(size).filter(|_| size >= head)?;
        let content = (at + head).min(end)..next.min(end);
        let kind = [header[4], header[5], header[6], header[7]];
        at = next;
        Some((kind, content))
    })
    .take(MOST)
}

/// A big-endian number of `length` bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at, 4).and_then(|value| u32::try_from(value).ok())
}

fn child(bytes: &[u8], within: Range<usize>, name: &[u8; 4]) -> Option<Range<usize>> {
    boxes(bytes, within).find(|(kind, _)| kind == name).map(|(_, range)| range)
}

/// Whether a file begins with a box that MP4 segments begin with.
pub fn sniff(bytes: &[u8]) -> bool {
    const NAMES: [&[u8; 4]; 7] = [b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg", b"prft"];
    bytes.get(4..8).is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

impl Tracks {
    /// Reads an initialisation section.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when it holds no tracks,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when they are encrypted.
    pub fn parse(init: &[u8]) -> Result<Tracks, Error> {
        let damaged = || Error::damaged("an initialisation section without tracks");
        let moov = child(init, 0..init.len(), b"moov").ok_or_else(damaged)?;
        let movie_scale = child(init, moov.clone(), b"mvhd")
            .and_then(|at| {
                let long = init.get(at.start)? == &1;
                number32(init, at.start + if long { 20 } else { 12 })
            })
            .unwrap_or(1);
        let mut tracks = BTreeMap::new();
        for (kind, range) in boxes(init, moov.clone()) {
            if &kind == b"trak"
                && let Some((id, track)) = track(init, range, movie_scale)?
            {
                tracks.insert(id, track);
            }
        }
        let extends = child(init, moov, b"mvex").unwrap_or_default();
        for (kind, range) in boxes(init, extends) {
            if &kind == b"trex"
                && let Some(id) = number32(init, range.start + 4)
                && let Some(track) = tracks.get_mut(&id)
            {
                track.duration = number32(init, range.start + 12).unwrap_or(0);
                track.usual = init.get(range).unwrap_or_default().to_vec();
            }
        }
        if tracks.is_empty() { Err(damaged()) } else { Ok(Tracks(tracks)) }
    }

    /// When the picture begins in the fragments at the beginning of a segment,
    /// or the sound where there is no picture, microseconds of its own clock.
    /// None when it has not come yet.
    pub fn begin(&self, head: &[u8]) -> Option<i64> {
        let mut first: BTreeMap<u32, i64> = BTreeMap::new();
        for (kind, moof) in boxes(head, 0..head.len()) {
            if &kind != b"moof" {
                continue;
            }
            for (kind, traf) in boxes(head, moof) {
                if &kind == b"traf"
                    && let Some((id, micros)) = self.fragment(head, traf)
                {
                    let known = first.entry(id).or_insert(micros);
                    *known = micros.min(*known);
                }
            }
        }
        let picture = self.0.values().any(|track| track.picture);
        let media = self.0.iter().filter(|(_, track)| track.media && track.picture >= picture);
        media.map(|(id, _)| first.get(id).copied()).reduce(|a, b| Some(a?.min(b?))).flatten()
    }

    /// The track of a fragment and the least time stamp of its first run.
    fn fragment(&self, bytes: &[u8], traf: Range<usize>) -> Option<(u32, i64)> {
        let header = child(bytes, traf.clone(), b"tfhd")?.start;
        let (flags, id) = (number(bytes, header + 1, 3)?, number32(bytes, header + 4)?);
        let track = self.0.get(&id)?;
        let mut at = header + 8;
        at += if flags & 1 != 0 { 8 } else { 0 };
        at += if flags & 2 != 0 { 4 } else { 0 };
        let usual = if flags & 8 != 0 { number32(bytes, at)? } else { track.duration };
        let decoded = child(bytes, traf.clone(), b"tfdt")?.start;
        let long = bytes.get(decoded)? == &1;
        let base = number(bytes, decoded + 4, if long { 8 } else { 4 })?;
        let mut time = i64::try_from(base).ok()?;
        let run = child(bytes, traf, b"trun")?;
        let flags = number(bytes, run.start + 1, 3)?;
        let count = number32(bytes, run.start + 4)?;
        let mut at = run.start + 8;
        at += if flags & 1 != 0 { 4 } else { 0 };
        at += if flags & 4 != 0 { 4 } else { 0 };
        let mut least = i64::MAX;
        for _ in 0..count {
            let has = |bit: u64| flags & bit != 0;
            let duration = if has(0x100) { number32(bytes, at)? } else { usual };
            at += [0x100, 0x200, 0x400].into_iter().filter(|bit| has(*bit)).count() * 4;
            // Versions 0 and 1 differ beyond 2^31, where no real offset is.
            let offset = if has(0x800) { number32(bytes, at)?.cast_signed() } else { 0 };
            at += if has(0x800) { 4 } else { 0 };
            least = least.min(time.checked_add(i64::from(offset))?);
            time = time.checked_add(i64::from(duration))?;
            if flags & 0xF00 == 0 || at >= run.end {
                break;
            }
        }
        let ticks = i128::from(least) - track.early();
        let micros = (ticks * 1_000_000).div_euclid(i128::from(track.timescale));
        Some((id, i64::try_from(micros).ok()?))
    }

    /// Whether fragments of both can stand behind one initialisation section:
    /// only their edit lists may be others, which [`Tracks::shift`] evens out.
    pub fn fits(&self, other: &Tracks) -> bool {
        let bare = |track: &Track| Track { skipped: 0, delay: 0, ..track.clone() };
        let same = |((id, own), (other_id, other)): ((&u32, &Track), (&u32, &Track))| {
            id == other_id && bare(own) == bare(other)
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }

    /// Adds microseconds to the time of every fragment, and brings it from these
    /// tracks, whose it is, to those of another section that it [fits](Tracks::fits).
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) or
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when a time can't be
    /// found or does not fit its place.
    pub fn shift(&self, bytes: &mut [u8], micros: i64, to: &Tracks) -> Result<(), Error> {
        let damaged = || Error::damaged("a fragment without its time");
        let mut places = Vec::new();
        for (kind, moof) in boxes(bytes, 0..bytes.len()) {
            let trafs = boxes(bytes, if &kind == b"moof" { moof } else { 0..0 });
            for (_, traf) in trafs.filter(|(kind, _)| kind == b"traf") {
                let header = child(bytes, traf.clone(), b"tfhd").ok_or_else(damaged)?.start;
                let id = number32(bytes, header + 4).ok_or_else(damaged)?;
                let time = child(bytes, traf, b"tfdt").ok_or_else(damaged)?.start;
                places.push((id, time));
            }
        }
        for (id, at) in places {
            let own = self.0.get(&id).ok_or_else(damaged)?;
            let scale = i128::from(own.timescale);
            let ticks = (i128::from(micros) * scale + 500_000).div_euclid(1_000_000);
            let ticks = ticks + to.0.get(&id).ok_or_else(damaged)?.early() - own.early();
            let length = if bytes.get(at) == Some(&1) { 8 } else { 4 };
            let time = number(bytes, at + 4, length).ok_or_else(damaged)?;
            let most = if length == 8 { i128::from(u64::MAX) } else { i128::from(u32::MAX) };
            let moved = i128::from(time) + ticks;
            if !(0..=most).contains(&moved) {
                return Err(Error::unsupported("the times of these segments can't be joined"));
            }
            let moved = moved.to_be_bytes();
            let place = bytes.get_mut(at + 4..at + 4 + length).ok_or_else(damaged)?;
            place.copy_from_slice(moved.get(16 - length..).unwrap_or_default());
        }
        Ok(())
    }
}

impl Track {
    /// By how many ticks the edit list shows samples earlier than they say.
    fn early(&self) -> i128 {
        i128::from(self.skipped) - i128::from(self.delay)
    }
}

fn track(init: &[u8], trak: Range<usize>, movie: u32) -> Result<Option<(u32, Track)>, Error> {
    let read = || {
        let header = child(init, trak.clone(), b"tkhd")?.start;
        let long = |at: usize| init.get(at).map(|version| version == &1);
        let id = number32(init, header + if long(header)? { 20 } else { 12 })?;
        let media = child(init, trak.clone(), b"mdia")?;
        let header = child(init, media.clone(), b"mdhd")?.start;
        let timescale = number32(init, header + if long(header)? { 20 } else { 12 })?;
        let handler = child(init, media.clone(), b"hdlr")?.start;
        let handler = init.get(handler + 8..handler + 12)?;
        let (media_here, picture) = (matches!(handler, b"vide" | b"soun"), handler == b"vide");
        let tables = child(init, child(init, media, b"minf")?, b"stbl")?;
        let entries = child(init, tables, b"stsd")?;
        let samples = described(init, entries.clone());
        let locked = boxes(init, entries.start.checked_add(8)?..entries.end)
            .any(|(kind, _)| matches!(&kind, b"encv" | b"enca"));
        let (skipped, delay) = edits(init, trak.clone());
        let delay = u128::from(delay) * u128::from(timescale) / u128::from(movie.max(1));
        let delay = u64::try_from(delay).ok()?;
        let track = Track {
            samples,
            timescale,
            media: media_here,
            picture,
            skipped,
            delay,
            ..Track::default()
        };
        (timescale > 0).then_some((id, track, locked))
    };
    match read() {
        Some((_, _, true)) => Err(Error::unsupported("the segments are encrypted")),
        Some((id, track, false)) => Ok(Some((id, track))),
        None => Ok(None),
    }
}

/// A table of sample entries without what they say of rates, which differ from
/// one encode to the next and matter to nobody.
fn described(init: &[u8], entries: Range<usize>) -> Vec<u8> {
    let all = init.get(entries.clone()).unwrap_or_default();
    let name = |place: &usize| all.get(*place..place + 4) == Some(b"btrt");
    let mut kept = all.to_vec();
    for place in (4..all.len().saturating_sub(15)).filter(name) {
        // Its name and three numbers.
        kept[place..place + 16].fill(0);
    }
    kept
}

/// What an edit list skips of the media, and puts before it.
fn edits(init: &[u8], trak: Range<usize>) -> (i64, u64) {
    let read = || {
        let list = child(init, child(init, trak, b"edts")?, b"elst")?;
        let long = init.get(list.start)? == &1;
        let count = number32(init, list.start + 4)?;
        let (mut at, mut delay) = (list.start + 8, 0_u64);
        for _ in 0..count.min(100) {
            let duration = number(init, at, if long { 8 } else { 4 })?;
            let time = match long {
                true => number(init, at + 8, 8)?.cast_signed(),
                false => i64::from(number32(init, at + 4)?.cast_signed()),
            };
            at += if long { 20 } else { 12 };
            match time {
                -1 => delay = delay.checked_add(duration)?,
                time => return Some((time, delay)),
            }
        }
        Some((0, delay))
    };
    read().unwrap_or((0, 0))
}

/// Where the fragments are in a segment, without what only a player needs:
/// indexes, events and the segment's own type.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when there are none or the last one
/// is cut off, [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when they name
/// their samples by their place in another file.
pub fn samples(bytes: &[u8]) -> Result<Vec<Range<usize>>, Error> {
    let mut list: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let (mut fragments, mut media) = (0_usize, 0_usize);
    for (kind, content) in boxes(bytes, 0..bytes.len()) {
        let size = number32(bytes, at).unwrap_or_default();
        let told = match size {
            0 => content.end as u64,
            1 => number(bytes, at + 8, 8).and_then(|size| size.checked_add(at as u64)).unwrap_or(0),
            size => at as u64 + u64::from(size),
        };
        if told > bytes.len() as u64 {
            return Err(Error::damaged("a segment is cut off"));
        }
        let whole = at..content.end;
        at = content.end;
        match &kind {
            b"moof" => {
                fragments += 1;
                for (_, traf) in boxes(bytes, content).filter(|(kind, _)| kind == b"traf") {
                    let header = child(bytes, traf, b"tfhd");
                    let flags = header.and_then(|header| number(bytes, header.start + 1, 3));
                    if flags.is_none_or(|flags| flags & 1 != 0) {
                        return Err(Error::unsupported("fragments with places of another file"));
                    }
                }
                list.push(whole);
            }
            b"mdat" => {
                media += 1;
                list.push(whole);
            }
            _ => {}
        }
    }
    if fragments == 0 || media == 0 {
        return Err(Error::damaged("a segment without fragments"));
    }
    Ok(list)
}
