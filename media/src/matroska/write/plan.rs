//! In which order blocks stand, and which cluster each one is in.

use super::ebml;
use super::tracks::delay;
use crate::matroska::ids;
use crate::mux::OutTrack;
use crate::{Error, TrackKind};

/// Most milliseconds from a cluster's beginning to its last block.
const LONGEST: i64 = 5000;
/// Least milliseconds of a cluster before another one begins at a keyframe.
const SHORTEST: i64 = 500;
/// Least bytes of a cluster before another one begins.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Bytes of a block before the sample: track, time and flags.
const HEAD: u64 = 4;

/// One block.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Which track, from 0.
    pub track: usize,
    /// Which of its samples, from 0.
    pub sample: usize,
    /// Milliseconds.
    pub time: i64,
    /// Bytes of the sample.
    size: u64,
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Milliseconds of its first block.
    pub time: i64,
    /// Which blocks.
    pub blocks: std::ops::Range<usize>,
    /// Bytes of its content.
    pub size: u64,
}

impl Cluster {
    /// Bytes with its header.
    pub fn length(&self) -> u64 {
        ebml::header(ids::CLUSTER, self.size).len() as u64 + self.size
    }
}

/// Where decoding can begin.
#[derive(Debug, Clone, Copy)]
pub struct Cue {
    /// Milliseconds.
    pub time: i64,
    /// Which track, from 0.
    pub track: usize,
    /// Which cluster.
    pub cluster: usize,
    /// Bytes from the cluster's content to the block.
    pub at: u64,
}

/// The whole file.
#[derive(Debug, Default)]
pub struct Plan {
    /// All blocks.
    pub blocks: Vec<Block>,
    /// All clusters.
    pub clusters: Vec<Cluster>,
    /// All cues.
    pub cues: Vec<Cue>,
    /// Milliseconds.
    pub duration: f64,
}

/// The header of a block that holds so many bytes.
pub fn header(size: u64) -> Vec<u8> {
    ebml::header(ids::SIMPLE_BLOCK, size + HEAD)
}

/// Plans a file.
///
/// # Errors
/// When there is nothing to write, or times make no sense.
pub fn plan(tracks: &[OutTrack]) -> Result<Plan, Error> {
    let mut plan = Plan { blocks: blocks(tracks)?, ..Plan::default() };
    let is_picture = |track: usize| tracks[track].track.kind == TrackKind::Video;
    let leader = (0..tracks.len()).find(|track| is_picture(*track)).unwrap_or(0);
    for (index, block) in plan.blocks.iter().enumerate() {
        let sample = &tracks[block.track].samples[block.sample];
        let leads = block.track == leader && sample.sync;
        let fresh = plan.clusters.last().is_none_or(|cluster| {
            let after = block.time - cluster.time;
            let long = after > LONGEST || after < i64::from(i16::MIN) || cluster.size > LARGEST;
            long || (leads && is_picture(leader) && after >= SHORTEST)
        });
        if fresh {
            let size = ebml::unsigned(ids::TIMESTAMP, block.time.unsigned_abs()).len() as u64;
            plan.clusters.push(Cluster { time: block.time, blocks: index..index, size });
        }
        let cluster = plan.clusters.len() - 1;
        // There is one: it was just pushed if there was none.
        let Some(last) = plan.clusters.last_mut() else { continue };
        // Every packet of sound is a place to begin at: one in a cluster is enough.
        let cued = plan.cues.last().is_some_and(|cue| cue.cluster == cluster);
        if leads && (is_picture(leader) || !cued) {
            plan.cues.push(Cue { time: block.time, track: block.track, cluster, at: last.size });
        }
        last.blocks.end = index + 1;
        last.size += header(block.size).len() as u64 + HEAD + block.size;
        let out = &tracks[block.track];
        let lasts = f64::from(sample.duration) * 1000.0 / f64::from(out.track.timescale);
        // What a sound skips at its beginning is not heard at its end either.
        let skipped = delay(out) as f64 / 1e6;
        plan.duration = plan.duration.max(block.time as f64 + lasts - skipped);
    }
    if plan.blocks.is_empty() {
        return Err(Error::nothing("no samples to write"));
    }
    Ok(plan)
}

/// All blocks in the order of decoding, tracks side by side.
fn blocks(tracks: &[OutTrack]) -> Result<Vec<Block>, Error> {
    let mut all: Vec<(i64, Block)> = Vec::new();
    for (index, out) in tracks.iter().enumerate() {
        let delay = i128::from(delay(out));
        let scale = i128::from(out.track.timescale);
        if scale == 0 {
            return Err(Error::damaged("a track without ticks"));
        }
        let nanos = |pts: i64| {
            let ticks = i128::from(out.start) + i128::from(pts);
            i64::try_from((ticks * 1_000_000_000).div_euclid(scale) + delay)
                .map_err(|_| Error::damaged("a time stamp makes no sense"))
        };
        let times =
            out.samples.iter().map(|sample| nanos(sample.pts)).collect::<Result<Vec<_>, _>>()?;
        // Sample by sample in decoding order, each at the time by which it has
        // to be decoded: the times of presentation, sorted.
        let mut sorted = times.clone();
        sorted.sort_unstable();
        for (sample, (time, due)) in times.into_iter().zip(sorted).enumerate() {
            let size = out.samples[sample].data.size();
            all.push((due, Block { track: index, sample, time, size }));
        }
    }
    let rank = |block: &Block| usize::from(tracks[block.track].track.kind == TrackKind::Audio);
    all.sort_by_key(|(due, block)| (*due, rank(block), block.track, block.sample));
    // Nothing is before 0: what would be moves everything.
    let least = all.iter().map(|(_, block)| block.time).min().unwrap_or(0).min(0);
    let millis =
        |nanos: i64| nanos.saturating_sub(least).saturating_add(500_000).div_euclid(1_000_000);
    Ok(all.into_iter().map(|(_, block)| Block { time: millis(block.time), ..block }).collect())
}
