//! Media playlists (RFC 8216, 4.3.2 and 4.3.3).

use std::ops::Range;

use super::attributes::Attributes;
use crate::MediaError;
use crate::iso8601;

/// Most segments of one playlist: nine days of 4 s each.
pub(super) const SEGMENTS: usize = 200_000;
/// Most seconds of a segment.
const SEGMENT_SECONDS: f64 = 24.0 * 3600.0;

/// Segments one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaPlaylist {
    /// Most seconds of a segment; 0 when the playlist does not say.
    pub target_duration: f64,
    /// Whether the playlist does not change any more.
    pub ended: bool,
    /// In the order of time.
    pub segments: Vec<PlaylistSegment>,
    /// Initialisation sections; segments have the index of theirs.
    pub maps: Vec<InitSection>,
    /// Keys; segments have the index of theirs.
    pub keys: Vec<SegmentKey>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaylistSegment {
    /// Its file.
    pub uri: String,
    /// Its bytes in the file; none for all.
    pub range: Option<Range<u64>>,
    /// Seconds, as the playlist says.
    pub duration: f64,
    /// Its media sequence number, which it keeps while a live playlist moves on.
    pub sequence: u64,
    /// Its discontinuity sequence number: segments of another one have another
    /// clock.
    pub discontinuity: u64,
    /// Index of its initialisation section in [`MediaPlaylist::maps`].
    pub map: Option<usize>,
    /// Index of its key in [`MediaPlaylist::keys`].
    pub key: Option<usize>,
    /// The program date-time of its first sample, microseconds since 1970, where
    /// the playlist has it at this very segment.
    pub program_micros: Option<i64>,
    /// Whether the server has no such file.
    pub gap: bool,
}

/// An initialisation section: `EXT-X-MAP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitSection {
    /// Its file.
    pub uri: String,
    /// Its bytes in the file; none for all.
    pub range: Option<Range<u64>>,
}

/// How segments are encrypted: `EXT-X-KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentKey {
    /// The method.
    pub method: EncryptionMethod,
    /// Where the key is.
    pub uri: Option<String>,
    /// The initialisation vector; none when it is the segment's media sequence
    /// number.
    pub iv: Option<[u8; 16]>,
}

/// A method of encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncryptionMethod {
    /// Whole segments with AES-128 in CBC mode.
    Aes128,
    /// Anything else, by its name.
    Other(String),
}

/// What the lines so far say of the next segment.
#[derive(Default)]
struct NextSegment {
    duration: Option<f64>,
    range: Option<Range<u64>>,
    program_micros: Option<i64>,
    gap: bool,
    sequence: u64,
    discontinuity: u64,
    map: Option<usize>,
    key: Option<usize>,
    /// Where the last byte range ended.
    last_range_end: Option<u64>,
}

impl MediaPlaylist {
    /// Reads the lines behind the first one.
    pub(super) fn parse<'a>(
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<MediaPlaylist, MediaError> {
        let mut media = MediaPlaylist::default();
        let mut next = NextSegment::default();
        for line in lines {
            match line.strip_prefix('#') {
                Some(tag) => media.read_tag(tag, &mut next)?,
                None if media.segments.len() >= SEGMENTS && next.duration.is_some() => {
                    return Err(MediaError::too_large("a playlist of more than 200000 segments"));
                }
                None => media.segments.push(next.take_segment(line)?),
            }
        }
        Ok(media)
    }

    fn read_tag(&mut self, tag: &str, next: &mut NextSegment) -> Result<(), MediaError> {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        let is_first = self.segments.is_empty();
        match name {
            "EXTINF" => next.duration = Some(parse_seconds(value)?),
            // Without a first byte it goes on in the same file, which the next
            // line names: there is only one to go on in.
            "EXT-X-BYTERANGE" => next.range = Some(parse_range(value, next.last_range_end)?),
            "EXT-X-TARGETDURATION" => self.target_duration = parse_seconds(value)?,
            "EXT-X-MEDIA-SEQUENCE" if is_first => next.sequence = parse_number(value)?,
            "EXT-X-DISCONTINUITY-SEQUENCE" if is_first => {
                next.discontinuity = parse_number(value)?;
            }
            "EXT-X-DISCONTINUITY" => next.discontinuity = increment(next.discontinuity)?,
            "EXT-X-PROGRAM-DATE-TIME" => next.program_micros = iso8601::parse_moment(value),
            "EXT-X-GAP" => next.gap = true,
            "EXT-X-ENDLIST" => self.ended = true,
            "EXT-X-KEY" => {
                let key = SegmentKey::from_attributes(&Attributes::parse(value))?;
                next.key = key.map(|key| index_of(&mut self.keys, key));
            }
            "EXT-X-MAP" => {
                let map = InitSection::from_attributes(&Attributes::parse(value))?;
                next.map = Some(index_of(&mut self.maps, map));
            }
            "EXT-X-I-FRAMES-ONLY" => {
                return Err(MediaError::unsupported("a playlist of keyframes alone"));
            }
            _ => {}
        }
        Ok(())
    }

