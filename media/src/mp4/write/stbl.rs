//! The sample tables (ISO/IEC 14496-12, 8.6 and 8.7).

use super::boxes::{boxed, count, full_box, table, words};
use super::chunks::Chunk;
use crate::MediaError;
use crate::mux::{OutSample, OutTrack};

/// The times of a track as the tables have them: the decoding times are its
/// presentation times in rising order, so that the first sample is at 0 in every
/// player and no edit list is needed for reordering.
pub(super) struct TrackTimes {
    /// From one sample to the next in decoding order, ticks.
    deltas: Vec<u32>,
    /// Presentation minus decoding time, ticks.
    composition_offsets: Vec<i32>,
    /// From the first sample until the last one is over, ticks.
    pub duration: u64,
}

impl TrackTimes {
    pub fn new(track: &OutTrack) -> Result<TrackTimes, MediaError> {
        let mut rising: Vec<(i64, u32)> =
            track.samples.iter().map(|sample| (sample.pts, sample.duration)).collect();
        rising.sort_unstable();
        let (Some(first), Some(last)) = (rising.first(), rising.last()) else {
            return Err(MediaError::nothing("a track has no samples"));
        };
        let too_far = || MediaError::too_large("the times of a track are too far apart");
        let delta = |from: i64, to: i64| {
            to.checked_sub(from).and_then(|delta| u32::try_from(delta).ok()).ok_or_else(too_far)
        };
        let duration = i128::from(last.0) - i128::from(first.0) + i128::from(last.1);
        let mut deltas = Vec::with_capacity(rising.len());
        for pair in rising.windows(2) {
            let [(from, _), (to, _)] = pair else { continue };
            deltas.push(delta(*from, *to)?);
        }
        deltas.push(last.1);
        let offset = |(sample, dts): (&OutSample, &(i64, u32))| {
            sample.pts.checked_sub(dts.0).and_then(|offset| i32::try_from(offset).ok())
        };
        let offsets: Option<Vec<i32>> = track.samples.iter().zip(&rising).map(offset).collect();
        let duration = u64::try_from(duration).map_err(|_| too_far())?;
        Ok(TrackTimes { deltas, composition_offsets: offsets.ok_or_else(too_far)?, duration })
    }
}

/// The samples of a track and where they go.
pub(super) struct TableContent<'a> {
    /// The track.
    pub track: &'a OutTrack,
    /// Its sample entry.
    pub entry: &'a [u8],
    /// When its samples are presented.
    pub times: &'a TrackTimes,
    /// Where they are.
    pub chunks: &'a [Chunk],
    /// Whether offsets have 64 bits.
    pub is_wide: bool,
}

/// `stbl`.
pub(super) fn stbl(content: &TableContent<'_>) -> Result<Vec<u8>, MediaError> {
    let TableContent { track, times, chunks, .. } = *content;
    let mut boxes = vec![full_box(b"stsd", 0, 0, &[&table(1, content.entry)])];
    boxes.push(runs(b"stts", 0, times.deltas.iter().copied()));
    let offsets = &times.composition_offsets;
    if offsets.iter().any(|offset| *offset != 0) {
        // Version 1 has signed offsets.
        let version = u8::from(offsets.iter().any(|offset| *offset < 0));
        boxes.push(runs(b"ctts", version, offsets.iter().map(|offset| offset.cast_unsigned())));
    }
    if track.samples.iter().any(|sample| !sample.sync) {
        let numbers = (1_u32..).zip(&track.samples).filter(|(_, sample)| sample.sync);
        let numbers: Vec<u32> = numbers.map(|(number, _)| number).collect();
        boxes.push(full_box(b"stss", 0, 0, &[&table(numbers.len(), &words(&numbers))]));
    }
    boxes.push(stsc(chunks));
    boxes.push(stsz(track)?);
    boxes.push(if content.is_wide { co64(chunks) } else { stco(chunks) });
    let parts: Vec<&[u8]> = boxes.iter().map(Vec::as_slice).collect();
    Ok(boxed(b"stbl", &parts))
}

/// Equal numbers in a row as one row each.
fn runs(name: &[u8; 4], version: u8, numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut rows: Vec<[u32; 2]> = Vec::new();
    for number in numbers {
        match rows.last_mut() {
            Some([count, same]) if *same == number => *count += 1,
            _ => rows.push([1, number]),
        }
    }
    full_box(name, version, 0, &[&table(rows.len(), &words(&rows.concat()))])
}

fn stsc(chunks: &[Chunk]) -> Vec<u8> {
    let mut rows: Vec<[u32; 3]> = Vec::new();
    for (number, chunk) in (1_u32..).zip(chunks) {
        let samples = count(chunk.samples.len());
        if rows.last().is_none_or(|row| row[1] != samples) {
            rows.push([number, samples, 1]);
        }
    }
    full_box(b"stsc", 0, 0, &[&table(rows.len(), &words(&rows.concat()))])
}

fn stsz(track: &OutTrack) -> Result<Vec<u8>, MediaError> {
    let mut sizes = Vec::with_capacity(track.samples.len());
    for sample in &track.samples {
        let size = u32::try_from(sample.data.size());
        sizes
            .push(size.map_err(|_| MediaError::too_large("a sample is larger than MP4 can hold"))?);
    }
    Ok(full_box(b"stsz", 0, 0, &[&words(&[0]), &table(sizes.len(), &words(&sizes))]))
}

fn co64(chunks: &[Chunk]) -> Vec<u8> {
    let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.offset.to_be_bytes()).collect();
    full_box(b"co64", 0, 0, &[&table(chunks.len(), &bytes)])
}

/// For files that end before 4 GiB.
fn stco(chunks: &[Chunk]) -> Vec<u8> {
    let offset = |chunk: &Chunk| u32::try_from(chunk.offset).unwrap_or(u32::MAX);
    let offsets: Vec<u32> = chunks.iter().map(offset).collect();
    full_box(b"stco", 0, 0, &[&table(offsets.len(), &words(&offsets))])
}
