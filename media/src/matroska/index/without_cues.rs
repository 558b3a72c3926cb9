//! Finding a span's blocks in a file without an index.

use super::cluster_search::{ClusterSearch, FoundCluster};
use super::span::{BlockBoundary, BlockRange, WantedBlocks};
use crate::MediaError;
use crate::matroska::buffered_file::BufferedFile;
use crate::matroska::cluster::ClusterCursor;
use crate::matroska::segment_head::SegmentHead;

/// Seconds before the span in which a keyframe is looked for, one after the
/// other.
const SECONDS_BACK: [u64; 4] = [0, 3, 10, 30];
/// Bytes of a cluster within which a keyframe is looked for.
const KEYFRAME_WITHIN: u64 = 8 * 1024;
/// Most blocks of a cluster that are read to find a keyframe.
const BLOCKS: usize = 32;

/// The blocks of a span.
///
/// # Errors
/// Those of the file, and when clusters are too far apart to be found.
pub async fn find_blocks(
    file: &mut BufferedFile<'_>,
    head: &SegmentHead,
    wanted: &WantedBlocks,
) -> Result<BlockRange, MediaError> {
    let none = || MediaError::nothing("no frames");
    let first = head.first_cluster.ok_or_else(none)?;
    let mut search = ClusterSearch::new(head.clusters_end(first));
    file.read_ahead = KEYFRAME_WITHIN as usize;
    let low = search.cluster_at(file, first).await?.ok_or_else(none)?;
    let from = find_start(file, &mut search, low, wanted).await?;
    let low = search.cluster_at(file, from.cluster).await?.ok_or_else(none)?;
    let to = match search.last_cluster_until(file, low, wanted.last_time()).await?.next {
        Some(next) => next.offset,
        None => head.clusters_end(first),
    };
    Ok(BlockRange { from, to: BlockBoundary::before_cluster(to) })
}

/// The last keyframe at or before the span that is near its cluster's start; for
/// audio, the last cluster.
async fn find_start(
    file: &mut BufferedFile<'_>,
    search: &mut ClusterSearch,
    low: FoundCluster,
    wanted: &WantedBlocks,
) -> Result<BlockBoundary, MediaError> {
    let first_time = wanted.first_time();
    let mut searched_from = None;
    let mut earliest = low;
    for back in SECONDS_BACK {
        let target = first_time.saturating_sub(back * wanted.ticks_per_second);
        let found = search.last_cluster_until(file, low, target).await?;
        let (mut cluster, mut next) = (found.last, found.next);
        earliest = cluster;
        if !wanted.has_video {
            break;
        }
        let mut best = None;
        loop {
            best = find_keyframe(file, &cluster, wanted).await?.or(best);
            let after = match next.take() {
                Some(next) => Some(next),
                None => search.next_cluster(file, cluster).await?,
            };
            let is_unsearched =
                |after: &FoundCluster| searched_from != Some(*after) && after.time <= first_time;
            let Some(after) = after.filter(is_unsearched) else { break };
            cluster = after;
        }
        if let Some(best) = best {
            return Ok(best);
        }
        if earliest.offset == low.offset {
            break;
        }
        searched_from = Some(earliest);
    }
    // If none was found, keyframes are in the middle of clusters: one of these
    // has one.
    Ok(BlockBoundary::before_cluster(earliest.offset))
}

/// The boundary before the reference track's first keyframe near a cluster's
/// start, if that is not after the wanted start. Muxers start a cluster at a
/// keyframe, but not one cluster right after another.
async fn find_keyframe(
    file: &mut BufferedFile<'_>,
    cluster: &FoundCluster,
    wanted: &WantedBlocks,
) -> Result<Option<BlockBoundary>, MediaError> {
    let Some(mut cursor) = ClusterCursor::open(file, cluster.offset).await? else {
        return Ok(None);
    };
    let mut is_first = true;
    for _ in 0..BLOCKS {
        let Some(block) = cursor.next_block(file).await.ok().flatten() else { return Ok(None) };
        if block.track == wanted.reference_track {
            if block.is_keyframe(file).await? {
                let is_in_time =
                    u64::try_from(block.time).is_ok_and(|time| time <= wanted.first_time());
                let offset = if is_first { cluster.offset } else { block.offset };
                let boundary = BlockBoundary { cluster: cluster.offset, block: offset };
                return Ok(is_in_time.then_some(boundary));
            }
            is_first = false;
        }
        if cursor.position.saturating_sub(cluster.offset) > KEYFRAME_WITHIN {
            return Ok(None);
        }
    }
    Ok(None)
}