    /// When each segment starts, seconds after the first one, to the nearest
    /// microsecond.
    pub fn starts(&self) -> Vec<f64> {
        let mut at = 0.0_f64;
        let start = |segment: &PlaylistSegment| {
            let start = (at * 1e6).round() / 1e6;
            at += segment.duration;
            start
        };
        self.segments.iter().map(start).collect()
    }

    /// The program date-time of each segment, microseconds since 1970: that of
    /// the segment itself, or counted on from one before it, or back from the
    /// first one that has it. None when no segment has it.
    pub fn program_times(&self) -> Option<Vec<i64>> {
        let micros = |seconds: f64| (seconds * 1e6).round() as i64;
        let first = self.segments.iter().position(|segment| segment.program_micros.is_some())?;
        let before: f64 = self.segments.iter().take(first).map(|segment| segment.duration).sum();
        let mut at = self.segments.get(first)?.program_micros?.checked_sub(micros(before))?;
        let mut times = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            at = segment.program_micros.unwrap_or(at);
            times.push(at);
            at = at.checked_add(micros(segment.duration))?;
        }
        Some(times)
    }
}

impl NextSegment {
    /// The segment of this address; what holds for it alone is taken.
    fn take_segment(&mut self, uri: &str) -> Result<PlaylistSegment, MediaError> {
        let duration = self.duration.take();
        let duration = duration.ok_or_else(|| MediaError::damaged("a segment without a length"))?;
        if let Some(range) = &self.range {
            self.last_range_end = Some(range.end);
        }
        let segment = PlaylistSegment {
            uri: uri.to_owned(),
            range: self.range.take(),
            duration,
            sequence: self.sequence,
            discontinuity: self.discontinuity,
            map: self.map,
            key: self.key,
            program_micros: self.program_micros.take(),
            gap: std::mem::take(&mut self.gap),
        };
        self.sequence = increment(self.sequence)?;
        Ok(segment)
    }
}

impl InitSection {
    fn from_attributes(list: &Attributes<'_>) -> Result<InitSection, MediaError> {
        let uri = list.get("URI").ok_or_else(|| MediaError::damaged("a map without an address"))?;
        let range = list.get("BYTERANGE").map(|text| parse_range(text, Some(0))).transpose()?;
        Ok(InitSection { uri: uri.to_owned(), range })
    }
}

impl SegmentKey {
    /// None for no encryption.
    fn from_attributes(list: &Attributes<'_>) -> Result<Option<SegmentKey>, MediaError> {
        let method = match list.get("METHOD") {
            None | Some("NONE") => return Ok(None),
            Some("AES-128") => EncryptionMethod::Aes128,
            Some(other) => EncryptionMethod::Other(other.to_owned()),
        };
        // Other formats of keys belong to rights management.
        let method = match list.get("KEYFORMAT") {
            None | Some("identity") => method,
            Some(format) => EncryptionMethod::Other(format.to_owned()),
        };
        let iv = list.get("IV").map(parse_vector).transpose()?;
        Ok(Some(SegmentKey { method, uri: list.get("URI").map(str::to_owned), iv }))
    }
}

/// The index of an item in a list, at whose end it may be already.
fn index_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    if list.last() != Some(&item) {
        list.push(item);
    }
    list.len() - 1
}

/// `LENGTH[@FIRST]`; without a first byte, from `previous_end` on.
fn parse_range(text: &str, previous_end: Option<u64>) -> Result<Range<u64>, MediaError> {
    let damaged = || MediaError::damaged("a byte range that can't be read");
    let (length, first) = match text.split_once('@') {
        Some((length, first)) => (length, first.trim().parse().map_err(|_| damaged())?),
        None => (text, previous_end.ok_or_else(damaged)?),
    };
    let length: u64 = length.trim().parse().map_err(|_| damaged())?;
    let end = first.checked_add(length).filter(|_| length > 0).ok_or_else(damaged)?;
    Ok(first..end)
}

/// `0x` and up to 32 digits.
fn parse_vector(text: &str) -> Result<[u8; 16], MediaError> {
    let damaged = || MediaError::damaged("an initialisation vector that can't be read");
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or_else(damaged)?;
    if digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(damaged());
    }
    let value = u128::from_str_radix(digits, 16).map_err(|_| damaged())?;
    Ok(value.to_be_bytes())
}

/// Seconds, up to the comma.
fn parse_seconds(text: &str) -> Result<f64, MediaError> {
    let text = text.split_once(',').map_or(text, |(seconds, _)| seconds).trim();
    let seconds = text.parse().ok().filter(|seconds| (0.0..=SEGMENT_SECONDS).contains(seconds));
    seconds.ok_or_else(|| MediaError::damaged("a length of a segment that can't be read"))
}

fn parse_number(text: &str) -> Result<u64, MediaError> {
    text.trim()
        .parse()
        .map_err(|_| MediaError::damaged("a number in a playlist that can't be read"))
}

fn increment(number: u64) -> Result<u64, MediaError> {
    number.checked_add(1).ok_or_else(|| MediaError::damaged("numbers of segments end here"))
}
