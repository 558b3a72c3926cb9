//! In which order the samples of all tracks lie in the file.

use std::ops::Range;

use crate::mux::OutTrack;

/// How many chunks a track has in a second: players read all tracks at once, so
/// what is presented at the same time lies close together.
const PER_SECOND: i64 = 2;

/// Samples of one track that lie one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    /// Which samples, in decoding order.
    pub samples: Range<usize>,
    /// Its first byte in the file.
    pub offset: u64,
}

/// The chunks of all tracks.
pub(super) struct ChunkLayout {
    /// Those of each track.
    pub chunks: Vec<Vec<Chunk>>,
    /// All of them in the file's order.
    pub order: Vec<ChunkPlace>,
}

/// One of the chunks of all tracks.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkPlace {
    /// Which track.
    pub track: usize,
    /// Which of its chunks.
    pub chunk: usize,
    /// When it is presented, microseconds.
    start: i64,
}

impl ChunkLayout {
    /// Orders the chunks of all tracks by time. The first one is at `from`.
    pub fn new(tracks: &[OutTrack], from: u64) -> ChunkLayout {
        let mut chunks: Vec<Vec<Chunk>> = tracks.iter().map(split).collect();
        let mut order = Vec::new();
        for (number, (track, chunks)) in tracks.iter().zip(&chunks).enumerate() {
            for (chunk, Chunk { samples, .. }) in chunks.iter().enumerate() {
                let first = track.samples.get(samples.start);
                let ticks = first.map_or(0, |sample| sample.pts.saturating_add(track.start).max(0));
                let start = track.track.timescale.micros_floor(ticks);
                order.push(ChunkPlace { track: number, chunk, start });
            }
        }
        order.sort_by_key(|place| place.start);
        number_in_order(&mut order);
        let mut next = from;
        for place in &order {
            let Some(track) = tracks.get(place.track) else { continue };
            let own = chunks.get_mut(place.track).and_then(|chunks| chunks.get_mut(place.chunk));
            let Some(chunk) = own else { continue };
            chunk.offset = next;
            let samples = track.samples.get(chunk.samples.clone()).unwrap_or_default();
            next += samples.iter().map(|sample| sample.data.size()).sum::<u64>();
        }
        ChunkLayout { chunks, order }
    }
}

/// Numbers the chunks of each track in the order in which they come, so that they
/// stay in decoding order even where the times of their first samples do not.
fn number_in_order(order: &mut [ChunkPlace]) {
    let mut next: Vec<usize> = Vec::new();
    for place in order {
        if next.len() <= place.track {
            next.resize(place.track + 1, 0);
        }
        if let Some(next) = next.get_mut(place.track) {
            place.chunk = *next;
            *next += 1;
        }
    }
}

fn split(track: &OutTrack) -> Vec<Chunk> {
    let most = i64::from(track.track.timescale.get()) / PER_SECOND;
    let mut chunks = Vec::new();
    let mut first = 0;
    let mut start = track.samples.first().map_or(0, |sample| sample.pts);
    for (number, sample) in track.samples.iter().enumerate().skip(1) {
        if sample.pts - start >= most {
            chunks.push(Chunk { samples: first..number, offset: 0 });
            first = number;
            start = sample.pts;
        }
    }
    if first < track.samples.len() {
        chunks.push(Chunk { samples: first..track.samples.len(), offset: 0 });
    }
    chunks
}
