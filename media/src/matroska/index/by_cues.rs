//! Finding a span's blocks by the index.

use super::cluster_search::ClusterSearch;
use super::span::{BlockBoundary, BlockRange, WantedBlocks};
use crate::MediaError;
use crate::matroska::buffered_file::BufferedFile;
use crate::matroska::cluster::ClusterCursor;
use crate::matroska::cues::IndexEntry;
use crate::matroska::segment_head::SegmentHead;

/// Most bytes of audio before a keyframe in its cluster that are copied along.
const AUDIO_BEFORE_KEYFRAME: u64 = 4096;
/// Seconds between two entries of the index beyond which clusters between them
/// are searched.
const SPARSE_SECONDS: u64 = 10;
/// Bytes between two entries of the index beyond which clusters between them are
/// searched.
const SPARSE_BYTES: u64 = 1024 * 1024;
/// Bytes of a cluster's content within which its first block starts.
const FIRST_BLOCK: u64 = 64;
/// Most entries of the index that are tried for the end of a span.
const ENTRIES_TRIED: usize = 64;
/// Most blocks of a cluster that are read.
const BLOCKS: usize = 96;
/// Most bytes behind a keyframe in which blocks are read.
const BYTES_BEHIND_KEYFRAME: u64 = 4 * 1024 * 1024;

/// The blocks of a span; none when the index does not say where they are.
///
/// # Errors
/// Those of the file.
pub async fn find_blocks(
    file: &mut BufferedFile<'_>,
    head: &SegmentHead,
    cues: &[IndexEntry],
    wanted: &WantedBlocks,
) -> Result<Option<BlockRange>, MediaError> {
    let entries = usable_entries(cues, wanted);
    let first_time = wanted.first_time();
    let first = entries.partition_point(|entry| entry.time <= first_time).saturating_sub(1);
    let Some(entry) = entries.get(first).copied() else { return Ok(None) };
    let after = entries.partition_point(|entry| entry.time < wanted.end).max(first + 1);
    let after = entries.get(after..).unwrap_or_default();

    let is_sparse =
        |from: u64, to: u64| to.saturating_sub(from) > SPARSE_SECONDS * wanted.ticks_per_second;
    let mut from = match head.first_cluster {
        // Nothing that is wanted is stored before the first keyframe but audio.
        Some(cluster) if entry.time > first_time => {
            BlockBoundary::before_cluster(cluster.min(entry.cluster))
        }
        _ => boundary_at_entry(file, &entry).await?,
    };
    let clusters_end = head.clusters_end(entry.cluster);
    let bound = after.first().map_or(clusters_end, |next| next.cluster);
    let mut search = ClusterSearch::new(bound);
    let is_long = bound.saturating_sub(entry.cluster) > SPARSE_BYTES;
    // Audio can start anywhere, not only where the index has an entry.
    if is_long
        && !wanted.has_video
        && is_sparse(entry.time, first_time)
        && let Some(low) = search.cluster_at(file, entry.cluster).await?
    {
        let last = search.last_cluster_until(file, low, first_time).await?.last;
        from = BlockBoundary::before_cluster(last.offset);
    }
    if is_long
        && after.first().is_none_or(|next| is_sparse(wanted.end, next.time))
        && let Some(low) = search.cluster_at(file, from.cluster).await?
        && let Some(next) = search.last_cluster_until(file, low, wanted.last_time()).await?.next
    {
        return Ok(Some(BlockRange { from, to: BlockBoundary::before_cluster(next.offset) }));
    }
    let to = find_end(file, after, from, wanted).await?;
    let to = to.unwrap_or_else(|| BlockBoundary::before_cluster(clusters_end));
    Ok(Some(BlockRange { from, to }))
}

/// The entries of the reference track. Audio that has none uses all of them.
fn usable_entries(cues: &[IndexEntry], wanted: &WantedBlocks) -> Vec<IndexEntry> {
    let own = cues.iter().filter(|entry| entry.track == wanted.reference_track);
    let mut entries: Vec<IndexEntry> = own.copied().collect();
    if entries.is_empty() && !wanted.has_video {
        entries = cues.to_vec();
    }
    // Later frames are stored later; entries that say otherwise are damaged.
    let mut last = (0, 0);
    entries.retain(|entry| {
        let position = (entry.cluster, entry.relative_position);
        let is_later = position >= last;
        last = last.max(position);
        is_later
    });
    entries
}

/// The boundary before an entry's block, as far as the index says where it is.
/// Audio that is stored right before it in its cluster is copied along.
async fn boundary_at_entry(
    file: &mut BufferedFile<'_>,
    entry: &IndexEntry,
) -> Result<BlockBoundary, MediaError> {
    let before_cluster = BlockBoundary::before_cluster(entry.cluster);
    if entry.relative_position <= FIRST_BLOCK {
        return Ok(before_cluster);
    }
    if entry.relative_position <= AUDIO_BEFORE_KEYFRAME
        && let Some(mut cursor) = ClusterCursor::open(file, entry.cluster).await?
    {
        for _ in 0..BLOCKS {
            let Some(block) = cursor.next_block(file).await.ok().flatten() else { break };
            if block.track != entry.track {
                continue;
            }
            if block.offset - cursor.content == entry.relative_position {
                return Ok(before_cluster);
            }
            break;
        }
    }
    Ok(boundary_before_block(file, entry).await?.unwrap_or(before_cluster))
}

