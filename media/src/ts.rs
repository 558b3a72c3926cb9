//! MPEG transport streams (ISO/IEC 13818-1), as far as joining segments needs
//! them: which streams there are, when they start, and the same packets with
//! another clock.
//!
//! ```text
//! packet (2.4.3.2)     188 bytes
//!   0                  sync byte, 0x47
//!   1 to 2             payload_unit_start_indicator (0x4000), PID (0x1FFF)
//!   3                  scrambling (0xC0), adaptation field (0x20), payload (0x10)
//!   4 to ...           adaptation field (2.4.3.4): length, flags, PCR (0x10)
//!   ...                payload
//! payload of PID 0     program association section (2.4.4.3): PID of the program
//! ... of that PID      program map section (2.4.4.8): types and PIDs of streams
//! ... of those         PES packets (2.4.3.6): 00 00 01, stream ID, PTS and DTS
//! ```
//!
//! Nothing is taken out of the packets; ffmpeg does that from the local file.
//!
//! Not supported:
//!
//! - Several programs, and scrambled packets: refused.
//! - Packets of 192 bytes (M2TS) and of 204 bytes (with error correction): HLS
//!   has neither.
//! - Sections that are longer than a packet: a program of a clip has few streams.
//! - `ESCR`, the extension of the PCR, and time stamps in private data: they
//!   stay as they are.

use std::collections::BTreeMap;

use crate::{MediaError, TrackKind};

/// Ticks per second of time stamps.
pub const TICKS_PER_SECOND: i64 = 90_000;
/// Ticks after which time stamps start at 0 again.
pub const CLOCK_WRAP: u64 = 1 << 33;
/// Bytes of a packet.
const PACKET: usize = 188;
/// Most elementary streams.
const STREAMS: usize = 64;

/// An elementary stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementaryStream {
    /// The PID of its packets.
    pub pid: u16,
    /// `stream_type` (table 2-34).
    pub stream_type: u8,
    /// Video or audio; none for anything else.
    pub kind: Option<TrackKind>,
    /// The earliest time stamp of the packets, ticks below [`CLOCK_WRAP`].
    pub first_ticks: Option<u64>,
}

/// The elementary streams of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportStream {
    /// In the order of the program map.
    pub streams: Vec<ElementaryStream>,
}

impl TransportStream {
    /// Reads packets; an incomplete one at the end is left out.
    ///
    /// # Errors
    /// [`MediaErrorKind::Damaged`](crate::MediaErrorKind::Damaged) when they are none,
    /// [`MediaErrorKind::Unsupported`](crate::MediaErrorKind::Unsupported) when they are encrypted or
    /// hold several programs.
    pub fn parse(bytes: &[u8]) -> Result<TransportStream, MediaError> {
        let mut program = None;
        let mut streams: Vec<ElementaryStream> = Vec::new();
        let mut first: BTreeMap<u16, u64> = BTreeMap::new();
        for packet in bytes.chunks_exact(PACKET) {
            let packet = Packet::parse(packet)?;
            let Some(payload) = packet.unit_start() else { continue };
            if packet.pid == 0 {
                program = program.or(parse_program_association(payload)?);
            } else if Some(packet.pid) == program {
                if streams.is_empty() {
                    streams = parse_program_map(payload)?;
                }
            } else if let Some(time) = presentation_ticks(payload) {
                if first.len() >= STREAMS && !first.contains_key(&packet.pid) {
                    return Err(MediaError::too_large("more than 64 streams"));
                }
                let known = first.entry(packet.pid).or_insert(time);
                *known = earlier(*known, time);
            }
        }
        for stream in &mut streams {
            stream.first_ticks = first.get(&stream.pid).copied();
        }
        Ok(TransportStream { streams })
    }

