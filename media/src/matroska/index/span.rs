//! The words of the index search: which blocks are wanted, and which clusters
//! hold them. Times are in the segment's ticks.

/// The blocks that a span needs.
#[derive(Debug, Clone, Copy)]
pub struct WantedBlocks {
    /// First time of the span.
    pub start: u64,
    /// First time after the span.
    pub end: u64,
    /// Number of the reference track, whose keyframes decide where decoding can
    /// start: the video track, or the audio track when no video is wanted.
    pub reference_track: u64,
    /// Whether the reference track is video.
    pub has_video: bool,
    /// Whether frames of the reference track may be stored in another order
    /// than they are presented in.
    pub reordered: bool,
    /// Number of the audio track that is wanted beside the video, if any.
    pub audio_track: Option<u64>,
    /// Pre-roll: ticks by which wanted audio may be stored ahead of video that
    /// is presented before it.
    pub preroll: u64,
    /// Reordering delay: ticks by which a wanted block may be stored behind a
    /// keyframe that is presented after it.
    pub reordering_delay: u64,
    /// Ticks in a second.
    pub ticks_per_second: u64,
}

impl WantedBlocks {
    /// The time at or before which the first cluster has to start.
    pub fn first_time(&self) -> u64 {
        self.start.saturating_sub(self.preroll)
    }

    /// The last time at which a cluster may start that holds a wanted block.
    pub fn last_time(&self) -> u64 {
        self.end.saturating_add(self.reordering_delay.max(1)) - 1
    }
}

/// A place before a block or a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockBoundary {
    /// Offset of the cluster, or of what follows the last one.
    pub cluster: u64,
    /// Offset of the block within that cluster; the cluster's own offset when
    /// the boundary is right before the cluster.
    pub block: u64,
}

impl BlockBoundary {
    /// The boundary right before a cluster.
    pub fn before_cluster(cluster: u64) -> BlockBoundary {
        BlockBoundary { cluster, block: cluster }
    }

    /// Whether blocks of its cluster are before it.
    pub fn is_inside_cluster(&self) -> bool {
        self.block > self.cluster
    }
}

/// The blocks from one boundary up to another one.
#[derive(Debug, Clone, Copy)]
pub struct BlockRange {
    /// Before the first block that is needed.
    pub from: BlockBoundary,
    /// Behind the last block that is needed.
    pub to: BlockBoundary,
}
