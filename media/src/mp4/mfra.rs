//! The index that may be at the end of a file in fragments (`mfra`, ISO/IEC
//! 14496-12, 8.8.9 to 8.8.11).

use super::boxes::{FieldReader, child, children};
use super::limits;
use super::source::Mp4Source;
use crate::{MediaError, MediaErrorKind};

/// A fragment that decoding can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RandomAccess {
    /// When its first sync sample is presented, ticks, about.
    pub time: u64,
    /// Where its `moof` is.
    pub moof: u64,
}

/// The entries for a track, in their order; none when there is no such index, or
/// a damaged one.
pub(crate) async fn random_access(
    source: &Mp4Source<'_>,
    track: u32,
) -> Result<Vec<RandomAccess>, MediaError> {
    match read_mfra(source, track).await {
        Err(error) if error.kind == MediaErrorKind::Damaged => Ok(Vec::new()),
        found => found,
    }
}

async fn read_mfra(source: &Mp4Source<'_>, track: u32) -> Result<Vec<RandomAccess>, MediaError> {
    // The last box within it, `mfro`, says how large it is.
    let Some(last) = source.size().checked_sub(16) else { return Ok(Vec::new()) };
    let end = source.read(last, 16).await?;
    let mut fields = FieldReader::new(&end);
    fields.u32()?;
    if &fields.four_cc()? != b"mfro" {
        return Ok(Vec::new());
    }
    fields.version_and_flags()?;
    let size = u64::from(fields.u32()?);
    let Some(start) = source.size().checked_sub(size).filter(|_| size <= limits::MFRA) else {
        return Ok(Vec::new());
    };
    let bytes = source.read(start, size).await?;
    let Some(mfra) = child(&bytes, b"mfra")? else { return Ok(Vec::new()) };
    for found in children(mfra.body) {
        let found = found?;
        if &found.name == b"tfra"
            && let Some(entries) = tfra(found.body, track)?
        {
            return Ok(entries);
        }
    }
    Ok(Vec::new())
}

/// The entries of a `tfra`, if it is of this track.
fn tfra(content: &[u8], track: u32) -> Result<Option<Vec<RandomAccess>>, MediaError> {
    let mut fields = FieldReader::new(content);
    let (version, _) = fields.version_and_flags()?;
    if fields.u32()? != track {
        return Ok(None);
    }
    let lengths = fields.u32()?;
    // Numbers of a traf, a run and a sample, of 1 to 4 bytes each.
    let numbers = [4, 2, 0].iter().map(|shift| (lengths >> shift & 3) as usize + 1).sum();
    let count = fields.u32()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let time = fields.by_version(version)?;
        let moof = fields.by_version(version)?;
        entries.push(RandomAccess { time, moof });
        fields.bytes(numbers)?;
    }
    Ok(Some(entries))
}
