//! HEVC (ITU-T H.265): the parameter sets of head and tail get ids that the body
//! doesn't use (libx265 writes 0), their slices refer to these, and one `hvcC`
//! holds all parameter sets.
//!
//! Decoding starts at an IRAP picture (7.4.2.2). One of an open GOP, CRA, becomes
//! BLA_N_LP: a decoder then takes it for the start of a new coded video sequence.
//! Its RASL pictures are before it in output order, so they are re-encoded in the
//! head. `no_output_of_prior_pics_flag` (7.4.7.1) is cleared, because it would drop
//! the last frames of the head.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::codec::bits::BitReader;
use crate::codec::hevc::{
    BLA_N_LP, CRA, DOLBY_VISION, HevcIds, HevcSps, HevcUsedIds, Hvcc, PPS, PREFIX_SEI, SPS,
    SUFFIX_SEI, VPS, has_no_output_of_prior_pics_flag, is_display_metadata, is_irap, is_slice,
    layer_id, nal_unit_type,
};
use crate::codec::nal::{
    LengthSize, NalUnit, NalUnitReader, insert_emulation_prevention, remove_emulation_prevention,
    split_nal_units,
};
use crate::codec::picture_format::{ColourDescription, PictureFormat};
use crate::mux::SampleData;
use crate::smart_cut::codec::{EntryPoint, PartJoiner, Splice, SpliceCodec};
use crate::smart_cut::constraints::{EncoderParams, SpliceConstraints};
use crate::smart_cut::parts::{CutEnd, FileTrack, JoinedParts, SpliceParts};
use crate::smart_cut::sample_entry;
use crate::{CodecId, MediaError, Sample};

/// Bytes of a slice segment that hold its `slice_pic_parameter_set_id`.
const SLICE_START: u32 = 16;

/// Parameters of x265. `wpp=0`: with wavefronts slice headers would hold
/// `entry_point_offset`s, which change when ids are rewritten.
const X265_PARAMS: &str = "wpp=0:open-gop=0:keyint=-1:repeat-headers=0:aud=0:info=0";

pub(super) struct HevcSplice;

#[async_trait]
impl SpliceCodec for HevcSplice {
    fn codec(&self) -> CodecId {
        CodecId::Hevc
    }

    fn marks_leading_pictures(&self) -> bool {
        true
    }

    async fn entry_point(
        &self,
        source: FileTrack<'_>,
        sample: &Sample,
    ) -> Result<EntryPoint, MediaError> {
        let lengths = Hvcc::parse(&source.track.config)?.lengths()?;
        let mut units = NalUnitReader::new(source.file, sample, lengths);
        while let Some(unit) = units.next().await? {
            let unit_type = nal_unit_type(unit.first);
            if is_slice(unit_type) {
                let irap = is_irap(unit_type);
                return Ok(if irap { EntryPoint::Independent } else { EntryPoint::None });
            }
        }
        Ok(EntryPoint::None)
    }

    async fn splice(&self, source: FileTrack<'_>, samples: &[usize]) -> Result<Splice, MediaError> {
        let config = Hvcc::parse(&source.track.config)?;
        let lengths = config.lengths()?;
        let mut stream =
            StreamFormat { used_ids: HevcUsedIds::default(), active: None, in_band: false };
        for unit in config.arrays.units() {
            stream.used_ids.add(unit)?;
        }
        for index in samples {
            let units = NalUnitReader::new(source.file, source.sample(*index)?, lengths);
            stream.read_sample(units).await?;
        }
        stream.splice()
    }
}

/// What the samples of a body say of their stream.
struct StreamFormat {
    used_ids: HevcUsedIds,
    /// The sequence parameter set of the first slice.
    active: Option<HevcSps>,
    /// Whether samples hold parameter sets.
    in_band: bool,
}

