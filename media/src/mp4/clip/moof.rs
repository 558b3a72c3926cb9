//! The fragment of a clip file.
//!
//! ```text
//! moof
//!   mfhd
//!   traf          for each track; several where its samples lie over 2 GiB apart
//!     tfhd        offset of the data, sample description, common fields
//!     tfdt        when the first sample is decoded
//!     trun        for each stretch of samples that lie one after the other
//! mdat            the header; its content is copied
//! ```

use std::ops::Range;

use super::super::sample::SampleInfo;
use super::super::write::boxes::{boxed, full_box, words};
use crate::clip_file::GAP;
use crate::{ClipPart, MediaError};

/// From this size on, a box needs 64 bits for its size.
const WIDE: u64 = 0xf000_0000;

/// `tfhd`: offset of the data and sample description are there.
const TFHD_FLAGS: u32 = 0x01 | 0x02;
/// `trun`: the offset of its data is there.
const TRUN_FLAGS: u32 = 0x01;

/// Samples of one track that become one fragment.
#[derive(Clone, Copy)]
pub(crate) struct FragmentTrack<'a> {
    /// The track's number.
    pub track: u32,
    /// Which sample description they have.
    pub description: u32,
    /// The samples.
    pub samples: &'a [SampleInfo],
}

/// Samples whose bytes follow each other, and those bytes.
struct SampleStretch<'a> {
    samples: &'a [SampleInfo],
    bytes: Range<u64>,
}

/// A fragment, which is at `offset` in the clip file.
pub(crate) fn fragment(
    tracks: &[FragmentTrack<'_>],
    offset: u64,
) -> Result<Vec<ClipPart>, MediaError> {
    let copied = copied_ranges(tracks);
    let payload: u64 = copied.iter().map(|range| range.end - range.start).sum();
    let mdat = mdat_header(payload);
    // Its length does not depend on the offsets in it.
    let length = moof(tracks, |_| 0)?.len();
    let placement = Placement::new(&copied, offset + (length + mdat.len()) as u64);
    let mut head = moof(tracks, |source| placement.offset_of(source))?;
    head.extend(mdat);
    let copied = copied.into_iter().filter(|range| !range.is_empty()).map(ClipPart::Copied);
    Ok(std::iter::once(ClipPart::Generated(head)).chain(copied).collect())
}

/// The ranges of the original file that are copied, in its order. What lies
/// between two close ones is copied with them.
fn copied_ranges(tracks: &[FragmentTrack<'_>]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> =
        tracks.iter().flat_map(|track| stretches(track.samples)).map(|found| found.bytes).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut copied: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match copied.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => copied.push(range),
        }
    }
    copied
}

fn mdat_header(payload: u64) -> Vec<u8> {
    if payload > WIDE {
        return [&words(&[1])[..], b"mdat", &(payload + 16).to_be_bytes()].concat();
    }
    // Below 4 GiB.
    [&words(&[u32::try_from(payload + 8).unwrap_or(0)])[..], b"mdat"].concat()
}

fn stretches(samples: &[SampleInfo]) -> impl Iterator<Item = SampleStretch<'_>> {
    samples.chunk_by(|one, next| one.end() == next.offset).filter_map(|samples| {
        let bytes = samples.first()?.offset..samples.last()?.end();
        Some(SampleStretch { samples, bytes })
    })
}

/// Where ranges of the original file are in the clip file: one after the other.
struct Placement {
    ranges: Vec<PlacedRange>,
}

struct PlacedRange {
    source: Range<u64>,
    /// Its first byte in the clip file.
    offset: u64,
}

impl Placement {
    fn new(copied: &[Range<u64>], from: u64) -> Placement {
        let mut next = from;
        let place = |source: &Range<u64>| {
            let offset = next;
            next += source.end - source.start;
            PlacedRange { source: source.clone(), offset }
        };
        Placement { ranges: copied.iter().map(place).collect() }
    }

    /// Where a byte of the original file is in the clip file.
    fn offset_of(&self, source: u64) -> u64 {
        let next = self.ranges.partition_point(|range| range.source.start <= source);
        let found = next.checked_sub(1).and_then(|which| self.ranges.get(which));
        found.map_or(0, |range| range.offset + (source - range.source.start))
    }
}

/// By how many ticks all samples of a fragment are presented later than in the
/// original file, before edits: FFmpeg misreads composition offsets below 0 in
/// fragments, so the lowest one becomes 0.
pub(super) fn lowest_composition_offset(samples: &[SampleInfo]) -> u32 {
    let lowest = samples.iter().map(|sample| sample.composition_offset).min().unwrap_or(0);
    lowest.min(0).unsigned_abs()
}

