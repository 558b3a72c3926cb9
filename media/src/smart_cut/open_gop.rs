//! Open-GOP to IDR rewrite of H.264: the keyframe of an open GOP becomes an IDR
//! picture, and the slices behind it, up to the next IDR picture, get headers with
//! the numbers that follow from that ([`FrameNumRewriter`]). Slice data stays as it
//! is, bit for bit.
//!
//! ```text
//! sample     | length | slice header | slice data          | ...
//! rewritten  | length'| new header   | slice data, copied  | ...
//! ```
//!
//! With CABAC the slice data is byte-aligned (7.3.4), so that it can be copied
//! behind a header of any length. The first bytes of it are written with the
//! header, up to the first that is not 0, because emulation prevention depends on
//! the zeros before a byte.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::parts::{FileTrack, RewrittenSamples, SOURCE_FILE};
use crate::codec::h264::{
    Avcc, FrameNumRewriter, H264Pps, H264Sps, IDR, PPS, ParameterSets, SPS, SliceHeader,
    SliceHeaderChanges, is_data_partition, is_slice, nal_unit_type, slice_pps_id,
};
use crate::codec::nal::{
    LengthSize, NalUnit, NalUnitReader, insert_emulation_prevention,
    length_with_emulation_prevention, remove_emulation_prevention,
};
use crate::mux::SampleData;
use crate::{MediaError, Sample};

/// Bytes of a slice in which its header must end.
const MAX_SLICE_HEADER: u32 = 1024;

/// Rewrites the samples of a body whose keyframe starts an open GOP. `body` holds
/// their indexes in decoding order, the keyframe first.
///
/// # Errors
/// `Unsupported` and `Damaged` when the headers can't be determined, with the
/// reason.
pub(super) async fn rewrite(
    source: FileTrack<'_>,
    body: &[usize],
) -> Result<RewrittenSamples, MediaError> {
    let config = Avcc::parse(&source.track.config)?;
    let mut rewritten = RewrittenSamples::new();
    let (Some(first), Some(last)) = (body.first(), body.last()) else { return Ok(rewritten) };
    let kept: BTreeSet<usize> = body.iter().copied().collect();
    let mut sets = ActiveSets::from_config(&config)?;
    let mut rewriter = None;
    // Samples that are left out count as well: they may be reference frames.
    for index in *first..=*last {
        let sample = source.sample(index)?;
        let units = NalUnitReader::new(source.file, sample, config.lengths);
        let Some(frame) = CodedFrame::read(units, &mut sets).await? else { break };
        let rewriter = match &mut rewriter {
            Some(rewriter) => rewriter,
            none => none.insert(FrameNumRewriter::new(&sets.active_sps()?)?),
        };
        let changes = rewriter.rewrite_frame(&frame.slice_headers(), kept.contains(&index))?;
        if !changes.is_empty() {
            rewritten.insert(index, frame.rewrite(sample, config.lengths, &changes)?);
        }
    }
    Ok(rewritten)
}

/// The parameter sets of a stream, of which one SPS is active all the time.
struct ActiveSets {
    sets: ParameterSets,
    active: Option<H264Sps>,
}

impl ActiveSets {
    fn from_config(config: &Avcc) -> Result<ActiveSets, MediaError> {
        let sets = ParameterSets::from_units(config.sps.iter().chain(&config.pps))?;
        Ok(ActiveSets { sets, active: None })
    }

    fn active_sps(&self) -> Result<H264Sps, MediaError> {
        self.active.ok_or_else(|| MediaError::damaged("H.264 without a picture"))
    }

    /// The parameter sets that a slice refers to.
    fn activate(&mut self, slice: &[u8]) -> Result<(H264Sps, H264Pps), MediaError> {
        let pps = H264Pps::parse(self.sets.pps_unit(slice_pps_id(slice)?)?)?;
        let sps = self.sets.parse_sps(pps.sps_id)?;
        if *self.active.get_or_insert(sps) != sps {
            return Err(MediaError::unsupported("the format of the video changes"));
        }
        if !pps.cabac {
            return Err(MediaError::unsupported("open GOPs of H.264 without CABAC"));
        }
        Ok((sps, pps))
    }
}

