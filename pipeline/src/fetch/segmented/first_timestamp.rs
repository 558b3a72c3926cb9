//! When the segments behind a discontinuity start in their own clock.

use std::collections::BTreeMap;
use std::ops::Range;

use clipmill_core::{Code, Error};
use clipmill_media::{mp4, ts};

use super::crypt;
use super::download::SegmentDownload;
use super::rendition::{RenditionSegments, TimelineOrigin};
use super::segment::{StreamSegment, unreadable_stream};

/// How much of a segment is read, bytes, in order of the tries.
const READS: [u64; 3] = [64 * 1024, 1024 * 1024, 64 * 1024 * 1024];
/// Most bytes of an initialization segment.
const MAX_INIT: u64 = 4 * 1024 * 1024;
/// Bytes of a key with one more, which shows that it is too long.
const KEY_READ: u64 = 17;

/// The first time stamp of the video, or of the audio where there is no video:
/// lengths of segments are those of their video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstTimestamp {
    /// Ticks of a transport stream.
    Ticks(u64),
    /// Microseconds of fragments.
    Micros(i64),
}

impl FirstTimestamp {
    /// Reads it from the start of a segment with its initialization segment; none
    /// when more bytes are needed. `is_whole` when there are no more.
    ///
    /// # Errors
    /// `not_media`.
    pub fn read(
        init: Option<&[u8]>,
        bytes: &[u8],
        is_whole: bool,
    ) -> Result<Option<FirstTimestamp>, Error> {
        if let Some(init) = init {
            let section = mp4::InitTracks::parse(init).map_err(unreadable_stream)?;
            let start = section.start(bytes).map_err(unreadable_stream)?;
            return Ok(start.map(FirstTimestamp::Micros));
        }
        let stream = ts::TransportStream::parse(bytes).map_err(unreadable_stream)?;
        Ok(stream.start_ticks(is_whole).map(FirstTimestamp::Ticks))
    }
}

impl FirstTimestamp {
    /// How much later than `other` it is, seconds; negative when it is earlier, and
    /// none when their clocks are of different kinds.
    pub fn seconds_after(self, other: FirstTimestamp) -> Option<f64> {
        match (other, self) {
            (FirstTimestamp::Ticks(other), FirstTimestamp::Ticks(own)) => {
                // Ticks have 33 bits, and so the sign is in bit 32.
                let later = own.wrapping_sub(other) & (ts::CLOCK_WRAP - 1);
                let is_earlier = later >= ts::CLOCK_WRAP / 2;
                let ticks = later as f64 - if is_earlier { ts::CLOCK_WRAP as f64 } else { 0.0 };
                Some(ticks / ts::TICKS_PER_SECOND as f64)
            }
            (FirstTimestamp::Micros(other), FirstTimestamp::Micros(own)) => {
                Some(own.saturating_sub(other) as f64 / 1e6)
            }
            _ => None,
        }
    }
}

/// The first time stamps behind those discontinuities whose first segment is not
/// among the `selected` ones, which are fetched anyway. Those that are `known` are
/// left out.
///
/// # Errors
/// Those of sources; `not_media`.
pub async fn first_timestamps(
    download: &SegmentDownload<'_>,
    rendition: &RenditionSegments,
    selected: &Range<usize>,
    known: &BTreeMap<u64, FirstTimestamp>,
) -> Result<BTreeMap<u64, FirstTimestamp>, Error> {
    let mut found = BTreeMap::new();
    if rendition.origin != TimelineOrigin::FirstSegment {
        return Ok(found);
    }
    let segments = rendition.segments.get(selected.clone()).unwrap_or_default();
    for discontinuity in segments.iter().map(|segment| segment.discontinuity) {
        let is_behind = |segment: &StreamSegment| segment.discontinuity == discontinuity;
        let first = rendition.segments.iter().position(is_behind);
        if let Some(first) = first
            && !selected.contains(&first)
            && !found.contains_key(&discontinuity)
            && !known.contains_key(&discontinuity)
            && let Some(segment) = rendition.segments.get(first)
        {
            found.insert(discontinuity, read_start(download, rendition, segment).await?);
        }
    }
    Ok(found)
}

/// The first time stamp of a segment, of which no more is read than needed.
async fn read_start(
    download: &SegmentDownload<'_>,
    rendition: &RenditionSegments,
    segment: &StreamSegment,
) -> Result<FirstTimestamp, Error> {
    let init = match segment.init.and_then(|init| rendition.inits.get(init)) {
        Some(init) => {
            let url = rendition.url(init)?;
            Some(download.read_start(&url, init.range, MAX_INIT).await?)
        }
        None => None,
    };
    let cipher = segment.cipher.and_then(|cipher| Some((rendition.keys.get(cipher.key)?, cipher)));
    let cipher = match cipher {
        Some((key, cipher)) => {
            let key = download.read_start(&rendition.url(key)?, None, KEY_READ).await?;
            Some((crypt::parse_key(&key)?, cipher.iv))
        }
        None => None,
    };
    let url = rendition.url(&segment.location)?;
    for most in READS {
        let mut bytes = download.read_start(&url, segment.location.range, most).await?;
        let is_whole = (bytes.len() as u64) < most;
        if let Some((key, iv)) = cipher {
            crypt::decrypt_start(&mut bytes, key, iv);
        }
        if let Some(start) = FirstTimestamp::read(init.as_deref(), &bytes, is_whole)? {
            return Ok(start);
        }
        if is_whole {
            break;
        }
    }
    Err(Error::never(Code::NotMedia, "the stream's first segment has no time stamps"))
}

#[cfg(test)]
mod tests {
    use super::FirstTimestamp::{Micros, Ticks};

    #[test]
    fn ticks_wrap_and_may_go_back() {
        assert_eq!(Ticks(180_000).seconds_after(Ticks(90_000)), Some(1.0));
        assert_eq!(Ticks(90_000).seconds_after(Ticks(180_000)), Some(-1.0));
        assert_eq!(Ticks(45_000).seconds_after(Ticks((1 << 33) - 45_000)), Some(1.0));
        assert_eq!(Micros(-500_000).seconds_after(Micros(1_000_000)), Some(-1.5));
        assert_eq!(Micros(0).seconds_after(Ticks(0)), None);
    }
}