    /// The earliest time stamp of the first video stream, or of the audio streams
    /// where there is none; none when it has not come yet. When the segment is
    /// `complete`, video without time stamps counts for nothing.
    pub fn start_ticks(&self, complete: bool) -> Option<u64> {
        let of_kind =
            |kind: TrackKind| self.streams.iter().filter(move |stream| stream.kind == Some(kind));
        match of_kind(TrackKind::Video).next() {
            Some(ElementaryStream { first_ticks: Some(first), .. }) => Some(*first),
            Some(_) if !complete => None,
            _ => of_kind(TrackKind::Audio).filter_map(|stream| stream.first_ticks).reduce(earlier),
        }
    }

    /// Whether both have the same streams at the same PIDs.
    pub fn has_same_streams(&self, other: &TransportStream) -> bool {
        let list = |of: &TransportStream| -> Vec<(u16, u8)> {
            of.streams.iter().map(|stream| (stream.pid, stream.stream_type)).collect()
        };
        list(self) == list(other)
    }
}

/// From `b` to `a`, ticks, at most half of the clock either way.
fn clock_distance(a: u64, b: u64) -> i64 {
    let half = CLOCK_WRAP / 2;
    let ahead = (a.wrapping_sub(b).wrapping_add(half)) % CLOCK_WRAP;
    // Both are far below 2^63.
    ahead as i64 - half as i64
}

fn earlier(a: u64, b: u64) -> u64 {
    if clock_distance(a, b) <= 0 { a } else { b }
}

/// Adds `ticks` to every time stamp, and drops an incomplete packet at the end.
///
/// # Errors
/// As [`TransportStream::parse`].
pub fn shift_timestamps(bytes: &mut Vec<u8>, ticks: i64) -> Result<(), MediaError> {
    bytes.truncate(bytes.len() - bytes.len() % PACKET);
    let ticks = ticks.rem_euclid(CLOCK_WRAP as i64) as u64;
    for packet in bytes.chunks_exact_mut(PACKET) {
        let parsed = Packet::parse(packet)?;
        let (has_unit, payload_at) = (parsed.unit_start().is_some(), PACKET - parsed.payload.len());
        shift_clock_reference(packet, ticks);
        if has_unit && let Some(payload) = packet.get_mut(payload_at..) {
            shift_pes_timestamps(payload, ticks);
        }
    }
    Ok(())
}

struct Packet<'a> {
    pid: u16,
    payload: &'a [u8],
    /// Whether a section or a PES packet starts in the payload.
    starts_unit: bool,
}

impl<'a> Packet<'a> {
    fn parse(packet: &'a [u8]) -> Result<Packet<'a>, MediaError> {
        let &[sync, high, low, flags, ..] = packet else {
            return Err(MediaError::damaged("half a packet"));
        };
        if sync != b'G' {
            return Err(MediaError::damaged("packets out of step"));
        }
        if flags & 0xC0 != 0 {
            return Err(MediaError::unsupported("encrypted packets"));
        }
        let payload_at = match packet.get(4) {
            Some(length) if flags & 0x20 != 0 => 5 + usize::from(*length),
            _ => 4,
        };
        let has_payload = flags & 0x10 != 0;
        let payload = packet.get(payload_at..).filter(|_| has_payload).unwrap_or_default();
        let pid = u16::from(high & 0x1F) << 8 | u16::from(low);
        Ok(Packet { pid, payload, starts_unit: high & 0x40 != 0 })
    }

    /// The payload, if a section or a PES packet starts in it.
    fn unit_start(&self) -> Option<&'a [u8]> {
        (self.starts_unit && !self.payload.is_empty()).then_some(self.payload)
    }
}

/// The content of a section with this table ID, without its header and checksum.
fn section_content(payload: &[u8], table: u8, header: usize) -> Option<&[u8]> {
    let pointer = usize::from(*payload.first()?);
    let section = payload.get(1 + pointer..)?;
    let &[id, high, low, ..] = section else { return None };
    let length = usize::from(high & 0x0F) << 8 | usize::from(low);
    // What goes on in further packets is left out.
    let end = (3 + length).checked_sub(4)?.min(section.len());
    (id == table).then(|| section.get(header..end)).flatten()
}

