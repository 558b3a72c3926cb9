//! Walking over the blocks of one cluster, looking at their heads only.

use super::block::{Block, block};
use super::ebml::{HEADER, unsigned};
use super::ids;
use super::window::Window;
use crate::Error;

/// Most elements from one block to the next.
const BETWEEN: usize = 64;
/// Most elements before a cluster's time stamp.
const BEFORE: usize = 8;

/// A cluster, and where in it the walk is.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// First byte of the cluster's content.
    pub content: u64,
    /// First byte after the cluster, if it tells its size.
    pub end: Option<u64>,
    /// The next element.
    pub at: u64,
    time: Option<i64>,
}

/// The head of a block.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Number of its track.
    pub track: u64,
    /// Ticks.
    pub time: i64,
    /// First byte of its element.
    pub at: u64,
    /// First byte of its first frame, if that is not laced.
    pub frame: u64,
    /// First byte after it.
    pub end: u64,
    key: Option<bool>,
    /// First byte after the block itself, for one in a group.
    inner: u64,
}

impl Walk {
    /// Begins at a cluster; none when there isn't one.
    ///
    /// # Errors
    /// Those of the file, or when no element begins there.
    pub async fn open(window: &mut Window<'_>, at: u64) -> Result<Option<Walk>, Error> {
        let Some(header) = window.header(at).await? else { return Ok(None) };
        if header.id != ids::CLUSTER {
            return Ok(None);
        }
        let content = at + header.length as u64;
        let end = header.size.map(|size| content.saturating_add(size));
        Ok(Some(Walk { content, end, at: content, time: None }))
    }

    /// Walks to the cluster's time stamp, which is before all blocks, and gives
    /// it; none when there is none.
    ///
    /// # Errors
    /// Those of the file, or when no element begins where one has to.
    pub async fn stamp(&mut self, window: &mut Window<'_>) -> Result<Option<u64>, Error> {
        for _ in 0..BEFORE {
            let Some(header) = window.header(self.at).await? else { return Ok(None) };
            let Some(size) = header.size.filter(|size| *size <= 4096) else { return Ok(None) };
            let content = self.at + header.length as u64;
            self.at = content.saturating_add(size);
            if header.id == ids::TIMESTAMP {
                let time = unsigned(&window.exact(content, size as usize).await?)?;
                self.time = i64::try_from(time).ok();
                return Ok(self.time.map(|_| time));
            }
        }
        Ok(None)
    }

    /// The next block; none at the end of the cluster or of what makes sense.
    ///
    /// # Errors
    /// Those of the file, or when no element begins where one has to.
    pub async fn next(&mut self, window: &mut Window<'_>) -> Result<Option<Seen>, Error> {
        for _ in 0..BETWEEN {
            if self.end.is_some_and(|end| self.at >= end) {
                return Ok(None);
            }
            let Some(header) = window.header(self.at).await? else { return Ok(None) };
            let (Some(size), false) = (header.size, ids::ends_cluster(header.id)) else {
                return Ok(None);
            };
            let at = self.at;
            let content = at + header.length as u64;
            let Some(end) = content.checked_add(size).filter(|end| *end <= window.size()) else {
                return Ok(None);
            };
            self.at = end;
            match header.id {
                ids::TIMESTAMP => {
                    let bytes = window.some(content, size.min(9) as usize).await?;
                    self.time = i64::try_from(unsigned(&bytes)?).ok();
                }
                ids::SIMPLE_BLOCK => {
                    let seen = self.seen(window, content, size).await?;
                    return Ok(Some(Seen { at, end, ..seen }));
                }
                ids::BLOCK_GROUP => {
                    let Some(inner) = window.header(content).await? else { return Ok(None) };
                    let (ids::BLOCK, Some(size)) = (inner.id, inner.size) else { continue };
                    let content = content + inner.length as u64;
                    let seen = self.seen(window, content, size).await?;
                    return Ok(Some(Seen { at, end, key: None, ..seen }));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    async fn seen(&self, window: &mut Window<'_>, content: u64, size: u64) -> Result<Seen, Error> {
        let bytes = window.some(content, size.min(HEADER as u64) as usize).await?;
        let Block { track, time, key, length, .. } = block(&bytes)?;
        let time = self.time.and_then(|base| base.checked_add(i64::from(time)));
        let time = time.ok_or_else(|| Error::damaged("a block before its cluster's time stamp"))?;
        let frame = content + length as u64;
        let inner = content.saturating_add(size);
        Ok(Seen { track, time, at: 0, frame, end: inner, key: Some(key), inner })
    }
}

impl Seen {
    /// Whether decoding can begin here. For a block in a group, this reads
    /// what the group says after it.
    ///
    /// # Errors
    /// Those of the file, or when no element begins where one has to.
    pub async fn key(&self, window: &mut Window<'_>) -> Result<bool, Error> {
        if let Some(key) = self.key {
            return Ok(key);
        }
        let mut at = self.inner;
        while at < self.end {
            let Some(header) = window.header(at).await? else { break };
            if header.id == ids::REFERENCE_BLOCK {
                return Ok(false);
            }
            let Some(size) = header.size else { break };
            at = at.saturating_add(header.length as u64).saturating_add(size);
        }
        Ok(true)
    }
}
