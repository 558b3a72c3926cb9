//! The index that may stand at the end of a file in fragments (`mfra`).

use super::boxes::{Fields, child, children};
use super::source::Source;
use crate::{Error, ErrorKind};

/// Most bytes of it.
const MOST: u64 = 16 << 20;

/// A fragment that decoding can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When its first such sample is presented, ticks, about.
    pub time: u64,
    /// Where its `moof` is.
    pub moof: u64,
}

/// The entries for a track, in their order; none when there is no such index,
/// or none of any use.
pub(crate) async fn entries(source: &Source<'_>, track: u32) -> Result<Vec<Entry>, Error> {
    match find(source, track).await {
        // A damaged index is as good as none.
        Err(error) if error.kind == ErrorKind::Damaged => Ok(Vec::new()),
        found => found,
    }
}

async fn find(source: &Source<'_>, track: u32) -> Result<Vec<Entry>, Error> {
    let Some(last) = source.size().checked_sub(16) else { return Ok(Vec::new()) };
    let end = source.get(last, 16).await?;
    let mut fields = Fields::new(&end);
    fields.u32()?;
    if &fields.name()? != b"mfro" {
        return Ok(Vec::new());
    }
    fields.version()?;
    let size = u64::from(fields.u32()?);
    let Some(at) = source.size().checked_sub(size).filter(|_| size <= MOST) else {
        return Ok(Vec::new());
    };
    let bytes = source.get(at, size).await?;
    let Some(mfra) = child(&bytes, b"mfra")? else { return Ok(Vec::new()) };
    for found in children(mfra.body) {
        let found = found?;
        if &found.name != b"tfra" {
            continue;
        }
        if let Some(entries) = tfra(found.body, track)? {
            return Ok(entries);
        }
    }
    Ok(Vec::new())
}

/// The entries of a `tfra`, if it is of this track.
fn tfra(content: &[u8], track: u32) -> Result<Option<Vec<Entry>>, Error> {
    let mut fields = Fields::new(content);
    let (version, _) = fields.version()?;
    if fields.u32()? != track {
        return Ok(None);
    }
    let lengths = fields.u32()?;
    // Numbers of a traf, a run and a sample, of 1 to 4 bytes each.
    let numbers = [4, 2, 0].iter().map(|shift| (lengths >> shift & 3) as usize + 1).sum();
    let count = fields.u32()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(Entry { time: fields.wide(version)?, moof: fields.wide(version)? });
        fields.take(numbers)?;
    }
    Ok(Some(entries))
}
