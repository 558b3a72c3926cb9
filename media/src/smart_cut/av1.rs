//! The seam of AV1: none but the sequence header. A shown keyframe forgets
//! everything before it, and a sequence header before it says what follows; so
//! each part must have its own in its first sample.

use super::join::{Joined, Part};
use super::prepare::Source;
use crate::codec::av1::{Sequence, obus, sequence_unit, start};
use crate::mux::SampleData;
use crate::{Error, Sample};

/// Bytes of `av1C` before its units.
const FIXED: usize = 4;

pub(super) async fn entry(source: Source<'_>, sample: &Sample) -> Result<bool, Error> {
    Ok(start(&source.beginning(sample).await?)?.keyframe)
}

pub(super) async fn seam(source: Source<'_>, samples: &[usize]) -> Result<Sequence, Error> {
    let first = samples.first().ok_or_else(|| Error::damaged("AV1 without a keyframe"))?;
    let sequence = sequence(source, source.sample(*first)?).await?;
    if sequence.points > 1 {
        return Err(Error::unsupported("AV1 in layers"));
    }
    // Nothing else is encoded by `libsvtav1`.
    if sequence.profile != 0 || sequence.grey {
        return Err(Error::unsupported("AV1 that isn't 4:2:0"));
    }
    Ok(sequence)
}

/// The sequence header that is in force at a keyframe.
async fn sequence(source: Source<'_>, key: &Sample) -> Result<Sequence, Error> {
    if let Some(sequence) = start(&source.beginning(key).await?)?.sequence {
        return Ok(sequence);
    }
    let unit = configured(source)?;
    let obu = obus(unit).next().transpose()?;
    Sequence::parse(obu.map_or(&[], |obu| obu.payload))
}

/// The sequence header in `av1C`, as a whole unit.
fn configured(source: Source<'_>) -> Result<&[u8], Error> {
    let units = source.track.config.get(FIXED..).unwrap_or_default();
    let unit = sequence_unit(units)?;
    unit.ok_or_else(|| Error::unsupported("AV1 without a sequence header"))
}

/// A keyframe with the sequence header before it; none when it is there.
async fn complete(source: Source<'_>, key: &Sample) -> Result<Option<SampleData>, Error> {
    if start(&source.beginning(key).await?)?.sequence.is_some() {
        return Ok(None);
    }
    let mut made = configured(source)?.to_vec();
    made.extend_from_slice(&source.whole(key).await?);
    Ok(Some(SampleData::Generated(made)))
}

pub(super) async fn join(
    source: Source<'_>,
    seam: Sequence,
    head: Option<Part<'_>>,
    first: Option<usize>,
    tail: Option<Part<'_>>,
) -> Result<Joined, Error> {
    let mut joined = Joined::of(source);
    if let Some(first) = first
        && head.is_some()
    {
        let key = complete(source, source.sample(first)?).await?;
        joined.changed = key.map(|key| (first, key)).into_iter().collect();
    }
    for part in [head, tail].into_iter().flatten() {
        let key = part.source.sample(0)?;
        if sequence(part.source, key).await? != seam {
            return Err(Error::unsupported("encoded frames have another format"));
        }
        let mut samples = part.copied();
        if let (Some(sample), Some(made)) = (samples.first_mut(), complete(part.source, key).await?)
        {
            *sample = made;
        }
        joined.place(part.end, samples);
    }
    Ok(joined)
}
