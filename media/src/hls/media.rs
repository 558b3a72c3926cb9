//! Media playlists.

use std::ops::Range;

use super::attributes::Attributes;
use super::{Key, LONGEST_SEGMENT, MOST_SEGMENTS, Map, Media, Method, Segment, byte_range};
use crate::Error;
use crate::iso8601;

/// What the lines so far say of the next segment.
#[derive(Default)]
struct Next {
    duration: Option<f64>,
    range: Option<Range<u64>>,
    program_micros: Option<i64>,
    gap: bool,
}

pub(super) fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Media, Error> {
    let mut media = Media::default();
    let mut next = Next::default();
    let (mut sequence, mut discontinuity) = (0_u64, 0_u64);
    let (mut map, mut key) = (None, None);
    // The end of the last byte range, and of which file.
    let mut last: Option<(String, u64)> = None;
    for line in lines {
        let Some(tag) = line.strip_prefix('#') else {
            let duration = next.duration.take();
            let duration = duration.ok_or_else(|| Error::damaged("a segment without a length"))?;
            if media.segments.len() >= MOST_SEGMENTS {
                return Err(Error::too_large("a playlist of more than 200000 segments"));
            }
            if let Some(range) = &next.range {
                last = Some((line.to_owned(), range.end));
            }
            media.segments.push(Segment {
                uri: line.to_owned(),
                range: next.range.take(),
                duration,
                sequence,
                discontinuity,
                map,
                key,
                program_micros: next.program_micros.take(),
                gap: std::mem::take(&mut next.gap),
            });
            sequence = following(sequence)?;
            continue;
        };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXTINF" => next.duration = Some(length(value)?),
            "EXT-X-BYTERANGE" => {
                // Without a first byte it goes on in the same file, which the
                // next line names: there is only one to go on in.
                next.range = Some(byte_range(value, last.as_ref().map(|(_, end)| *end))?);
            }
            "EXT-X-TARGETDURATION" => media.target_duration = length(value)?,
            "EXT-X-MEDIA-SEQUENCE" if media.segments.is_empty() => sequence = number(value)?,
            "EXT-X-DISCONTINUITY-SEQUENCE" if media.segments.is_empty() => {
                discontinuity = number(value)?;
            }
            "EXT-X-DISCONTINUITY" => discontinuity = following(discontinuity)?,
            "EXT-X-PROGRAM-DATE-TIME" => next.program_micros = iso8601::moment(value),
            "EXT-X-GAP" => next.gap = true,
            "EXT-X-ENDLIST" => media.ended = true,
            "EXT-X-KEY" => key = add_key(&mut media, &Attributes::parse(value))?,
            "EXT-X-MAP" => map = Some(add_map(&mut media, &Attributes::parse(value))?),
            "EXT-X-I-FRAMES-ONLY" => {
                return Err(Error::unsupported("a playlist of keyframes alone"));
            }
            _ => {}
        }
    }
    Ok(media)
}

fn add_map(media: &mut Media, list: &Attributes<'_>) -> Result<usize, Error> {
    let uri = list.get("URI").ok_or_else(|| Error::damaged("a map without an address"))?;
    let range = list.get("BYTERANGE").map(|text| byte_range(text, Some(0))).transpose()?;
    let map = Map { uri: uri.to_owned(), range };
    Ok(place(&mut media.maps, map))
}

fn add_key(media: &mut Media, list: &Attributes<'_>) -> Result<Option<usize>, Error> {
    let method = match list.get("METHOD") {
        None | Some("NONE") => return Ok(None),
        Some("AES-128") => Method::Aes128,
        Some(other) => Method::Other(other.to_owned()),
    };
    // Other formats of keys belong to systems of rights.
    let method = match list.get("KEYFORMAT") {
        None | Some("identity") => method,
        Some(format) => Method::Other(format.to_owned()),
    };
    let iv = list.get("IV").map(vector).transpose()?;
    let key = Key { method, uri: list.get("URI").map(str::to_owned), iv };
    Ok(Some(place(&mut media.keys, key)))
}

/// Where a thing is in a list, at whose end it may be already.
fn place<T: PartialEq>(list: &mut Vec<T>, thing: T) -> usize {
    if list.last() != Some(&thing) {
        list.push(thing);
    }
    list.len() - 1
}

/// `0x` and up to 32 digits.
fn vector(text: &str) -> Result<[u8; 16], Error> {
    let damaged = || Error::damaged("an initialisation vector that can't be read");
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or_else(damaged)?;
    if digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(damaged());
    }
    let value = u128::from_str_radix(digits, 16).map_err(|_| damaged())?;
    Ok(value.to_be_bytes())
}

/// Seconds, up to the comma.
fn length(text: &str) -> Result<f64, Error> {
    let text = text.split_once(',').map_or(text, |(seconds, _)| seconds).trim();
    let seconds = text.parse().ok().filter(|seconds| (0.0..=LONGEST_SEGMENT).contains(seconds));
    seconds.ok_or_else(|| Error::damaged("a length of a segment that can't be read"))
}

fn number(text: &str) -> Result<u64, Error> {
    text.trim().parse().map_err(|_| Error::damaged("a number in a playlist that can't be read"))
}

fn following(number: u64) -> Result<u64, Error> {
    number.checked_add(1).ok_or_else(|| Error::damaged("numbers of segments end here"))
}