/// The PID of the one program's map.
fn parse_program_association(payload: &[u8]) -> Result<Option<u16>, MediaError> {
    let Some(list) = section_content(payload, 0, 8) else { return Ok(None) };
    let programs = list.chunks_exact(4).filter(|entry| entry[0] != 0 || entry[1] != 0);
    let mut pids = programs.map(|entry| u16::from(entry[2] & 0x1F) << 8 | u16::from(entry[3]));
    match (pids.next(), pids.next()) {
        (_, Some(_)) => Err(MediaError::unsupported("several programs in one stream")),
        (pid, None) => Ok(pid),
    }
}

/// The streams of a program, without time stamps.
fn parse_program_map(payload: &[u8]) -> Result<Vec<ElementaryStream>, MediaError> {
    let mut streams = Vec::new();
    let Some(content) = section_content(payload, 2, 10) else { return Ok(streams) };
    let length = |high: u8, low: u8| usize::from(high & 0x0F) << 8 | usize::from(low);
    let Some(&[high, low]) = content.get(..2) else { return Ok(streams) };
    let mut rest = content.get(2 + length(high, low)..).unwrap_or_default();
    while let &[stream_type, pid_high, pid_low, high, low, ..] = rest {
        if streams.len() >= STREAMS {
            return Err(MediaError::too_large("more than 64 streams"));
        }
        let pid = u16::from(pid_high & 0x1F) << 8 | u16::from(pid_low);
        let kind = kind_of_type(stream_type);
        streams.push(ElementaryStream { pid, stream_type, kind, first_ticks: None });
        rest = rest.get(5 + length(high, low)..).unwrap_or_default();
    }
    Ok(streams)
}

/// Table 2-34, with the types that ATSC uses for AC-3 and E-AC-3.
fn kind_of_type(stream_type: u8) -> Option<TrackKind> {
    match stream_type {
        0x01 | 0x02 | 0x10 | 0x1B | 0x24 | 0x33 => Some(TrackKind::Video),
        0x03 | 0x04 | 0x0F | 0x11 | 0x81 | 0x87 => Some(TrackKind::Audio),
        _ => None,
    }
}

/// Where the time stamps of a PES packet are in its bytes.
struct PesTimestamps {
    presentation: usize,
    /// None when it is decoded when it is presented.
    decoding: Option<usize>,
}

impl PesTimestamps {
    fn find(payload: &[u8]) -> Option<PesTimestamps> {
        let &[0, 0, 1, id, _, _, marks, flags, _, ..] = payload else { return None };
        if !matches!(id, 0xBD | 0xC0..=0xEF | 0xFD) || marks & 0xC0 != 0x80 {
            return None;
        }
        match flags >> 6 {
            2 if payload.len() >= 14 => Some(PesTimestamps { presentation: 9, decoding: None }),
            3 if payload.len() >= 19 => Some(PesTimestamps { presentation: 9, decoding: Some(14) }),
            _ => None,
        }
    }
}

fn presentation_ticks(payload: &[u8]) -> Option<u64> {
    let at = PesTimestamps::find(payload)?.presentation;
    parse_timestamp(payload.get(at..at + 5)?)
}

/// 33 bits in five bytes, with markers between them.
fn parse_timestamp(bytes: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e] = bytes else { return None };
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

