//! What the first clusters say of all of them: when the file starts, and by how
//! much audio and video are stored apart.

use crate::matroska::buffered_file::BufferedFile;
use crate::matroska::cluster::{ClusterCursor, StoredBlock};
use crate::matroska::segment_head::SegmentHead;
use crate::{MediaError, TrackKind};

/// Bytes from the first cluster on that are read where the buffered start of
/// the file does not reach so far.
const BYTES: u64 = 64 * 1024;
/// Most blocks that are read.
const BLOCKS: usize = 20_000;
/// Bytes of a keyframe that are kept.
const KEYFRAME: usize = 32;

/// What the first clusters say.
#[derive(Debug, Clone, Default)]
pub struct Interleaving {
    /// Least time stamp, ticks.
    pub start: i64,
    /// Most ticks by which audio is later than video that is stored behind it.
    pub audio_ahead: i64,
    /// Most ticks by which audio is earlier than video that is stored before it.
    pub audio_behind: i64,
    /// First bytes of the video's first keyframe, if it was found.
    pub keyframe: Vec<u8>,
}

/// Reads the headers of the first blocks.
///
/// # Errors
/// Those of the file.
pub async fn read_interleaving(
    file: &mut BufferedFile<'_>,
    head: &SegmentHead,
) -> Result<Interleaving, MediaError> {
    let Some(first) = head.first_cluster else { return Ok(Interleaving::default()) };
    let until = file.buffered_start().max(first.saturating_add(BYTES)).min(head.end);
    let mut latest = LatestTimes::default();
    let (mut cluster, mut blocks) = (first, 0);
    // Where the file can't be read, what was read before has to do.
    'clusters: while let Ok(Some(mut cursor)) = ClusterCursor::open(file, cluster).await {
        while let Ok(Some(block)) = cursor.next_block(file).await {
            latest.add_block(file, head, &block).await?;
            blocks += 1;
            if cursor.position >= until || blocks >= BLOCKS {
                break 'clusters;
            }
        }
        let next = cursor.end.unwrap_or(cursor.position);
        if next <= cluster || next >= until {
            break;
        }
        cluster = next;
    }
    Ok(Interleaving { start: latest.start.unwrap_or(0), ..latest.found })
}

/// The latest times so far, ticks, of video and of audio.
#[derive(Default)]
struct LatestTimes {
    start: Option<i64>,
    video: Option<i64>,
    audio: Option<i64>,
    found: Interleaving,
}

impl LatestTimes {
    async fn add_block(
        &mut self,
        file: &mut BufferedFile<'_>,
        head: &SegmentHead,
        block: &StoredBlock,
    ) -> Result<(), MediaError> {
        let entry = head.entries.iter().find(|entry| u64::from(entry.track.id) == block.track);
        let Some(entry) = entry else { return Ok(()) };
        let time = block.time;
        match entry.track.kind {
            TrackKind::Video => {
                if self.video.is_none() {
                    self.found.keyframe = file.read_up_to(block.frame, KEYFRAME).await?.to_vec();
                }
                let latest = self.video.map_or(time, |latest| latest.max(time));
                self.video = Some(latest);
                let ahead = self.audio.map_or(0, |audio| audio.saturating_sub(latest));
                self.found.audio_ahead = self.found.audio_ahead.max(ahead);
            }
            TrackKind::Audio => {
                self.audio = Some(self.audio.map_or(time, |latest| latest.max(time)));
                let behind = self.video.map_or(0, |video| video.saturating_sub(time));
                self.found.audio_behind = self.found.audio_behind.max(behind);
            }
        }
        self.start = Some(self.start.map_or(time, |start| start.min(time)));
        Ok(())
    }
}
