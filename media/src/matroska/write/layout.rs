//! In which order blocks are written, and which cluster each one is in.

use clipmill_core::Timescale;

use super::ebml;
use super::track_entry::codec_delay_nanos;
use crate::matroska::ids;
use crate::mux::OutTrack;
use crate::{MediaError, TrackKind};

/// Most milliseconds from a cluster's start to its last block.
const LONGEST_MS: i64 = 5000;
/// Least milliseconds of a cluster before another one starts at a keyframe.
const SHORTEST_MS: i64 = 500;
/// Least bytes of a cluster before another one starts.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Bytes of a block before the sample: track, time and flags.
const BLOCK_HEADER: u64 = 4;

/// A sample in its block.
#[derive(Debug, Clone, Copy)]
pub struct BlockLayout {
    /// Index of its track.
    pub track: usize,
    /// Index of the sample in its track.
    pub sample: usize,
    /// Milliseconds.
    pub time: i64,
    /// Bytes of the sample.
    size: u64,
}

impl BlockLayout {
    fn length(&self) -> u64 {
        simple_block_header(self.size).len() as u64 + BLOCK_HEADER + self.size
    }
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct ClusterLayout {
    /// Milliseconds of its first block.
    pub time: i64,
    /// Indices of its blocks.
    pub blocks: std::ops::Range<usize>,
    /// Bytes of its content.
    pub size: u64,
}

impl ClusterLayout {
    /// Bytes with its header.
    pub fn length(&self) -> u64 {
        ebml::header(ids::CLUSTER, self.size).len() as u64 + self.size
    }
}

/// An entry of the index.
#[derive(Debug, Clone, Copy)]
pub struct CueLayout {
    /// Milliseconds.
    pub time: i64,
    /// Index of its track.
    pub track: usize,
    /// Index of its cluster.
    pub cluster: usize,
    /// Bytes from the cluster's content to the block.
    pub relative_position: u64,
}

/// All that follows the tracks of a file.
#[derive(Debug, Default)]
pub struct FileLayout {
    /// All blocks.
    pub blocks: Vec<BlockLayout>,
    /// All clusters.
    pub clusters: Vec<ClusterLayout>,
    /// The index.
    pub cues: Vec<CueLayout>,
    /// Milliseconds.
    pub duration: f64,
}

/// The header of the element of a sample of so many bytes.
pub fn simple_block_header(sample_size: u64) -> Vec<u8> {
    ebml::header(ids::SIMPLE_BLOCK, sample_size + BLOCK_HEADER)
}

/// Lays out a file.
///
/// # Errors
/// When there is nothing to write, or times make no sense.
pub fn lay_out(tracks: &[OutTrack]) -> Result<FileLayout, MediaError> {
    let mut layout = FileLayout { blocks: interleave(tracks)?, ..FileLayout::default() };
    if layout.blocks.is_empty() {
        return Err(MediaError::nothing("no samples to write"));
    }
    let is_video = |track: usize| tracks[track].track.kind == TrackKind::Video;
    let reference = (0..tracks.len()).find(|track| is_video(*track)).unwrap_or(0);
    let has_video = is_video(reference);
    for index in 0..layout.blocks.len() {
        let block = layout.blocks[index];
        let out = &tracks[block.track];
        let sample = &out.samples[block.sample];
        let is_reference = block.track == reference && sample.sync;
        if layout.needs_new_cluster(&block, has_video && is_reference) {
            let size = ebml::unsigned(ids::TIMESTAMP, block.time.unsigned_abs()).len() as u64;
            layout.clusters.push(ClusterLayout { time: block.time, blocks: index..index, size });
        }
        let cluster = layout.clusters.len() - 1;
        // Every packet of audio is a keyframe: one cue in a cluster is enough.
        let has_cue = layout.cues.last().is_some_and(|cue| cue.cluster == cluster);
        let last = &mut layout.clusters[cluster];
        if is_reference && (has_video || !has_cue) {
            let (time, track, relative_position) = (block.time, block.track, last.size);
            layout.cues.push(CueLayout { time, track, cluster, relative_position });
        }
        last.blocks.end = index + 1;
        last.size += block.length();
        let duration = f64::from(sample.duration) * 1000.0 / f64::from(out.track.timescale.get());
        // What audio skips at its start is not presented at its end either.
        let skipped = codec_delay_nanos(out) as f64 / 1e6;
        layout.duration = layout.duration.max(block.time as f64 + duration - skipped);
    }
    Ok(layout)
}

impl FileLayout {
    fn needs_new_cluster(&self, block: &BlockLayout, is_keyframe: bool) -> bool {
        self.clusters.last().is_none_or(|cluster| {
            let after = block.time - cluster.time;
            let is_full =
                after > LONGEST_MS || after < i64::from(i16::MIN) || cluster.size > LARGEST;
            is_full || (is_keyframe && after >= SHORTEST_MS)
        })
    }
}

/// All blocks in the order of decoding, tracks side by side.
fn interleave(tracks: &[OutTrack]) -> Result<Vec<BlockLayout>, MediaError> {
    // Each with the time by which it has to be decoded.
    let mut all: Vec<(i64, BlockLayout)> = Vec::new();
    for (track, out) in tracks.iter().enumerate() {
        let times = sample_times(out)?;
        // The times of decoding are those of presentation, sorted.
        let mut sorted = times.clone();
        sorted.sort_unstable();
        for (sample, (time, due)) in times.into_iter().zip(sorted).enumerate() {
            let size = out.samples[sample].data.size();
            all.push((due, BlockLayout { track, sample, time, size }));
        }
    }
    let is_audio = |block: &BlockLayout| tracks[block.track].track.kind == TrackKind::Audio;
    all.sort_by_key(|(due, block)| (*due, is_audio(block), block.track, block.sample));
    // Nothing is before 0: what would be moves everything.
    let least = all.iter().map(|(_, block)| block.time).min().unwrap_or(0).min(0);
    let millis =
        |nanos: i64| nanos.saturating_sub(least).saturating_add(500_000).div_euclid(1_000_000);
    let in_millis = |block: BlockLayout| BlockLayout { time: millis(block.time), ..block };
    Ok(all.into_iter().map(|(_, block)| in_millis(block)).collect())
}

/// When each sample of a track is presented, nanoseconds.
fn sample_times(out: &OutTrack) -> Result<Vec<i64>, MediaError> {
    let delay = codec_delay_nanos(out);
    let nanos = |pts: i64| {
        let ticks = out.start.checked_add(pts)?;
        out.track.timescale.rescale(ticks, Timescale::NANOS).checked_add_unsigned(delay)
    };
    let damaged = || MediaError::damaged("a time stamp makes no sense");
    out.samples.iter().map(|sample| nanos(sample.pts).ok_or_else(damaged)).collect()
}
