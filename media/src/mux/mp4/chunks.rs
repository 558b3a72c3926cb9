//! In which order the samples of all tracks lie in the file.

use std::ops::Range;

use crate::mux::OutTrack;

/// How much of a track lies in one piece, parts of a second: players read both
/// tracks at once.
const PER_SECOND: i64 = 2;

/// Samples of one track that lie one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    /// Which samples, in decoding order.
    pub samples: Range<usize>,
    /// Its first byte in the file.
    pub offset: u64,
}

/// The chunks of each track, and the order of all of them as pairs of track
/// and chunk. The first one is at `from`.
pub(super) fn lay(tracks: &[OutTrack], from: u64) -> (Vec<Vec<Chunk>>, Vec<(usize, usize)>) {
    let mut all: Vec<Vec<Chunk>> = tracks.iter().map(split).collect();
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for (t, (track, chunks)) in tracks.iter().zip(&all).enumerate() {
        for (c, chunk) in chunks.iter().enumerate() {
            let first = track.samples.get(chunk.samples.start);
            let ticks = first.map_or(0, |sample| sample.pts.saturating_add(track.start).max(0));
            let scale = u128::from(track.track.timescale.max(1));
            let micros = u128::from(ticks.unsigned_abs()) * 1_000_000 / scale;
            order.push((u64::try_from(micros).unwrap_or(u64::MAX), t, c));
        }
    }
    // Stable, so that the chunks of one track stay in decoding order even where
    // the times of their first samples do not.
    order.sort_by_key(|(micros, ..)| *micros);
    keep_each_in_order(&mut order);
    let mut at = from;
    for (_, t, c) in &order {
        let (Some(track), Some(chunk)) =
            (tracks.get(*t), all.get_mut(*t).and_then(|chunks| chunks.get_mut(*c)))
        else {
            continue;
        };
        chunk.offset = at;
        let samples = track.samples.get(chunk.samples.clone()).unwrap_or_default();
        at += samples.iter().map(|sample| sample.data.size()).sum::<u64>();
    }
    (all, order.into_iter().map(|(_, t, c)| (t, c)).collect())
}

/// Numbers the chunks of each track in the order in which they come.
fn keep_each_in_order(order: &mut [(u64, usize, usize)]) {
    let mut next: Vec<usize> = Vec::new();
    for (_, track, chunk) in order {
        if next.len() <= *track {
            next.resize(*track + 1, 0);
        }
        if let Some(next) = next.get_mut(*track) {
            *chunk = *next;
            *next += 1;
        }
    }
}

fn split(track: &OutTrack) -> Vec<Chunk> {
    let most = i64::from(track.track.timescale) / PER_SECOND;
    let mut chunks = Vec::new();
    let (mut from, mut began) = (0, 0);
    for (n, sample) in track.samples.iter().enumerate() {
        if n == 0 {
            began = sample.pts;
        } else if sample.pts - began >= most {
            chunks.push(Chunk { samples: from..n, offset: 0 });
            (from, began) = (n, sample.pts);
        }
    }
    if from < track.samples.len() {
        chunks.push(Chunk { samples: from..track.samples.len(), offset: 0 });
    }
    chunks
}
