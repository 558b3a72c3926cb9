//! MPEG transport streams, as far as joining segments needs it: which streams
//! there are, when they begin, and the same packets with another clock.
//!
//! Nothing is taken out of the packets; ffmpeg does that from the local file.

use std::collections::BTreeMap;

use crate::{Error, TrackKind};

/// Ticks per second.
pub const TICKS: i64 = 90_000;
/// Where the clock begins anew.
pub const WRAP: u64 = 1 << 33;
/// Bytes of a packet.
const PACKET: usize = 188;
/// Most elementary streams.
const MOST: usize = 64;

/// An elementary stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Where its packets are.
    pub pid: u16,
    /// The type that the program gives it (ISO/IEC 13818-1, table 2-34).
    pub code: u8,
    /// Picture or sound; none for anything else.
    pub kind: Option<TrackKind>,
    /// The least time stamp of those that were seen, ticks below [`WRAP`].
    pub first: Option<u64>,
}

/// What a segment's packets tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// In the order of the program.
    pub streams: Vec<Stream>,
}

impl Contents {
    /// The least time stamp of the first picture, or of the sounds where there
    /// is none; none when it has not come yet. With `all` there is no more to
    /// come, so that a picture without time stamps counts for nothing.
    pub fn begin(&self, all: bool) -> Option<u64> {
        let of =
            |kind: TrackKind| self.streams.iter().filter(move |stream| stream.kind == Some(kind));
        match of(TrackKind::Video).next() {
            Some(Stream { first: Some(first), .. }) => Some(*first),
            Some(_) if !all => None,
            _ => of(TrackKind::Audio).filter_map(|stream| stream.first).reduce(earlier),
        }
    }

    /// Whether both have the same streams at the same places.
    pub fn same_streams(&self, other: &Contents) -> bool {
        let list = |of: &Contents| -> Vec<(u16, u8)> {
            of.streams.iter().map(|stream| (stream.pid, stream.code)).collect()
        };
        list(self) == list(other)
    }
}

/// From `b` to `a`, ticks, at most half of the clock either way.
pub fn distance(a: u64, b: u64) -> i64 {
    let half = WRAP / 2;
    let ahead = (a.wrapping_sub(b).wrapping_add(half)) % WRAP;
    // Both are far below 2^63.
    ahead as i64 - half as i64
}

fn earlier(a: u64, b: u64) -> u64 {
    if distance(a, b) <= 0 { a } else { b }
}

/// Whether these are packets.
pub fn sniff(bytes: &[u8]) -> bool {
    bytes.len() >= PACKET && bytes.chunks_exact(PACKET).take(8).all(|packet| packet[0] == b'G')
}

/// Looks through packets; half a packet at the end is left out.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when they are none,
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when they are encrypted or
/// hold several programs.
pub fn contents(bytes: &[u8]) -> Result<Contents, Error> {
    let mut program = None;
    let mut streams: Vec<Stream> = Vec::new();
    let mut first: BTreeMap<u16, u64> = BTreeMap::new();
    for packet in bytes.chunks_exact(PACKET) {
        let packet = Packet::parse(packet)?;
        let Some(payload) = packet.start else { continue };
        if packet.pid == 0 {
            program = program.or(program_map(payload)?);
        } else if Some(packet.pid) == program {
            if streams.is_empty() {
                streams = program_streams(payload)?;
            }
        } else if let Some(time) = presented(payload) {
            if first.len() >= MOST && !first.contains_key(&packet.pid) {
                return Err(Error::too_large("more than 64 streams"));
            }
            let known = first.entry(packet.pid).or_insert(time);
            *known = earlier(*known, time);
        }
    }
    for stream in &mut streams {
        stream.first = first.get(&stream.pid).copied();
    }
    Ok(Contents { streams })
}

/// Adds `ticks` to every time stamp, and drops half a packet at the end.
///
/// # Errors
/// As [`contents`].
pub fn shift(bytes: &mut Vec<u8>, ticks: i64) -> Result<(), Error> {
    bytes.truncate(bytes.len() - bytes.len() % PACKET);
    let ticks = ticks.rem_euclid(WRAP as i64) as u64;
    for packet in bytes.chunks_exact_mut(PACKET) {
        let parsed = Packet::parse(packet)?;
        let (starts, at) = (parsed.start.is_some(), PACKET - parsed.payload.len());
        clock(packet, ticks);
        if starts && let Some(payload) = packet.get_mut(at..) {
            stamps(payload, ticks);
        }
    }
    Ok(())
}

struct Packet<'a> {
    pid: u16,
    payload: &'a [u8],
    /// The payload, where a section or an elementary packet begins in it.
    start: Option<&'a [u8]>,
}

