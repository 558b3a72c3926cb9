//! When a run of segments begins in its own clock.

use std::collections::BTreeMap;
use std::ops::Range;

use clipmill_core::{Code, Error};
use clipmill_media::{mp4, ts};

use super::download::Get;
use super::{Reel, Segment, Zero, crypt, refused};

/// How much of a segment is looked at, bytes, in order of the tries.
const LOOKS: [u64; 3] = [64 * 1024, 1024 * 1024, 64 * 1024 * 1024];
/// Largest initialisation section, bytes.
const MAP: u64 = 4 * 1024 * 1024;

/// When the picture begins, or the sound where there is no picture: lengths of
/// segments are those of their pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// Ticks of a transport stream.
    Ticks(u64),
    /// Microseconds of fragments.
    Micros(i64),
}

impl Begin {
    /// Of the beginning of a segment with its initialisation section; none
    /// when more of it is needed.
    pub fn of(map: Option<&[u8]>, bytes: &[u8], all: bool) -> Result<Option<Begin>, Error> {
        if let Some(map) = map {
            let section = mp4::InitTracks::parse(map).map_err(refused)?;
            return Ok(section.start(bytes).map_err(refused)?.map(Begin::Micros));
        }
        let begin = ts::TransportStream::parse(bytes).map_err(refused)?.start_ticks(all);
        Ok(begin.map(Begin::Ticks))
    }
}

/// The beginnings of the runs whose first segment is not fetched anyway, but
/// for those that are known.
pub(super) async fn heads(
    get: &Get<'_>,
    reel: &Reel,
    picked: &Range<usize>,
    known: &BTreeMap<u64, Begin>,
) -> Result<BTreeMap<u64, Begin>, Error> {
    let mut heads = BTreeMap::new();
    if reel.zero != Zero::First {
        return Ok(heads);
    }
    let segments = reel.segments.get(picked.clone()).unwrap_or_default();
    for run in segments.iter().map(|segment| segment.run) {
        let first = reel.segments.iter().position(|segment| segment.run == run);
        if let Some(first) = first
            && !picked.contains(&first)
            && !heads.contains_key(&run)
            && !known.contains_key(&run)
            && let Some(segment) = reel.segments.get(first)
        {
            heads.insert(run, head(get, reel, segment).await?);
        }
    }
    Ok(heads)
}

async fn head(get: &Get<'_>, reel: &Reel, segment: &Segment) -> Result<Begin, Error> {
    let map = match segment.map.and_then(|map| reel.maps.get(map)) {
        Some(map) => Some(get.beginning(&reel.url(map)?, map.range.as_ref(), MAP).await?),
        None => None,
    };
    let key = match segment.key.and_then(|(key, vector)| Some((reel.keys.get(key)?, vector))) {
        Some((place, vector)) => {
            Some((key(&get.beginning(&reel.url(place)?, None, 17).await?)?, vector))
        }
        None => None,
    };
    let (url, range) = (reel.url(&segment.place)?, segment.place.range.as_ref());
    for most in LOOKS {
        let mut bytes = get.beginning(&url, range, most).await?;
        let all = (bytes.len() as u64) < most;
        if let Some((key, vector)) = key {
            crypt::beginning(&mut bytes, key, vector);
        }
        if let Some(begin) = Begin::of(map.as_deref(), &bytes, all)? {
            return Ok(begin);
        }
        if all {
            break;
        }
    }
    Err(Error::never(Code::NotMedia, "the stream's first segment has no time stamps"))
}

/// A key from its file.
pub(super) fn key(bytes: &[u8]) -> Result<[u8; 16], Error> {
    bytes
        .try_into()
        .map_err(|_| Error::never(Code::NotMedia, "a key of the stream is not of 16 bytes"))
}
