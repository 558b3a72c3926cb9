//! The parts of a clip file that hold a range of blocks. Whole clusters are
//! copied; one that the range starts or ends in gets a new header.

use super::span::{BlockBoundary, BlockRange};
use crate::MediaError;
use crate::clip_file::ClipPart;
use crate::matroska::buffered_file::BufferedFile;
use crate::matroska::cluster::ClusterCursor;
use crate::matroska::ids;
use crate::matroska::write::ebml::{header, header_of_unknown_size, unsigned};

/// The parts that hold these blocks.
///
/// # Errors
/// Those of the file, and when there is no cluster where one has to be.
pub async fn cluster_parts(
    file: &mut BufferedFile<'_>,
    range: BlockRange,
) -> Result<Vec<ClipPart>, MediaError> {
    let BlockRange { from, to } = range;
    if to.block <= from.block {
        return Err(MediaError::nothing("no frames within the span"));
    }
    let mut parts = Vec::new();
    if from.cluster == to.cluster {
        parts.extend(part_of_cluster(file, from, Some(to.block)).await?);
        return Ok(parts);
    }
    if from.is_inside_cluster() {
        parts.extend(part_of_cluster(file, from, None).await?);
        if let Some(ClipPart::Copied(range)) = parts.last_mut() {
            range.end = to.cluster;
        }
    } else {
        parts.push(ClipPart::Copied(from.cluster..to.cluster));
    }
    if to.is_inside_cluster() {
        let from = BlockBoundary::before_cluster(to.cluster);
        parts.extend(part_of_cluster(file, from, Some(to.block)).await?);
    }
    Ok(parts)
}

/// A cluster with only the blocks from a boundary up to `end`, or to the
/// cluster's own end.
async fn part_of_cluster(
    file: &mut BufferedFile<'_>,
    from: BlockBoundary,
    end: Option<u64>,
) -> Result<[ClipPart; 2], MediaError> {
    let lost = || MediaError::damaged("no cluster where the index has one");
    let mut cursor = ClusterCursor::open(file, from.cluster).await?.ok_or_else(lost)?;
    let (mut timestamp, mut start) = (Vec::new(), cursor.content);
    if from.is_inside_cluster() {
        let time = cursor.read_timestamp(file).await?.ok_or_else(lost)?;
        timestamp = unsigned(ids::TIMESTAMP, time);
        start = from.block;
    }
    let end = end.or(cursor.end);
    let mut head = match end {
        Some(end) => {
            let blocks = end.checked_sub(start).ok_or_else(lost)?;
            header(ids::CLUSTER, timestamp.len() as u64 + blocks)
        }
        None => header_of_unknown_size(ids::CLUSTER),
    };
    head.extend(timestamp);
    Ok([ClipPart::Generated(head), ClipPart::Copied(start..end.unwrap_or(start))])
}