impl Packet<'_> {
    fn parse(packet: &[u8]) -> Result<Packet<'_>, Error> {
        let &[sync, high, low, flags, ..] = packet else {
            return Err(Error::damaged("half a packet"));
        };
        if sync != b'G' {
            return Err(Error::damaged("packets out of step"));
        }
        if flags & 0xC0 != 0 {
            return Err(Error::unsupported("encrypted packets"));
        }
        let skip = match (flags & 0x20 != 0, packet.get(4)) {
            (true, Some(length)) => 5 + usize::from(*length),
            _ => 4,
        };
        let has_payload = flags & 0x10 != 0;
        let payload = packet.get(skip..).filter(|_| has_payload).unwrap_or_default();
        let starts = high & 0x40 != 0 && !payload.is_empty();
        let pid = u16::from(high & 0x1F) << 8 | u16::from(low);
        Ok(Packet { pid, payload, start: starts.then_some(payload) })
    }
}

/// A section of a table, without header and checksum.
fn section(payload: &[u8], table: u8, header: usize) -> Option<&[u8]> {
    let pointer = usize::from(*payload.first()?);
    let section = payload.get(1 + pointer..)?;
    let &[id, high, low, ..] = section else { return None };
    let length = usize::from(high & 0x0F) << 8 | usize::from(low);
    // What goes on in further packets is not looked at.
    let end = (3 + length).checked_sub(4)?.min(section.len());
    (id == table).then(|| section.get(header..end)).flatten()
}

/// Where the one program is described.
fn program_map(payload: &[u8]) -> Result<Option<u16>, Error> {
    let Some(list) = section(payload, 0, 8) else { return Ok(None) };
    let programs = list.chunks_exact(4).filter(|entry| entry[0] != 0 || entry[1] != 0);
    let mut pids = programs.map(|entry| u16::from(entry[2] & 0x1F) << 8 | u16::from(entry[3]));
    match (pids.next(), pids.next()) {
        (_, Some(_)) => Err(Error::unsupported("several programs in one stream")),
        (pid, None) => Ok(pid),
    }
}

fn program_streams(payload: &[u8]) -> Result<Vec<Stream>, Error> {
    let mut streams = Vec::new();
    let Some(body) = section(payload, 2, 10) else { return Ok(streams) };
    let length = |high: u8, low: u8| usize::from(high & 0x0F) << 8 | usize::from(low);
    let Some(&[high, low]) = body.get(..2) else { return Ok(streams) };
    let mut rest = body.get(2 + length(high, low)..).unwrap_or_default();
    while let &[code, pid_high, pid_low, high, low, ..] = rest {
        if streams.len() >= MOST {
            return Err(Error::too_large("more than 64 streams"));
        }
        let pid = u16::from(pid_high & 0x1F) << 8 | u16::from(pid_low);
        streams.push(Stream { pid, code, kind: kind(code), first: None });
        rest = rest.get(5 + length(high, low)..).unwrap_or_default();
    }
    Ok(streams)
}

fn kind(code: u8) -> Option<TrackKind> {
    match code {
        0x01 | 0x02 | 0x10 | 0x1B | 0x24 | 0x33 => Some(TrackKind::Video),
        0x03 | 0x04 | 0x0F | 0x11 | 0x81 | 0x87 => Some(TrackKind::Audio),
        _ => None,
    }
}

/// Where the time stamps are in a payload that begins an elementary packet:
/// of presentation, and of decoding if it has one of its own.
fn places(payload: &[u8]) -> Option<(usize, Option<usize>)> {
    let &[0, 0, 1, id, _, _, marks, flags, _, ..] = payload else { return None };
    if !matches!(id, 0xBD | 0xC0..=0xEF | 0xFD) || marks & 0xC0 != 0x80 {
        return None;
    }
    match flags >> 6 {
        2 if payload.len() >= 14 => Some((9, None)),
        3 if payload.len() >= 19 => Some((9, Some(14))),
        _ => None,
    }
}

fn presented(payload: &[u8]) -> Option<u64> {
    let (at, _) = places(payload)?;
    stamp(payload.get(at..at + 5)?)
}

