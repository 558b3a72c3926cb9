//! Writing WebM, or Matroska when a codec may not be in WebM: index in front,
//! one cue for each keyframe, clusters that begin at keyframes.

mod ebml;
mod plan;
mod tracks;

use std::fs::File;
use std::io::{BufWriter, Write};

pub(crate) use self::ebml::{element, header, header_of_any_size, unsigned};

use self::ebml::{float, id_bytes, master, wide};
use self::plan::{Plan, plan};
use crate::Error;
use crate::matroska::ids;
use crate::mux::copy::Copier;
use crate::mux::{OutTrack, WriteError};

/// Most tracks: their numbers take one byte.
const TRACKS: usize = 126;
/// Bytes that are written at once.
const BUFFER: usize = 1024 * 1024;
/// Who wrote it.
const APP: &[u8] = b"clipmill";

/// Writes a file. Samples are copied from `files`, which their [`Data`] counts.
///
/// A sound that begins before 0 is delayed by so much as its codec's delay
/// (Opus: its pre-skip too), so that players skip exactly that. A picture that
/// begins before 0 moves everything, since Matroska can't hide frames.
///
/// [`Data`]: super::Data
///
/// # Errors
/// When there are no samples, more than 126 tracks, or a codec that can't be
/// in Matroska; those of the files.
pub fn write(out: &mut impl Write, tracks: &[OutTrack], files: &[&File]) -> Result<(), WriteError> {
    if tracks.len() > TRACKS {
        return Err(Error::too_large("more than 126 tracks").into());
    }
    let plan = plan(tracks)?;
    let mut out = BufWriter::with_capacity(BUFFER, out);
    out.write_all(&front(tracks, &plan)?)?;
    let mut copier = Copier::new(&mut out, files);
    for cluster in &plan.clusters {
        let mut head = ebml::header(ids::CLUSTER, cluster.size);
        head.extend(unsigned(ids::TIMESTAMP, cluster.time.unsigned_abs()));
        copier.bytes(&head)?;
        for block in &plan.blocks[cluster.blocks.clone()] {
            let sample = &tracks[block.track].samples[block.sample];
            let mut head = plan::header(sample.data.size());
            // Both are in range: see TRACKS and how clusters are planned.
            head.push(0x80 | (block.track + 1) as u8);
            head.extend(((block.time - cluster.time) as i16).to_be_bytes());
            head.push(if sample.sync { 0x80 } else { 0 });
            copier.bytes(&head)?;
            copier.sample(&sample.data)?;
        }
    }
    copier.flush()?;
    out.flush()?;
    Ok(())
}

/// Everything before the first cluster.
fn front(tracks: &[OutTrack], plan: &Plan) -> Result<Vec<u8>, Error> {
    let info = master(
        ids::INFO,
        &[
            unsigned(ids::TIMESTAMP_SCALE, 1_000_000),
            float(ids::DURATION, plan.duration),
            element(ids::MUXING_APP, APP),
            element(ids::WRITING_APP, APP),
        ],
    );
    let mut entries = Vec::new();
    for (index, out) in tracks.iter().enumerate() {
        entries.push(tracks::entry(out, index as u64 + 1)?);
    }
    let entries = master(ids::TRACKS, &entries);
    // Positions always take 8 bytes, so that sizes don't depend on them.
    let seeks = seek_head([0; 3]).len() as u64;
    let at_info = seeks;
    let at_tracks = at_info + info.len() as u64;
    let at_cues = at_tracks + entries.len() as u64;
    let at_clusters = at_cues + cues(plan, 0).len() as u64;
    let size = plan.clusters.iter().fold(at_clusters, |at, cluster| at + cluster.length());
    let mut made = ebml::document(tracks::webm(tracks));
    made.extend(ebml::header(ids::SEGMENT, size));
    made.extend(seek_head([at_info, at_tracks, at_cues]));
    made.extend(info);
    made.extend(entries);
    made.extend(cues(plan, at_clusters));
    Ok(made)
}

/// Where the information, the tracks and the cues are.
fn seek_head(places: [u64; 3]) -> Vec<u8> {
    let seek = |(id, at): (u32, u64)| {
        master(ids::SEEK, &[element(ids::SEEK_ID, &id_bytes(id)), wide(ids::SEEK_POSITION, at)])
    };
    let ids = [ids::INFO, ids::TRACKS, ids::CUES];
    let seeks: Vec<_> = ids.into_iter().zip(places).map(seek).collect();
    master(ids::SEEK_HEAD, &seeks)
}

/// The cues, when clusters begin at `first`.
fn cues(plan: &Plan, first: u64) -> Vec<u8> {
    let mut places = Vec::with_capacity(plan.clusters.len());
    let mut at = first;
    for cluster in &plan.clusters {
        places.push(at);
        at += cluster.length();
    }
    let mut made = Vec::new();
    for cue in &plan.cues {
        let position = master(
            ids::CUE_TRACK_POSITIONS,
            &[
                unsigned(ids::CUE_TRACK, cue.track as u64 + 1),
                wide(ids::CUE_CLUSTER_POSITION, places[cue.cluster]),
                unsigned(ids::CUE_RELATIVE_POSITION, cue.at),
            ],
        );
        let time = unsigned(ids::CUE_TIME, cue.time.unsigned_abs());
        made.extend(master(ids::CUE_POINT, &[time, position]));
    }
    element(ids::CUES, &made)
}