impl StreamFormat {
    async fn read_sample(&mut self, mut units: NalUnitReader<'_>) -> Result<(), MediaError> {
        while let Some(unit) = units.next().await? {
            if layer_id(unit.first, unit.second) != 0 {
                return Err(MediaError::unsupported("HEVC in layers"));
            }
            match nal_unit_type(unit.first) {
                VPS | SPS | PPS => self.add_set(&units.read(unit).await?)?,
                DOLBY_VISION.. => return Err(MediaError::unsupported("HEVC with Dolby Vision")),
                unit_type if is_slice(unit_type) && self.active.is_none() => {
                    self.active = Some(active_sps(&mut units, unit, &self.used_ids).await?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_set(&mut self, set: &[u8]) -> Result<(), MediaError> {
        self.in_band = true;
        self.used_ids.add(set)?;
        if let Some(active) = self.active
            && nal_unit_type(set.first().copied().unwrap_or_default()) == SPS
            && HevcSps::parse(set)?.format != active.format
        {
            return Err(MediaError::unsupported("the format of the video changes"));
        }
        Ok(())
    }

    fn splice(self) -> Result<Splice, MediaError> {
        let active = self.active.ok_or_else(|| MediaError::damaged("HEVC without a picture"))?;
        if active.interlaced {
            return Err(MediaError::unsupported("interlaced HEVC"));
        }
        // A.3: 1 is Main, 2 is Main 10.
        let format = active.format;
        let profile = match (active.profile_idc, format.chroma_format, format.bit_depth) {
            (1 | 2, 1, 8) => "main",
            (2, 1, 10) => "main10",
            (other, ..) => {
                return Err(MediaError::unsupported(format!("HEVC of profile {other}")));
            }
        };
        let [head_ids, tail_ids] = self.used_ids.unused()?;
        let constraints = SpliceConstraints {
            codec: CodecId::Hevc,
            encoder: "libx265",
            profile: Some(profile),
            interlaced: false,
            params: Some(EncoderParams {
                option: "x265-params",
                head: X265_PARAMS.to_owned(),
                tail: X265_PARAMS.to_owned(),
            }),
        };
        let (colour, in_band) = (active.colour, self.in_band);
        let joiner = HevcJoiner { format, colour, head_ids, tail_ids, in_band };
        Ok(Splice { constraints, joiner: Arc::new(joiner) })
    }
}

/// The sequence parameter set that the slices of an IRAP picture refer to.
async fn active_sps(
    units: &mut NalUnitReader<'_>,
    slice: NalUnit,
    used_ids: &HevcUsedIds,
) -> Result<HevcSps, MediaError> {
    let start = units.read_start(slice, SLICE_START).await?;
    let rbsp = remove_emulation_prevention(start.get(2..).unwrap_or_default());
    let mut bits = BitReader::new(&rbsp);
    bits.skip(1)?; // first_slice_segment_in_pic_flag
    if has_no_output_of_prior_pics_flag(nal_unit_type(slice.first)) {
        bits.skip(1)?;
    }
    let pps_id = bits.ue_to(63)? as u8;
    let found = used_ids.sps_of_pps(pps_id);
    found.ok_or_else(|| MediaError::damaged("a slice refers to a missing parameter set"))
}

/// What head and tail must be like, and the ids that they get.
#[derive(Debug)]
struct HevcJoiner {
    format: PictureFormat,
    colour: ColourDescription,
    head_ids: HevcIds,
    tail_ids: HevcIds,
    /// Whether samples of the body hold parameter sets.
    in_band: bool,
}

#[async_trait]
impl PartJoiner for HevcJoiner {
    async fn join(&self, parts: SpliceParts<'_>) -> Result<JoinedParts, MediaError> {
        let source = parts.source;
        let mut config = Hvcc::parse(&source.track.config)?;
        let lengths = config.lengths()?;
        let keyframe = match parts.body_start {
            Some(first) => source.read_sample(source.sample(first)?).await?,
            None => Bytes::new(),
        };
        let metadata = display_metadata(&keyframe, lengths)?;
        let mut joined = JoinedParts::default();
        for part in parts.encoded() {
            let own = Hvcc::parse(&part.encoded.track.config)?;
            let from = own.lengths()?;
            let ids = match part.end {
                CutEnd::Head => self.head_ids,
                CutEnd::Tail => self.tail_ids,
            };
            self.add_sets(&own, ids, &mut config)?;
            let samples = part.rewritten(move |sample| rewrite_ids(sample, from, lengths, ids));
            let mut samples = samples.await?;
            if let Some(SampleData::Generated(first)) = samples.first_mut() {
                first.splice(0..0, metadata.clone());
            }
            joined.set_samples(part.end, samples);
        }
        if parts.head.is_some() {
            let keyframe = rewrite_keyframe(&keyframe, lengths)?.map(SampleData::Generated);
            joined.rewritten = parts.body_start.zip(keyframe).into_iter().collect();
        }
        joined.config = config.write(!self.in_band)?;
        if let Some(entry) = &source.track.entry {
            // Only `hev1` may have parameter sets in samples; only `hvc1` plays
            // everywhere.
            let name = if self.in_band { None } else { Some(*b"hvc1") };
            joined.entry = Some(sample_entry::with_config(entry, *b"hvcC", &joined.config, name)?);
        }
        Ok(joined)
    }
}

impl HevcJoiner {
    /// Adds the parameter sets of an encoded part, if they fulfil the constraints.
    fn add_sets(&self, own: &Hvcc, ids: HevcIds, config: &mut Hvcc) -> Result<(), MediaError> {
        for unit_type in [VPS, SPS, PPS] {
            if own.arrays.units_of_type(unit_type).count() != 1 {
                return Err(MediaError::unsupported("encoded frames have several parameter sets"));
            }
            for unit in own.arrays.units_of_type(unit_type) {
                if unit_type == SPS {
                    let sps = HevcSps::parse(unit)?;
                    if sps.format != self.format || !sps.colour.is_compatible_with(&self.colour) {
                        return Err(MediaError::unsupported("encoded frames have another format"));
                    }
                }
                config.arrays.add(unit_type, ids.rewrite(unit)?);
            }
        }
        config.merge_header(own);
        Ok(())
    }
}

/// A sample of an encoded part with other ids. Parameter sets in it are left out,
/// since `hvcC` holds them, and so are SEI messages that refer to them.
fn rewrite_ids(
    sample: &[u8],
    from: LengthSize,
    to: LengthSize,
    ids: HevcIds,
) -> Result<Vec<u8>, MediaError> {
    let mut rewritten = Vec::with_capacity(sample.len() + 64);
    for unit in split_nal_units(sample, from)? {
        match nal_unit_type(unit.first().copied().unwrap_or_default()) {
            VPS | SPS | PPS => {}
            // buffering_period, pic_timing, active_parameter_sets (D.2.1).
            PREFIX_SEI | SUFFIX_SEI if matches!(unit.get(2), Some(0 | 1 | 129)) => {}
            _ => to.push(&ids.rewrite(unit)?, &mut rewritten)?,
        }
    }
    Ok(rewritten)
}

/// The HDR metadata of a keyframe, for head and tail as well: encoders don't copy
/// it.
fn display_metadata(sample: &[u8], lengths: LengthSize) -> Result<Vec<u8>, MediaError> {
    let mut units = Vec::new();
    for unit in split_nal_units(sample, lengths)?.into_iter().filter(|it| is_display_metadata(it)) {
        lengths.push(unit, &mut units)?;
    }
    Ok(units)
}

/// An IRAP picture as it must be behind other frames: CRA becomes BLA_N_LP, and
/// `no_output_of_prior_pics_flag` is 0. None when the sample need not change.
fn rewrite_keyframe(sample: &[u8], lengths: LengthSize) -> Result<Option<Vec<u8>>, MediaError> {
    let mut rewritten = Vec::with_capacity(sample.len());
    for unit in split_nal_units(sample, lengths)? {
        let [first, _, third, ..] = *unit else {
            lengths.push(unit, &mut rewritten)?;
            continue;
        };
        let mut unit = unit.to_vec();
        if nal_unit_type(first) == CRA {
            unit[0] = first & 0x81 | BLA_N_LP << 1;
        }
        if is_irap(nal_unit_type(first)) && third & 0x40 != 0 {
            let mut rbsp = remove_emulation_prevention(&unit);
            rbsp[2] = third & !0x40;
            unit = insert_emulation_prevention(&rbsp);
        }
        lengths.push(&unit, &mut rewritten)?;
    }
    Ok(Some(rewritten).filter(|rewritten| rewritten != sample))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keyframes_of_open_gops_become_bla_and_keep_prior_pictures() {
        let lengths = LengthSize::from_minus_one(0).unwrap();
        for (from, to, why) in [
            (&[0x2a, 1, 0xa0, 7][..], Some(&[0x24, 1, 0xa0, 7][..]), "CRA"),
            (&[0x2a, 1, 0xe0, 7], Some(&[0x24, 1, 0xa0, 7]), "CRA that drops prior pictures"),
            (&[0x26, 1, 0xe0, 7], Some(&[0x26, 1, 0xa0, 7]), "IDR that drops prior pictures"),
            (&[0x26, 1, 0xa0, 7], None, "IDR that keeps them"),
            (&[0x2a, 1, 0x40, 0, 1], Some(&[0x24, 1, 0, 0, 3, 1]), "emulation prevention"),
            (&[0x4e, 1, 0xe0, 7], None, "no slice"),
            (&[0x2a, 1], None, "no slice header"),
        ] {
            let (mut sample, mut expected) = (Vec::new(), Vec::new());
            lengths.push(from, &mut sample).unwrap();
            lengths.push(to.unwrap_or_default(), &mut expected).unwrap();
            assert_eq!(rewrite_keyframe(&sample, lengths).unwrap(), to.map(|_| expected), "{why}");
        }
    }
}
