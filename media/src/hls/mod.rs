//! HLS playlists (RFC 8216): what they say, as far as fetching a span needs it.
//!
//! Pure text in, typed lists out. Addresses are left as they are written:
//! whoever asks for them resolves them and decides whether they may be asked.

mod attributes;
mod master;
mod media;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::Error;

/// Longest playlist that is read, bytes.
pub const LONGEST: usize = 16 * 1024 * 1024;
/// Most segments of one playlist: nine days of 4 s each.
pub const MOST_SEGMENTS: usize = 200_000;
/// Most variants and renditions of one master playlist.
pub const MOST_VARIANTS: usize = 2_000;
/// Longest segment, seconds.
const LONGEST_SEGMENT: f64 = 24.0 * 3600.0;

/// Either kind of playlist.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// A list of other playlists.
    Master(Master),
    /// A list of segments.
    Media(Media),
}

/// What can be chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Master {
    /// In the order of the playlist; those for fast winding are left out.
    pub variants: Vec<Variant>,
    /// Sounds apart from the picture, in the order of the playlist.
    pub sounds: Vec<Rendition>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variant {
    /// Its media playlist.
    pub uri: String,
    /// Most bits per second, with all its renditions.
    pub bandwidth: Option<u64>,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// Codecs as RFC 6381 spells them; empty when it is not told.
    pub codecs: Vec<String>,
    /// The group whose sounds go with it.
    pub audio: Option<String>,
}

/// A sound apart from the picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendition {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// RFC 5646.
    pub language: Option<String>,
    /// Its media playlist; none when the variant itself holds it.
    pub uri: Option<String>,
    /// Whether it is played unless a person chooses another one.
    pub default: bool,
    /// Whether a player may choose it by itself.
    pub autoselect: bool,
}

/// Segments one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Media {
    /// Longest segment, seconds; 0 when it is not told.
    pub target_duration: f64,
    /// Whether nothing is added any more.
    pub ended: bool,
    /// In the order of time.
    pub segments: Vec<Segment>,
    /// Initialisation sections; segments name theirs by its place here.
    pub maps: Vec<Map>,
    /// Keys; segments name theirs by its place here.
    pub keys: Vec<Key>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its file.
    pub uri: String,
    /// Its bytes in the file; none for all.
    pub range: Option<Range<u64>>,
    /// Seconds, as the playlist says.
    pub duration: f64,
    /// Its number, which it keeps while a live playlist moves on.
    pub sequence: u64,
    /// Which run of segments it belongs to: another one has another clock.
    pub discontinuity: u64,
    /// Place of its initialisation section in [`Media::maps`].
    pub map: Option<usize>,
    /// Place of its key in [`Media::keys`].
    pub key: Option<usize>,
    /// When its first sample was recorded, microseconds since 1970, where the
    /// playlist says so at this very segment.
    pub program_micros: Option<i64>,
    /// Whether the server has nothing at its place.
    pub gap: bool,
}

/// An initialisation section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Its file.
    pub uri: String,
    /// Its bytes in the file; none for all.
    pub range: Option<Range<u64>>,
}

/// How segments are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The method.
    pub method: Method,
    /// Where the key is.
    pub uri: Option<String>,
    /// The initialisation vector; none for the segment's number.
    pub iv: Option<[u8; 16]>,
}

/// A method of encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// Whole segments with AES-128 in CBC mode.
    Aes128,
    /// Anything else, by its name.
    Other(String),
}

impl Playlist {
    /// Reads a playlist.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) when it is none,
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) beyond the bounds of this module.
    pub fn parse(text: &[u8]) -> Result<Playlist, Error> {
        if text.len() > LONGEST {
            return Err(Error::too_large("a playlist of more than 16 MiB"));
        }
        let text = String::from_utf8_lossy(text);
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        if lines.next().is_none_or(|line| !line.starts_with("#EXTM3U")) {
            return Err(Error::damaged("this is no playlist"));
        }
        let is_master =
            |line: &str| line.starts_with("#EXT-X-STREAM-INF") || line.starts_with("#EXT-X-MEDIA:");
        match lines.clone().any(is_master) {
            true => master::parse(lines).map(Playlist::Master),
            false => media::parse(lines).map(Playlist::Media),
        }
    }
}

impl Media {
    /// When each segment begins, seconds after the first one, to the nearest
    /// microsecond.
    pub fn starts(&self) -> Vec<f64> {
        let mut at = 0.0_f64;
        let begin = |segment: &Segment| {
            let begins = (at * 1e6).round() / 1e6;
            at += segment.duration;
            begins
        };
        self.segments.iter().map(begin).collect()
    }

    /// When each segment was recorded, microseconds since 1970: told at the
    /// segment itself, or counted on from one before it, or back from the
    /// first one that tells.
    pub fn recorded(&self) -> Option<Vec<i64>> {
        let micros = |seconds: f64| (seconds * 1e6).round() as i64;
        let first = self.segments.iter().position(|segment| segment.program_micros.is_some())?;
        let before: f64 = self.segments.iter().take(first).map(|segment| segment.duration).sum();
        let mut at = self.segments.get(first)?.program_micros?.checked_sub(micros(before))?;
        let mut recorded = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            at = segment.program_micros.unwrap_or(at);
            recorded.push(at);
            at = at.checked_add(micros(segment.duration))?;
        }
        Some(recorded)
    }
}

/// `LENGTH[@FIRST]`; without a first byte, after `previous`.
fn byte_range(text: &str, previous: Option<u64>) -> Result<Range<u64>, Error> {
    let damaged = || Error::damaged("a byte range that can't be read");
    let (length, first) = match text.split_once('@') {
        Some((length, first)) => (length, first.trim().parse().map_err(|_| damaged())?),
        None => (text, previous.ok_or_else(damaged)?),
    };
    let length: u64 = length.trim().parse().map_err(|_| damaged())?;
    let end = first.checked_add(length).filter(|_| length > 0).ok_or_else(damaged)?;
    Ok(first..end)
}
