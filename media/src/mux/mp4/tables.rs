//! The sample tables (ISO/IEC 14496-12, 8.6 and 8.7).

use super::boxes::{boxed, full, table, words};
use super::chunks::Chunk;
use crate::Error;
use crate::mux::OutTrack;

/// What the tables need to know of the times of a track: the decoding times,
/// which are its presentation times in rising order, so that the first sample
/// is at 0 in every player and no edit list is needed for reordering.
pub(super) struct Times {
    /// From one sample to the next in decoding order, ticks.
    deltas: Vec<u32>,
    /// Presentation minus decoding time, ticks.
    offsets: Vec<i32>,
    /// From the first sample until the last one is over, ticks.
    pub length: u64,
}

impl Times {
    pub fn of(track: &OutTrack) -> Result<Times, Error> {
        let mut rising: Vec<(i64, u32)> =
            track.samples.iter().map(|sample| (sample.pts, sample.duration)).collect();
        rising.sort_unstable();
        let (Some(first), Some(last)) = (rising.first(), rising.last()) else {
            return Err(Error::nothing("a track has no samples"));
        };
        let wide = || Error::too_large("the times of a track are too far apart");
        let delta = |from: i64, to: i64| {
            to.checked_sub(from).and_then(|delta| u32::try_from(delta).ok()).ok_or_else(wide)
        };
        let length = i128::from(last.0) - i128::from(first.0) + i128::from(last.1);
        let mut deltas = Vec::with_capacity(rising.len());
        for pair in rising.windows(2) {
            let [(from, _), (to, _)] = pair else { continue };
            deltas.push(delta(*from, *to)?);
        }
        deltas.push(last.1);
        let offset = |(sample, dts): (&crate::mux::OutSample, &(i64, u32))| {
            sample.pts.checked_sub(dts.0).and_then(|offset| i32::try_from(offset).ok())
        };
        let offsets: Option<Vec<i32>> = track.samples.iter().zip(&rising).map(offset).collect();
        let length = u64::try_from(length).map_err(|_| wide())?;
        Ok(Times { deltas, offsets: offsets.ok_or_else(wide)?, length })
    }
}

/// `stbl`.
pub(super) fn stbl(
    track: &OutTrack,
    entry: &[u8],
    times: &Times,
    chunks: &[Chunk],
    wide: bool,
) -> Result<Vec<u8>, Error> {
    let mut boxes = vec![full(b"stsd", 0, 0, &[&table(1, entry)])];
    boxes.push(runs(b"stts", 0, times.deltas.iter().copied()));
    if times.offsets.iter().any(|offset| *offset != 0) {
        // Version 1 has signed offsets.
        let version = u8::from(times.offsets.iter().any(|offset| *offset < 0));
        boxes.push(runs(
            b"ctts",
            version,
            times.offsets.iter().map(|offset| offset.cast_unsigned()),
        ));
    }
    if track.samples.iter().any(|sample| !sample.sync) {
        let numbers = (1_u32..).zip(&track.samples).filter(|(_, sample)| sample.sync);
        let numbers: Vec<u32> = numbers.map(|(number, _)| number).collect();
        boxes.push(full(b"stss", 0, 0, &[&table(numbers.len(), &words(&numbers))]));
    }
    boxes.push(stsc(chunks));
    boxes.push(stsz(track)?);
    boxes.push(places(chunks, wide));
    let parts: Vec<&[u8]> = boxes.iter().map(Vec::as_slice).collect();
    Ok(boxed(b"stbl", &parts))
}

/// Equal numbers in a row as one row each.
fn runs(kind: &[u8; 4], version: u8, numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut rows: Vec<[u32; 2]> = Vec::new();
    for number in numbers {
        match rows.last_mut() {
            Some([count, same]) if *same == number => *count += 1,
            _ => rows.push([1, number]),
        }
    }
    full(kind, version, 0, &[&table(rows.len(), &words(&rows.concat()))])
}

fn stsc(chunks: &[Chunk]) -> Vec<u8> {
    let mut rows: Vec<[u32; 3]> = Vec::new();
    for (number, chunk) in (1_u32..).zip(chunks) {
        let count = u32::try_from(chunk.samples.len()).unwrap_or(u32::MAX);
        if rows.last().is_none_or(|row| row[1] != count) {
            rows.push([number, count, 1]);
        }
    }
    full(b"stsc", 0, 0, &[&table(rows.len(), &words(&rows.concat()))])
}

fn stsz(track: &OutTrack) -> Result<Vec<u8>, Error> {
    let mut sizes = Vec::with_capacity(track.samples.len());
    for sample in &track.samples {
        let size = u32::try_from(sample.data.size());
        sizes.push(size.map_err(|_| Error::too_large("a sample is larger than MP4 can hold"))?);
    }
    Ok(full(b"stsz", 0, 0, &[&words(&[0]), &table(sizes.len(), &words(&sizes))]))
}

fn places(chunks: &[Chunk], wide: bool) -> Vec<u8> {
    if wide {
        let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.offset.to_be_bytes()).collect();
        return full(b"co64", 0, 0, &[&table(chunks.len(), &bytes)]);
    }
    // Whoever is not wide ends before 4 GiB.
    let place = |chunk: &Chunk| u32::try_from(chunk.offset).unwrap_or(u32::MAX);
    let places: Vec<u32> = chunks.iter().map(place).collect();
    full(b"stco", 0, 0, &[&table(places.len(), &words(&places))])
}
