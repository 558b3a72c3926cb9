//! The index of a file: where decoding can begin.

use super::ebml::{children, cut_off, unsigned};
use super::head::Head;
use super::ids;
use super::window::Window;
use crate::Error;

/// Most bytes of an index.
const BYTES: u64 = 64 * 1024 * 1024;
/// Most entries of an index.
const ENTRIES: usize = 1_000_000;
/// Bytes of an index that are read at once, before its length is known.
const AHEAD: usize = 32 * 1024;

/// A place where decoding can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// Ticks.
    pub time: u64,
    /// Number of its track.
    pub track: u64,
    /// First byte of its cluster.
    pub at: u64,
    /// Bytes from the cluster's content to the block; 0 when not told.
    pub within: u64,
}

/// Reads the index, sorted by time; empty when there is none or it can't be
/// used.
///
/// # Errors
/// Those of the file, or an index that is longer than any real one.
pub async fn read(window: &mut Window<'_>, head: &Head) -> Result<Vec<Cue>, Error> {
    let Some(at) = head.place(ids::CUES) else { return Ok(Vec::new()) };
    let ahead = std::mem::replace(&mut window.ahead, AHEAD);
    let header = window.header(at).await;
    window.ahead = ahead;
    let Ok(Some(header)) = header else { return header.map(|_| Vec::new()) };
    let (ids::CUES, Some(size)) = (header.id, header.size) else { return Ok(Vec::new()) };
    if size > BYTES {
        return Err(Error::too_large("the index is too long"));
    }
    let from = at + header.length as u64;
    let content = window.some(from, size as usize).await?;
    if (content.len() as u64) < size {
        return Ok(Vec::new());
    }
    let mut cues = Vec::new();
    for child in children(&content) {
        match child {
            Ok((ids::CUE_POINT, content)) => point(content, head, &mut cues)?,
            Ok(_) => {}
            Err(_) => return Ok(Vec::new()),
        }
    }
    cues.sort_by_key(|cue| (cue.time, cue.at, cue.within));
    Ok(cues)
}

/// One time of the index, which is one place for each track.
fn point(content: &[u8], head: &Head, cues: &mut Vec<Cue>) -> Result<(), Error> {
    let mut time = None;
    let first = cues.len();
    for child in children(content) {
        match child? {
            (ids::CUE_TIME, content) => time = Some(unsigned(content)?),
            (ids::CUE_TRACK_POSITIONS, content) => {
                if cues.len() >= ENTRIES {
                    return Err(Error::too_large("more than a million entries in the index"));
                }
                let mut cue = Cue { time: 0, track: 0, at: 0, within: 0 };
                for child in children(content) {
                    match child? {
                        (ids::CUE_TRACK, content) => cue.track = unsigned(content)?,
                        (ids::CUE_CLUSTER_POSITION, content) => {
                            cue.at =
                                unsigned(content)?.checked_add(head.data).ok_or_else(cut_off)?;
                        }
                        (ids::CUE_RELATIVE_POSITION, content) => cue.within = unsigned(content)?,
                        _ => {}
                    }
                }
                cues.push(cue);
            }
            _ => {}
        }
    }
    for cue in cues.iter_mut().skip(first) {
        cue.time = time.ok_or_else(|| Error::damaged("a place of the index has no time"))?;
    }
    // What is outside the segment is of no use, and neither is what is before
    // the first cluster.
    let clusters = head.clusters.unwrap_or(head.data)..head.end;
    let mut index = 0;
    cues.retain(|cue| {
        index += 1;
        index <= first || clusters.contains(&cue.at)
    });
    Ok(())
}
