//! Going through the blocks of one cluster (RFC 9559, 5.1.3), reading their
//! headers only.

use super::block::BlockHeader;
use super::buffered_file::BufferedFile;
use super::ebml::{HEADER_MAX, children, parse_unsigned};
use super::ids;
use crate::MediaError;

/// Most elements from one block to the next.
const BETWEEN_BLOCKS: usize = 64;
/// Most elements before a cluster's time stamp.
const BEFORE_TIMESTAMP: usize = 8;
/// Most bytes of an element before a cluster's time stamp.
const ELEMENT_SIZE: u64 = 4096;
/// Most bytes of a time stamp that are read: one more than it may have.
const TIMESTAMP_SIZE: u64 = 9;

/// A cluster, and how far it has been read.
#[derive(Debug, Clone, Copy)]
pub struct ClusterCursor {
    /// Offset of the cluster's content.
    pub content: u64,
    /// First byte behind the cluster, if its header has a size.
    pub end: Option<u64>,
    /// Offset of the next element.
    pub position: u64,
    timestamp: Option<i64>,
}

/// A block in a file.
#[derive(Debug, Clone, Copy)]
pub struct StoredBlock {
    /// Number of its track.
    pub track: u64,
    /// Ticks.
    pub time: i64,
    /// Offset of its element: a simple block, or a group.
    pub offset: u64,
    /// Offset of its first frame, if it is not laced.
    pub frame: u64,
    /// First byte behind the element.
    pub end: u64,
    /// Whether it is a keyframe; none when only the rest of its group says so.
    keyframe: Option<bool>,
    /// First byte behind the block within its group.
    block_end: u64,
}

impl ClusterCursor {
    /// Opens the cluster at `offset`; none when there isn't one.
    ///
    /// # Errors
    /// Those of the file, and when no element starts there.
    pub async fn open(
        file: &mut BufferedFile<'_>,
        offset: u64,
    ) -> Result<Option<ClusterCursor>, MediaError> {
        let Some(header) = file.header_at(offset).await? else { return Ok(None) };
        if header.id != ids::CLUSTER {
            return Ok(None);
        }
        let content = offset + header.length as u64;
        let end = header.size.map(|size| content.saturating_add(size));
        Ok(Some(ClusterCursor { content, end, position: content, timestamp: None }))
    }

    /// Reads up to the cluster's time stamp, which is before all blocks, and
    /// returns it; none when there is none.
    ///
    /// # Errors
    /// Those of the file, and when no element starts where one has to.
    pub async fn read_timestamp(
        &mut self,
        file: &mut BufferedFile<'_>,
    ) -> Result<Option<u64>, MediaError> {
        for _ in 0..BEFORE_TIMESTAMP {
            let Some(header) = file.header_at(self.position).await? else { return Ok(None) };
            let Some(size) = header.size.filter(|size| *size <= ELEMENT_SIZE) else {
                return Ok(None);
            };
            let content = self.position + header.length as u64;
            self.position = content.saturating_add(size);
            if header.id == ids::TIMESTAMP {
                let time = parse_unsigned(&file.read_exact(content, size as usize).await?)?;
                self.timestamp = i64::try_from(time).ok();
                return Ok(self.timestamp.map(|_| time));
            }
        }
        Ok(None)
    }

    /// The next block; none at the end of the cluster or of what makes sense.
    ///
    /// # Errors
    /// Those of the file, and when no element starts where one has to.
    pub async fn next_block(
        &mut self,
        file: &mut BufferedFile<'_>,
    ) -> Result<Option<StoredBlock>, MediaError> {
        for _ in 0..BETWEEN_BLOCKS {
            if self.end.is_some_and(|end| self.position >= end) {
                return Ok(None);
            }
            let Some(header) = file.header_at(self.position).await? else { return Ok(None) };
            let (Some(size), false) = (header.size, ids::ends_cluster(header.id)) else {
                return Ok(None);
            };
            let offset = self.position;
            let content = offset + header.length as u64;
            let Some(end) = content.checked_add(size).filter(|end| *end <= file.size()) else {
                return Ok(None);
            };
            self.position = end;
            match header.id {
                ids::TIMESTAMP => {
                    let length = size.min(TIMESTAMP_SIZE) as usize;
                    let bytes = file.read_up_to(content, length).await?;
                    self.timestamp = i64::try_from(parse_unsigned(&bytes)?).ok();
                }
                ids::SIMPLE_BLOCK => {
                    let block = self.read_block(file, content, size).await?;
                    return Ok(Some(StoredBlock { offset, end, ..block }));
                }
                ids::BLOCK_GROUP => {
                    let Some(inner) = file.header_at(content).await? else { return Ok(None) };
                    let (ids::BLOCK, Some(size)) = (inner.id, inner.size) else { continue };
                    let content = content + inner.length as u64;
                    let block = self.read_block(file, content, size).await?;
                    return Ok(Some(StoredBlock { offset, end, keyframe: None, ..block }));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    async fn read_block(
        &self,
        file: &mut BufferedFile<'_>,
        content: u64,
        size: u64,
    ) -> Result<StoredBlock, MediaError> {
        let bytes = file.read_up_to(content, size.min(HEADER_MAX as u64) as usize).await?;
        let header = BlockHeader::parse(&bytes)?;
        let time = self.timestamp.and_then(|base| base.checked_add(i64::from(header.time)));
        let time =
            time.ok_or_else(|| MediaError::damaged("a block before its cluster's time stamp"))?;
        let block_end = content.saturating_add(size);
        Ok(StoredBlock {
            track: header.track,
            time,
            offset: 0,
            frame: content + header.length as u64,
            end: block_end,
            keyframe: Some(header.keyframe),
            block_end,
        })
    }
}

impl StoredBlock {
    /// Whether decoding can start here. For a block in a group, this reads what
    /// the group has behind it.
    ///
    /// # Errors
    /// Those of the file, and when no element starts where one has to.
    pub async fn is_keyframe(&self, file: &mut BufferedFile<'_>) -> Result<bool, MediaError> {
        if let Some(keyframe) = self.keyframe {
            return Ok(keyframe);
        }
        let mut offset = self.block_end;
        while offset < self.end {
            let Some(header) = file.header_at(offset).await? else { break };
            if header.id == ids::REFERENCE_BLOCK {
                return Ok(false);
            }
            let Some(size) = header.size else { break };
            offset = offset.saturating_add(header.length as u64).saturating_add(size);
        }
        Ok(true)
    }
}

/// The time stamp, ticks, of the cluster whose content starts with `bytes`; none
/// when they end before it.
pub fn find_timestamp(bytes: &[u8]) -> Option<u64> {
    for child in children(bytes) {
        match child.ok()? {
            (ids::TIMESTAMP, content) => return parse_unsigned(content).ok(),
            (ids::SIMPLE_BLOCK | ids::BLOCK_GROUP, _) => return None,
            _ => {}
        }
    }
    None
}
