//! Writing WebM, or Matroska when a codec may not be in WebM: the index in
//! front, one cue for each keyframe, clusters that start at keyframes.
//!
//! ```text
//! EBML, Segment (known size), SeekHead, Info, Tracks, Cues, Cluster ...
//! ```

pub(super) mod ebml;
mod layout;
mod track_entry;

use std::fs::File;
use std::io::{BufWriter, Write};

use self::ebml::{element, float, id_bytes, master, unsigned, unsigned_of_8_bytes};
use self::layout::{FileLayout, lay_out, simple_block_header};
use super::ids;
use crate::MediaError;
use crate::mux::copy::SampleCopier;
use crate::mux::{OutTrack, WriteError};

/// Most tracks: their numbers take one byte.
const TRACKS: usize = 126;
/// Bytes that are written at once.
const BUFFER: usize = 1024 * 1024;
/// `MuxingApp` and `WritingApp`.
const APP: &[u8] = b"clipmill";

/// Writes a file. Samples are copied from `files`, which their
/// [`SampleData`](crate::mux::SampleData) counts.
///
/// Audio that starts before 0 is delayed by so much as its codec's delay (Opus:
/// its pre-skip too), so that players skip exactly that. Video that starts
/// before 0 moves everything, since Matroska can't hide frames.
///
/// # Errors
/// When there are no samples, more than 126 tracks, or a codec that can't be
/// in Matroska; those of the files.
pub fn write(out: &mut dyn Write, tracks: &[OutTrack], files: &[&File]) -> Result<(), WriteError> {
    if tracks.len() > TRACKS {
        return Err(MediaError::too_large("more than 126 tracks").into());
    }
    let layout = lay_out(tracks)?;
    let mut out = BufWriter::with_capacity(BUFFER, out);
    out.write_all(&file_head(tracks, &layout)?)?;
    let mut copier = SampleCopier::new(&mut out, files);
    for cluster in &layout.clusters {
        let mut head = ebml::header(ids::CLUSTER, cluster.size);
        head.extend(unsigned(ids::TIMESTAMP, cluster.time.unsigned_abs()));
        copier.write_bytes(&head)?;
        for block in &layout.blocks[cluster.blocks.clone()] {
            let sample = &tracks[block.track].samples[block.sample];
            let mut head = simple_block_header(sample.data.size());
            // Both are in range: see TRACKS and how clusters are laid out.
            head.push(0x80 | (block.track + 1) as u8);
            head.extend(((block.time - cluster.time) as i16).to_be_bytes());
            head.push(if sample.sync { 0x80 } else { 0 });
            copier.write_bytes(&head)?;
            copier.write_sample(&sample.data)?;
        }
    }
    copier.flush()?;
    out.flush()?;
    Ok(())
}

/// Everything before the first cluster.
fn file_head(tracks: &[OutTrack], layout: &FileLayout) -> Result<Vec<u8>, MediaError> {
    let info = master(
        ids::INFO,
        &[
            unsigned(ids::TIMESTAMP_SCALE, 1_000_000),
            float(ids::DURATION, layout.duration),
            element(ids::MUXING_APP, APP),
            element(ids::WRITING_APP, APP),
        ],
    );
    let mut entries = Vec::new();
    for (index, out) in tracks.iter().enumerate() {
        entries.push(track_entry::track_entry(out, index as u64 + 1)?);
    }
    let entries = master(ids::TRACKS, &entries);
    // Positions always take 8 bytes, so that sizes don't depend on them.
    let info_at = seek_head([0; 3]).len() as u64;
    let tracks_at = info_at + info.len() as u64;
    let cues_at = tracks_at + entries.len() as u64;
    let clusters_at = cues_at + cues(layout, 0).len() as u64;
    let size = layout.clusters.iter().fold(clusters_at, |at, cluster| at + cluster.length());
    let mut head = ebml::ebml_header(track_entry::fits_webm(tracks));
    head.extend(ebml::header(ids::SEGMENT, size));
    head.extend(seek_head([info_at, tracks_at, cues_at]));
    head.extend(info);
    head.extend(entries);
    head.extend(cues(layout, clusters_at));
    Ok(head)
}

/// The positions of the information, the tracks and the cues.
fn seek_head(positions: [u64; 3]) -> Vec<u8> {
    let seek = |(id, position): (u32, u64)| {
        master(
            ids::SEEK,
            &[
                element(ids::SEEK_ID, &id_bytes(id)),
                unsigned_of_8_bytes(ids::SEEK_POSITION, position),
            ],
        )
    };
    let ids = [ids::INFO, ids::TRACKS, ids::CUES];
    let seeks: Vec<_> = ids.into_iter().zip(positions).map(seek).collect();
    master(ids::SEEK_HEAD, &seeks)
}

/// The cues, when the first cluster is at this position.
fn cues(layout: &FileLayout, first_cluster: u64) -> Vec<u8> {
    let mut positions = Vec::with_capacity(layout.clusters.len());
    let mut position = first_cluster;
    for cluster in &layout.clusters {
        positions.push(position);
        position += cluster.length();
    }
    let mut points = Vec::new();
    for cue in &layout.cues {
        let track_positions = master(
            ids::CUE_TRACK_POSITIONS,
            &[
                unsigned(ids::CUE_TRACK, cue.track as u64 + 1),
                unsigned_of_8_bytes(ids::CUE_CLUSTER_POSITION, positions[cue.cluster]),
                unsigned(ids::CUE_RELATIVE_POSITION, cue.relative_position),
            ],
        );
        let time = unsigned(ids::CUE_TIME, cue.time.unsigned_abs());
        points.extend(master(ids::CUE_POINT, &[time, track_positions]));
    }
    element(ids::CUES, &points)
}
