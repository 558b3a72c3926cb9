//! The seam of VP8 and VP9: none. A keyframe forgets everything before it, so
//! that parts one after the other are one stream.

use super::join::{Joined, Part};
use super::prepare::Source;
use crate::codec::vp9::{Header, vp8_keyframe};
use crate::{Codec, Error, Sample};

pub(super) async fn entry(source: Source<'_>, sample: &Sample) -> Result<bool, Error> {
    let beginning = source.beginning(sample).await?;
    match source.track.codec {
        Codec::Vp8 => vp8_keyframe(&beginning),
        _ => Ok(Header::keyframe(&beginning)?.is_some()),
    }
}

pub(super) async fn seam(source: Source<'_>, samples: &[usize]) -> Result<Header, Error> {
    let first = samples.first().ok_or_else(|| Error::damaged("VP9 without a keyframe"))?;
    let beginning = source.beginning(source.sample(*first)?).await?;
    let header = Header::keyframe(&beginning)?;
    header.ok_or_else(|| Error::damaged("VP9 without a keyframe"))
}

pub(super) async fn join(
    source: Source<'_>,
    seam: Option<Header>,
    head: Option<Part<'_>>,
    tail: Option<Part<'_>>,
) -> Result<Joined, Error> {
    let mut joined = Joined::of(source);
    for part in [head, tail].into_iter().flatten() {
        if let Some(seam) = seam
            && self::seam(part.source, &[0]).await? != seam
        {
            return Err(Error::unsupported("encoded frames have another format"));
        }
        joined.place(part.end, part.copied());
    }
    Ok(joined)
}