fn stamp(bytes: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = bytes else { return None };
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

fn stamps(payload: &mut [u8], ticks: u64) {
    let Some((first, second)) = places(payload) else { return };
    for at in [Some(first), second].into_iter().flatten() {
        let Some(bytes) = payload.get_mut(at..at + 5) else { continue };
        let Some(time) = stamp(bytes) else { continue };
        let time = (time + ticks) % WRAP;
        // Each mask leaves what fits a byte.
        bytes[0] = bytes[0] & 0xF1 | ((time >> 30 & 7) as u8) << 1;
        bytes[1] = (time >> 22 & 0xFF) as u8;
        bytes[2] = ((time >> 15 & 0x7F) as u8) << 1 | 1;
        bytes[3] = (time >> 7 & 0xFF) as u8;
        bytes[4] = ((time & 0x7F) as u8) << 1 | 1;
    }
}

/// Adds ticks to the clock reference of a packet, if it has one.
fn clock(packet: &mut [u8], ticks: u64) {
    let &[_, _, _, flags, length, marks, ..] = &*packet else { return };
    if flags & 0x20 == 0 || length < 7 || marks & 0x10 == 0 {
        return;
    }
    let Some([a, b, c, d, e]) = packet.get_mut(6..11) else { return };
    let [high, x, y, z] = [*a, *b, *c, *d].map(u64::from);
    let base = high << 25 | x << 17 | y << 9 | z << 1 | u64::from(*e >> 7);
    let base = (base + ticks) % WRAP;
    *a = (base >> 25 & 0xFF) as u8;
    *b = (base >> 17 & 0xFF) as u8;
    *c = (base >> 9 & 0xFF) as u8;
    *d = (base >> 1 & 0xFF) as u8;
    *e = *e & 0x7F | ((base & 1) as u8) << 7;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::ErrorKind;

    fn packet(pid: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![b'G', 0x40 | (pid >> 8) as u8, pid as u8, 0x30];
        // An adaptation field with a clock reference fills the rest.
        let fill = PACKET - 5 - payload.len();
        packet.push(fill as u8);
        packet.extend([0x10, 0, 0, 0, 0, 0x7E, 0]);
        packet.resize(5 + fill, 0xFF);
        packet.extend(payload);
        packet
    }

    fn tables() -> Vec<u8> {
        let pat = [0, 0, 0xB0, 13, 0, 1, 0xC1, 0, 0, 0, 1, 0xE1, 0x00, 9, 9, 9, 9];
        let pmt = [
            0, 2, 0xB0, 23, 0, 1, 0xC1, 0, 0, 0xE1, 1, 0xF0, 0, 0x1B, 0xE1, 1, 0xF0, 0, 0x0F, 0xE1,
            2, 0xF0, 0, 9, 9, 9, 9,
        ];
        [packet(0, &pat), packet(0x100, &pmt)].concat()
    }

    fn sample(pid: u16, id: u8, time: u64) -> Vec<u8> {
        let mut payload =
            vec![0, 0, 1, id, 0, 0, 0x80, 0xC0, 10, 0x31, 0, 1, 0, 1, 0x11, 0, 1, 0, 1];
        stamps(&mut payload, time);
        packet(pid, &payload)
    }

    #[test]
    fn streams_and_their_beginnings_are_found() {
        let mut bytes = [tables(), sample(0x101, 0xE0, WRAP - 10)].concat();
        assert!(sniff(&bytes));
        assert_eq!(contents(&tables()).unwrap().begin(true), None);
        assert_eq!(contents(&bytes).unwrap().begin(false), Some(WRAP - 10));
        bytes.extend(sample(0x102, 0xC0, 5));
        bytes.extend(sample(0x102, 0xC0, WRAP - 3));
        let found = contents(&bytes).unwrap();
        assert_eq!(found.begin(false), Some(WRAP - 10));
        let told: Vec<_> = found.streams.iter().map(|s| (s.pid, s.kind, s.first)).collect();
        let (picture, sound) = (Some(TrackKind::Video), Some(TrackKind::Audio));
        assert_eq!(told, [(0x101, picture, Some(WRAP - 10)), (0x102, sound, Some(WRAP - 3))]);
        let mut moved = bytes.clone();
        moved.extend([1, 2, 3]);
        shift(&mut moved, 100).unwrap();
        assert_eq!(moved.len(), bytes.len());
        assert_eq!(contents(&moved).unwrap().begin(false), Some(90));
        shift(&mut moved, -100).unwrap();
        assert_eq!(moved, bytes);
    }

    #[test]
    fn distances_are_short() {
        assert_eq!(distance(5, WRAP - 5), 10);
        assert_eq!(distance(WRAP - 5, 5), -10);
        assert_eq!(distance(7, 7), 0);
    }

    #[test]
    fn hostile_packets_are_refused_or_left_alone() {
        assert_eq!(contents(&[0; PACKET]).unwrap_err().kind, ErrorKind::Damaged);
        let mut bytes = tables();
        bytes[3] |= 0x80;
        assert_eq!(contents(&bytes).unwrap_err().kind, ErrorKind::Unsupported);
        // Every byte may be anything.
        let good = [tables(), sample(0x101, 0xE0, 1)].concat();
        for place in 0..good.len() {
            for value in [0, 0x7F, 0xFF] {
                let mut bytes = good.clone();
                bytes[place] = value;
                let _ = contents(&bytes);
                let _ = shift(&mut bytes, 1);
            }
        }
    }
}