fn shift_pes_timestamps(payload: &mut [u8], ticks: u64) {
    let Some(found) = PesTimestamps::find(payload) else { return };
    for at in [Some(found.presentation), found.decoding].into_iter().flatten() {
        let Some(bytes) = payload.get_mut(at..at + 5) else { continue };
        let Some(time) = parse_timestamp(bytes) else { continue };
        let time = (time + ticks) % CLOCK_WRAP;
        // Each mask leaves what fits a byte.
        bytes[0] = bytes[0] & 0xF1 | ((time >> 30 & 7) as u8) << 1;
        bytes[1] = (time >> 22 & 0xFF) as u8;
        bytes[2] = ((time >> 15 & 0x7F) as u8) << 1 | 1;
        bytes[3] = (time >> 7 & 0xFF) as u8;
        bytes[4] = ((time & 0x7F) as u8) << 1 | 1;
    }
}

/// Adds ticks to the program clock reference of a packet, if it has one.
fn shift_clock_reference(packet: &mut [u8], ticks: u64) {
    let &[_, _, _, flags, length, marks, ..] = &*packet else { return };
    if flags & 0x20 == 0 || length < 7 || marks & 0x10 == 0 {
        return;
    }
    let Some([a, b, c, d, e]) = packet.get_mut(6..11) else { return };
    let [high, x, y, z] = [*a, *b, *c, *d].map(u64::from);
    let base = high << 25 | x << 17 | y << 9 | z << 1 | u64::from(*e >> 7);
    let base = (base + ticks) % CLOCK_WRAP;
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
    use crate::MediaErrorKind;

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
        shift_pes_timestamps(&mut payload, time);
        packet(pid, &payload)
    }

    #[test]
    fn streams_and_their_starts_are_found() {
        let mut bytes = [tables(), sample(0x101, 0xE0, CLOCK_WRAP - 10)].concat();
        assert_eq!(TransportStream::parse(&tables()).unwrap().start_ticks(true), None);
        assert_eq!(
            TransportStream::parse(&bytes).unwrap().start_ticks(false),
            Some(CLOCK_WRAP - 10)
        );
        bytes.extend(sample(0x102, 0xC0, 5));
        bytes.extend(sample(0x102, 0xC0, CLOCK_WRAP - 3));
        let found = TransportStream::parse(&bytes).unwrap();
        assert_eq!(found.start_ticks(false), Some(CLOCK_WRAP - 10));
        let streams: Vec<_> =
            found.streams.iter().map(|s| (s.pid, s.kind, s.first_ticks)).collect();
        let (video, audio) = (Some(TrackKind::Video), Some(TrackKind::Audio));
        assert_eq!(
            streams,
            [(0x101, video, Some(CLOCK_WRAP - 10)), (0x102, audio, Some(CLOCK_WRAP - 3))]
        );
        let mut moved = bytes.clone();
        moved.extend([1, 2, 3]);
        shift_timestamps(&mut moved, 100).unwrap();
        assert_eq!(moved.len(), bytes.len());
        assert_eq!(TransportStream::parse(&moved).unwrap().start_ticks(false), Some(90));
        shift_timestamps(&mut moved, -100).unwrap();
        assert_eq!(moved, bytes);
    }

    #[test]
    fn distances_are_short() {
        assert_eq!(clock_distance(5, CLOCK_WRAP - 5), 10);
        assert_eq!(clock_distance(CLOCK_WRAP - 5, 5), -10);
        assert_eq!(clock_distance(7, 7), 0);
    }

    #[test]
    fn hostile_packets_are_refused_or_left_alone() {
        assert_eq!(TransportStream::parse(&[0; PACKET]).unwrap_err().kind, MediaErrorKind::Damaged);
        let mut bytes = tables();
        bytes[3] |= 0x80;
        assert_eq!(TransportStream::parse(&bytes).unwrap_err().kind, MediaErrorKind::Unsupported);
        // Every byte may be anything.
        let good = [tables(), sample(0x101, 0xE0, 1)].concat();
        for place in 0..good.len() {
            for value in [0, 0x7F, 0xFF] {
                let mut bytes = good.clone();
                bytes[place] = value;
                let _ = TransportStream::parse(&bytes);
                let _ = shift_timestamps(&mut bytes, 1);
            }
        }
    }
}
