//! `Cues` (RFC 9559, 5.1.5), the index of a file: where decoding can start.

use super::buffered_file::BufferedFile;
use super::ebml::{children, cut_off, parse_unsigned};
use super::ids;
use super::segment_head::SegmentHead;
use crate::MediaError;

/// Most bytes of an index.
const SIZE: u64 = 64 * 1024 * 1024;
/// Most entries of an index.
const ENTRIES: usize = 1_000_000;
/// Bytes of an index that are read at once, before its length is known.
const READ_AHEAD: usize = 32 * 1024;

/// A block at which decoding can start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexEntry {
    /// Ticks.
    pub time: u64,
    /// Number of its track.
    pub track: u64,
    /// Offset of its cluster.
    pub cluster: u64,
    /// Bytes from the cluster's content to the block; 0 when the index has no
    /// `CueRelativePosition`.
    pub relative_position: u64,
}

/// Reads the index, sorted by time; empty when there is none or it can't be
/// used.
///
/// # Errors
/// Those of the file, and when the index is longer than any real one.
pub async fn read_cues(
    file: &mut BufferedFile<'_>,
    head: &SegmentHead,
) -> Result<Vec<IndexEntry>, MediaError> {
    let Some(offset) = head.offset_of(ids::CUES) else { return Ok(Vec::new()) };
    let read_ahead = std::mem::replace(&mut file.read_ahead, READ_AHEAD);
    let header = file.header_at(offset).await;
    file.read_ahead = read_ahead;
    let Ok(Some(header)) = header else { return header.map(|_| Vec::new()) };
    let (ids::CUES, Some(size)) = (header.id, header.size) else { return Ok(Vec::new()) };
    if size > SIZE {
        return Err(MediaError::too_large("the index is too long"));
    }
    let content = file.read_up_to(offset + header.length as u64, size as usize).await?;
    if (content.len() as u64) < size {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for child in children(&content) {
        match child {
            Ok((ids::CUE_POINT, content)) => parse_cue_point(content, head, &mut entries)?,
            Ok(_) => {}
            Err(_) => return Ok(Vec::new()),
        }
    }
    entries.sort_by_key(|entry| (entry.time, entry.cluster, entry.relative_position));
    Ok(entries)
}

/// One time of the index, at which each track has a block.
fn parse_cue_point(
    content: &[u8],
    head: &SegmentHead,
    entries: &mut Vec<IndexEntry>,
) -> Result<(), MediaError> {
    let (mut time, mut positions) = (None, Vec::new());
    for child in children(content) {
        match child? {
            (ids::CUE_TIME, content) => time = Some(parse_unsigned(content)?),
            (ids::CUE_TRACK_POSITIONS, content) => {
                if entries.len() + positions.len() >= ENTRIES {
                    return Err(MediaError::too_large("more than a million entries in the index"));
                }
                positions.push(parse_track_position(content, head)?);
            }
            _ => {}
        }
    }
    if positions.is_empty() {
        return Ok(());
    }
    let time = time.ok_or_else(|| MediaError::damaged("a place of the index has no time"))?;
    // What is outside the segment is of no use, and neither is what is before
    // the first cluster.
    let clusters = head.first_cluster.unwrap_or(head.data)..head.end;
    positions.retain(|entry| clusters.contains(&entry.cluster));
    entries.extend(positions.into_iter().map(|entry| IndexEntry { time, ..entry }));
    Ok(())
}

/// Where a track's block is, without its time.
fn parse_track_position(content: &[u8], head: &SegmentHead) -> Result<IndexEntry, MediaError> {
    let mut entry = IndexEntry::default();
    for child in children(content) {
        match child? {
            (ids::CUE_TRACK, content) => entry.track = parse_unsigned(content)?,
            (ids::CUE_CLUSTER_POSITION, content) => {
                let position = parse_unsigned(content)?;
                entry.cluster = position.checked_add(head.data).ok_or_else(cut_off)?;
            }
            (ids::CUE_RELATIVE_POSITION, content) => {
                entry.relative_position = parse_unsigned(content)?;
            }
            _ => {}
        }
    }
    Ok(entry)
}