/// Where the blocks of a span end, by the entries after it; none when these do
/// not say where.
async fn find_end(
    file: &mut BufferedFile<'_>,
    after: &[IndexEntry],
    from: BlockBoundary,
    wanted: &WantedBlocks,
) -> Result<Option<BlockBoundary>, MediaError> {
    let mut failed = None;
    for entry in after.iter().take(ENTRIES_TRIED) {
        if failed == Some((entry.cluster, entry.relative_position)) {
            continue;
        }
        let boundary = match entry.relative_position {
            0 => boundary_before_first_block(file, entry).await?,
            position if position <= FIRST_BLOCK => {
                Some(BlockBoundary::before_cluster(entry.cluster))
            }
            _ => boundary_before_block(file, entry).await?,
        };
        match boundary.filter(|boundary| boundary.block > from.block) {
            Some(boundary) => return end_behind(file, entry, boundary, wanted).await.map(Some),
            None => failed = Some((entry.cluster, entry.relative_position)),
        }
    }
    Ok(None)
}

/// The boundary before an entry's cluster, if no block of the entry's track is
/// stored before the entry in it.
async fn boundary_before_first_block(
    file: &mut BufferedFile<'_>,
    entry: &IndexEntry,
) -> Result<Option<BlockBoundary>, MediaError> {
    let Some(mut cursor) = ClusterCursor::open(file, entry.cluster).await? else { return Ok(None) };
    for _ in 0..BLOCKS {
        let Some(block) = cursor.next_block(file).await.ok().flatten() else { return Ok(None) };
        if block.track == entry.track {
            let is_first = u64::try_from(block.time).is_ok_and(|time| time >= entry.time);
            return Ok(is_first.then_some(BlockBoundary::before_cluster(entry.cluster)));
        }
    }
    Ok(None)
}

/// The boundary before an entry's block, if there is one where the index has it.
async fn boundary_before_block(
    file: &mut BufferedFile<'_>,
    entry: &IndexEntry,
) -> Result<Option<BlockBoundary>, MediaError> {
    let Some(mut cursor) = ClusterCursor::open(file, entry.cluster).await? else { return Ok(None) };
    let Some(offset) = cursor.content.checked_add(entry.relative_position) else {
        return Ok(None);
    };
    if cursor.read_timestamp(file).await?.is_none() {
        return Ok(None);
    }
    cursor.position = offset;
    // No element may start there; then the index is wrong, not the file.
    let block = cursor.next_block(file).await.ok().flatten();
    let block = block.filter(|block| {
        block.offset == offset
            && block.track == entry.track
            && u64::try_from(block.time) == Ok(entry.time)
    });
    Ok(block.map(|_| BlockBoundary { cluster: entry.cluster, block: offset }))
}

/// The end of the last wanted block behind `boundary`, which is where the first
/// entry after the span is: frames may be presented in another order, and audio
/// may be stored behind the video that it is presented with.
async fn end_behind(
    file: &mut BufferedFile<'_>,
    entry: &IndexEntry,
    boundary: BlockBoundary,
    wanted: &WantedBlocks,
) -> Result<BlockBoundary, MediaError> {
    if entry.time.saturating_sub(wanted.end) >= wanted.reordering_delay {
        return Ok(boundary);
    }
    let Some(mut cursor) = ClusterCursor::open(file, entry.cluster).await? else {
        return Ok(boundary);
    };
    if boundary.is_inside_cluster() {
        cursor.read_timestamp(file).await?;
        cursor.position = boundary.block;
    }
    let (begin, mut end) = (cursor.position, boundary);
    // A track is complete when one of its frames shows that no earlier one
    // follows.
    let mut video_complete = !wanted.reordered;
    let mut audio_complete = wanted.audio_track.is_none();
    for _ in 0..BLOCKS {
        if video_complete && audio_complete {
            break;
        }
        let Some(block) = cursor.next_block(file).await.ok().flatten() else { break };
        if block.offset.saturating_sub(begin) > BYTES_BEHIND_KEYFRAME {
            break;
        }
        let time = u64::try_from(block.time).unwrap_or(0);
        let is_reference = block.track == wanted.reference_track;
        let is_audio = Some(block.track) == wanted.audio_track;
        if (is_reference || is_audio) && time < wanted.end {
            end = BlockBoundary { cluster: entry.cluster, block: block.end };
        }
        video_complete |= is_reference && time > entry.time;
        audio_complete |= is_audio && time >= wanted.end;
    }
    Ok(end)
}