fn moof(
    tracks: &[FragmentTrack<'_>],
    offset_of: impl Fn(u64) -> u64,
) -> Result<Vec<u8>, MediaError> {
    let mut trafs = Vec::new();
    for track in tracks {
        let stretches: Vec<_> = stretches(track.samples).collect();
        // Offsets within a traf have 31 bits.
        let mut rest = &stretches[..];
        while let Some(first) = rest.first() {
            let base = first.bytes.start;
            let is_near = |stretch: &&SampleStretch<'_>| {
                let start = stretch.bytes.start;
                start >= base && start - base < i32::MAX as u64
            };
            let count = rest.iter().take_while(is_near).count().max(1);
            let (now, later) = rest.split_at(count);
            trafs.extend(traf(track, now, &offset_of)?);
            rest = later;
        }
    }
    let mfhd = full_box(b"mfhd", 0, 0, &[&words(&[1])]);
    Ok(boxed(b"moof", &[&mfhd, &trafs]))
}

/// A `traf` of these stretches.
fn traf(
    track: &FragmentTrack<'_>,
    stretches: &[SampleStretch<'_>],
    offset_of: &impl Fn(u64) -> u64,
) -> Result<Vec<u8>, MediaError> {
    let Some(first) = stretches.iter().flat_map(|stretch| stretch.samples).next() else {
        return Ok(Vec::new());
    };
    let columns = columns(track, stretches);
    let base = offset_of(first.offset);
    let mut tfhd = words(&[track.track]);
    tfhd.extend(base.to_be_bytes());
    tfhd.extend(words(&[track.description]));
    let mut has = TFHD_FLAGS;
    for column in columns.iter().filter(|column| !column.is_listed) {
        has |= column.common_flag;
        if column.common_flag != 0 {
            tfhd.extend(words(&[column.value(first)]));
        }
    }
    let time = u64::try_from(first.dts)
        .map_err(|_| MediaError::unsupported("a sample is decoded before 0"))?;
    let mut content = full_box(b"tfhd", 0, has, &[&tfhd]);
    content.extend(full_box(b"tfdt", 1, 0, &[&time.to_be_bytes()]));
    for stretch in stretches {
        let offset = offset_of(stretch.bytes.start).cast_signed() - base.cast_signed();
        content.extend(trun(stretch, offset, &columns)?);
    }
    Ok(boxed(b"traf", &[&content]))
}

fn trun(
    stretch: &SampleStretch<'_>,
    offset: i64,
    columns: &[Column],
) -> Result<Vec<u8>, MediaError> {
    let offset = i32::try_from(offset)
        .map_err(|_| MediaError::unsupported("the samples lie too far apart"))?;
    let count = u32::try_from(stretch.samples.len())
        .map_err(|_| MediaError::too_large("too many samples"))?;
    let listed: Vec<&Column> = columns.iter().filter(|column| column.is_listed).collect();
    let has = listed.iter().fold(TRUN_FLAGS, |has, column| has | column.listed_flag);
    let mut table = words(&[count, offset.cast_unsigned()]);
    for sample in stretch.samples {
        for column in &listed {
            table.extend(column.value(sample).to_be_bytes());
        }
    }
    Ok(full_box(b"trun", 1, has, &[&table]))
}

/// A field of samples: what all have in common is in `tfhd`, the rest is listed
/// in `trun`.
struct Column {
    /// The flag of `tfhd` that says that the field is there; 0 when there is no
    /// such field.
    common_flag: u32,
    /// The flag of `trun` that says that each sample has it.
    listed_flag: u32,
    /// Whether it is listed.
    is_listed: bool,
    field: fn(&SampleInfo) -> u32,
    /// What is added to the field.
    added: u32,
}

impl Column {
    fn value(&self, sample: &SampleInfo) -> u32 {
        (self.field)(sample).wrapping_add(self.added)
    }
}

/// Duration, size, flags and composition offset, in the order of `trun`.
fn columns(track: &FragmentTrack<'_>, stretches: &[SampleStretch<'_>]) -> [Column; 4] {
    let samples = || stretches.iter().flat_map(|stretch| stretch.samples);
    let column = |common_flag, listed_flag, field: fn(&SampleInfo) -> u32| {
        let first = samples().next().map(field);
        let is_listed = samples().any(|sample| Some(field(sample)) != first);
        Column { common_flag, listed_flag, is_listed, field, added: 0 }
    };
    let mut offsets = Column {
        added: lowest_composition_offset(track.samples),
        ..column(0, 0x800, |sample| sample.composition_offset.cast_unsigned())
    };
    // There is no common one, but 0 where none is listed.
    offsets.is_listed = samples().any(|sample| offsets.value(sample) != 0);
    [
        column(0x08, 0x100, |sample| sample.delta),
        column(0x10, 0x200, |sample| sample.size),
        column(0x20, 0x400, sample_flags),
        offsets,
    ]
}

/// A sample's flags (ISO/IEC 14496-12, 8.8.3.1).
fn sample_flags(sample: &SampleInfo) -> u32 {
    if sample.is_sync { 0x0200_0000 } else { 0x0101_0000 }
}