/// The NAL units of a sample, with the headers of its slices.
struct CodedFrame {
    slices: Vec<CodedSlice>,
}

/// A slice and the start of its bytes.
struct CodedSlice {
    unit: NalUnit,
    /// The first bytes, as they are in the file.
    start: Bytes,
    /// The same without emulation prevention.
    rbsp: Vec<u8>,
    header: SliceHeader,
}

/// A new start of a slice, and how many bytes of the old one it replaces.
struct NewSliceStart {
    bytes: Vec<u8>,
    replaced: usize,
}

impl CodedFrame {
    /// Reads a sample; none for an IDR picture.
    async fn read(
        mut units: NalUnitReader<'_>,
        sets: &mut ActiveSets,
    ) -> Result<Option<CodedFrame>, MediaError> {
        let mut slices = Vec::new();
        while let Some(unit) = units.next().await? {
            match nal_unit_type(unit.first) {
                IDR if slices.is_empty() => return Ok(None),
                SPS | PPS => {
                    sets.sets.add(&units.read(unit).await?)?;
                }
                unit_type if is_data_partition(unit_type) => {
                    return Err(MediaError::unsupported("H.264 with data partitions"));
                }
                unit_type if is_slice(unit_type) => {
                    let start = units.read_start(unit, MAX_SLICE_HEADER).await?;
                    let rbsp = remove_emulation_prevention(&start);
                    let (sps, pps) = sets.activate(&rbsp)?;
                    let header = SliceHeader::parse(&rbsp, &sps, &pps)?;
                    slices.push(CodedSlice { unit, start, rbsp, header });
                }
                _ => {}
            }
        }
        Ok(Some(CodedFrame { slices }))
    }

    fn slice_headers(&self) -> Vec<SliceHeader> {
        self.slices.iter().map(|slice| slice.header.clone()).collect()
    }

    /// The sample with other slice headers.
    fn rewrite(
        &self,
        sample: &Sample,
        lengths: LengthSize,
        changes: &[SliceHeaderChanges],
    ) -> Result<SampleData, MediaError> {
        let mut parts = Vec::new();
        let mut copied_to = sample.offset;
        let copy = |from: u64, end: u64| SampleData::Copied {
            file: SOURCE_FILE,
            offset: from,
            // Within a sample, whose size has 32 bits.
            size: end.saturating_sub(from) as u32,
        };
        let mut changes = changes.iter();
        for slice in &self.slices {
            let changes = changes
                .next()
                .ok_or_else(|| MediaError::damaged("a slice that was not planned"))?;
            let NewSliceStart { bytes, replaced } = slice.rewrite(changes)?;
            let unit = slice.unit;
            let length = bytes.len() + (unit.size as usize).saturating_sub(replaced);
            let length_field = lengths.length_field(length)?;
            let before = unit.offset.saturating_sub(lengths.bytes() as u64);
            parts.extend([
                copy(copied_to, before),
                SampleData::Generated([length_field, bytes].concat()),
            ]);
            copied_to = unit.offset + replaced as u64;
        }
        parts.push(copy(copied_to, sample.offset + u64::from(sample.size)));
        parts.retain(|part| part.size() > 0);
        Ok(SampleData::Chain(parts))
    }
}

impl CodedSlice {
    fn rewrite(&self, changes: &SliceHeaderChanges) -> Result<NewSliceStart, MediaError> {
        let data_offset = self.header.data_offset();
        let data = self.rbsp.get(data_offset..).unwrap_or_default();
        // Behind a byte that is not 0, emulation prevention stays as it is.
        let first_nonzero = data.iter().position(|byte| *byte != 0);
        let taken = first_nonzero.map(|place| place + 1);
        let taken = taken
            .ok_or_else(|| MediaError::unsupported("a slice header of more than 1,024 bytes"))?;
        let mut rbsp = self.header.rewrite(&self.rbsp, changes)?;
        rbsp.extend_from_slice(data.get(..taken).unwrap_or_default());
        Ok(NewSliceStart {
            bytes: insert_emulation_prevention(&rbsp),
            replaced: length_with_emulation_prevention(&self.start, data_offset + taken),
        })
    }
}
