//! H.264 (ITU-T H.264): head and tail have parameter sets with ids that the body
//! doesn't use (`sps-id` of x264), and one `avcC` holds all of them. Slices stay
//! as they are.
//!
//! Parameter sets that alternate within the samples, or a second sample entry,
//! confuse some players; parameter sets of different ids in `avcC` confuse none.
//!
//! Decoding starts at an IDR picture (8.2.1, 8.2.5.1), or at a recovery point with
//! `recovery_frame_cnt` 0 (D.2.8), which [`open_gop`](crate::smart_cut::open_gop)
//! rewrites to an IDR picture.

use std::sync::Arc;

use async_trait::async_trait;

use crate::codec::h264::{
    Avcc, H264Sps, IDR, PPS, ParameterSetIds, ParameterSets, SEI, SPS, is_data_partition,
    is_exact_recovery_point, is_slice, nal_unit_type, slice_pps_id,
};
use crate::codec::nal::{
    LengthSize, NalUnit, NalUnitReader, remove_emulation_prevention, split_nal_units,
};
use crate::codec::picture_format::{ColourDescription, PictureFormat};
use crate::smart_cut::codec::{EntryPoint, PartJoiner, Splice, SpliceCodec};
use crate::smart_cut::constraints::{EncoderParams, SpliceConstraints};
use crate::smart_cut::open_gop;
use crate::smart_cut::parts::{CutEnd, FileTrack, JoinedParts, RewrittenSamples, SpliceParts};
use crate::smart_cut::sample_entry;
use crate::{CodecId, MediaError, Sample};

/// Bytes of a slice that hold its `pic_parameter_set_id`.
const SLICE_START: u32 = 24;

pub(super) struct H264Splice;

#[async_trait]
impl SpliceCodec for H264Splice {
    fn codec(&self) -> CodecId {
        CodecId::H264
    }

    async fn entry_point(
        &self,
        source: FileTrack<'_>,
        sample: &Sample,
    ) -> Result<EntryPoint, MediaError> {
        let lengths = Avcc::parse(&source.track.config)?.lengths;
        let mut units = NalUnitReader::new(source.file, sample, lengths);
        let (mut idr, mut recovers) = (false, false);
        while let Some(unit) = units.next().await? {
            match nal_unit_type(unit.first) {
                IDR => idr = true,
                SEI => recovers |= is_exact_recovery_point(&units.read(unit).await?),
                unit_type if is_slice(unit_type) => {
                    let open = recovers && !idr;
                    return Ok(if open { EntryPoint::OpenGop } else { EntryPoint::None });
                }
                _ => {}
            }
        }
        Ok(if idr { EntryPoint::Independent } else { EntryPoint::None })
    }

    async fn close_open_gop(
        &self,
        source: FileTrack<'_>,
        body: &[usize],
    ) -> Result<RewrittenSamples, MediaError> {
        open_gop::rewrite(source, body).await
    }

    async fn splice(&self, source: FileTrack<'_>, samples: &[usize]) -> Result<Splice, MediaError> {
        let config = Avcc::parse(&source.track.config)?;
        let mut stream = StreamFormat {
            sets: ParameterSets::from_units(config.sps.iter().chain(&config.pps))?,
            active: None,
            sets_change: false,
            interlaced: false,
        };
        for (place, index) in samples.iter().enumerate() {
            let units = NalUnitReader::new(source.file, source.sample(*index)?, config.lengths);
            stream.read_sample(units, place == 0).await?;
        }
        stream.splice()
    }
}

/// What the samples of a body say of their stream.
struct StreamFormat {
    /// All parameter sets that the body ever uses, also replaced ones by their id.
    sets: ParameterSets,
    /// The sequence parameter set of the first slice.
    active: Option<H264Sps>,
    /// Whether a parameter set is replaced behind the first sample.
    sets_change: bool,
    interlaced: bool,
}

impl StreamFormat {
    async fn read_sample(
        &mut self,
        mut units: NalUnitReader<'_>,
        is_first: bool,
    ) -> Result<(), MediaError> {
        while let Some(unit) = units.next().await? {
            match nal_unit_type(unit.first) {
                SPS | PPS => self.add_set(&units.read(unit).await?, is_first)?,
                unit_type if is_data_partition(unit_type) => {
                    return Err(MediaError::unsupported("H.264 with data partitions"));
                }
                unit_type if is_slice(unit_type) && self.active.is_none() => {
                    self.active = Some(active_sps(&mut units, unit, &self.sets).await?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_set(&mut self, set: &[u8], is_first: bool) -> Result<(), MediaError> {
        self.sets_change |= self.sets.add(set)? && !is_first;
        if nal_unit_type(set.first().copied().unwrap_or_default()) == SPS {
            let sps = H264Sps::parse(set)?;
            self.interlaced |= !sps.frame_mbs_only;
            if self.active.is_some_and(|active| active.format != sps.format) {
                return Err(MediaError::unsupported("the format of the video changes"));
            }
        }
        Ok(())
    }

    fn splice(self) -> Result<Splice, MediaError> {
        let active = self.active.ok_or_else(|| MediaError::damaged("H.264 without a picture"))?;
        let profile = x264_profile(active.profile_idc).ok_or_else(|| {
            MediaError::unsupported(format!("H.264 of profile {}", active.profile_idc))
        })?;
        let (head_id, tail_id) = self.unused_ids()?;
        let constraints = SpliceConstraints {
            codec: CodecId::H264,
            encoder: "libx264",
            profile: Some(profile),
            interlaced: self.interlaced || !active.frame_mbs_only,
            // The picture parameter set gets the same id.
            params: Some(EncoderParams {
                option: "x264-params",
                head: format!("sps-id={head_id}"),
                tail: format!("sps-id={tail_id}"),
            }),
        };
        let joiner = H264Joiner {
            profile,
            format: active.format,
            colour: active.colour,
            head_id,
            tail_id,
            sets: self.sets,
            sets_change: self.sets_change,
        };
        Ok(Splice { constraints, joiner: Arc::new(joiner) })
    }

    /// Ids for the parameter sets of head and tail.
    fn unused_ids(&self) -> Result<(u8, u8), MediaError> {
        let mut ids = self.sets.unused_ids();
        ids.next().zip(ids.next()).ok_or_else(|| {
            MediaError::unsupported("the stream leaves no ids for other parameter sets")
        })
    }
}

/// `libx264`'s name of a `profile_idc` (A.2).
fn x264_profile(profile_idc: u8) -> Option<&'static str> {
    Some(match profile_idc {
        66 => "baseline",
        77 => "main",
        100 => "high",
        110 => "high10",
        122 => "high422",
        244 => "high444",
        _ => return None,
    })
}

/// The sequence parameter set that a slice refers to.
async fn active_sps(
    units: &mut NalUnitReader<'_>,
    slice: NalUnit,
    sets: &ParameterSets,
) -> Result<H264Sps, MediaError> {
    let start = units.read_start(slice, SLICE_START).await?;
    let pps_id = slice_pps_id(&remove_emulation_prevention(&start))?;
    sets.parse_sps(ParameterSetIds::from_pps(sets.pps_unit(pps_id)?)?.sps)
}

/// What head and tail must be like, and the parameter sets of the body.
#[derive(Debug)]
struct H264Joiner {
    profile: &'static str,
    format: PictureFormat,
    colour: ColourDescription,
    /// Id of the head's parameter sets.
    head_id: u8,
    /// Id of the tail's parameter sets.
    tail_id: u8,
    sets: ParameterSets,
    sets_change: bool,
}

#[async_trait]
impl PartJoiner for H264Joiner {
    async fn join(&self, parts: SpliceParts<'_>) -> Result<JoinedParts, MediaError> {
        let source = parts.source.track;
        let mut config = Avcc::parse(&source.config)?;
        let mut sets = self.sets.clone();
        let mut joined = JoinedParts::default();
        for part in parts.encoded() {
            let own = Avcc::parse(&part.encoded.track.config)?;
            let id = match part.end {
                CutEnd::Head => self.head_id,
                CutEnd::Tail => self.tail_id,
            };
            self.add_sets(&own, id, &mut sets)?;
            config.compatibility &= own.compatibility;
            config.level = config.level.max(own.level);
            let samples = if own.lengths == config.lengths {
                part.copied()
            } else {
                let (from, to) = (own.lengths, config.lengths);
                part.rewritten(move |sample| change_lengths(sample, from, to)).await?
            };
            joined.set_samples(part.end, samples);
        }
        config.set_parameter_sets(&sets);
        joined.config = config.write()?;
        if let Some(entry) = &source.entry {
            // Parameter sets in samples are allowed in `avc3` only.
            let name = if self.sets_change { None } else { Some(*b"avc1") };
            joined.entry = Some(sample_entry::with_config(entry, *b"avcC", &joined.config, name)?);
        }
        Ok(joined)
    }
}

impl H264Joiner {
    /// Adds the parameter sets of an encoded part, if they fulfil the constraints.
    fn add_sets(&self, own: &Avcc, id: u8, sets: &mut ParameterSets) -> Result<(), MediaError> {
        let added = ParameterSets::from_units(own.sps.iter().chain(&own.pps))?;
        let alone = added.sps.keys().eq([&id]) && added.pps.keys().eq([&id]);
        if !alone || sets.sps.contains_key(&id) || sets.pps.contains_key(&id) {
            return Err(MediaError::unsupported(
                "encoded frames have other parameter sets than demanded",
            ));
        }
        for sps in added.sps.values() {
            let sps = H264Sps::parse(sps)?;
            let same =
                sps.format == self.format && x264_profile(sps.profile_idc) == Some(self.profile);
            if !same || !sps.colour.is_compatible_with(&self.colour) {
                return Err(MediaError::unsupported("encoded frames have another format"));
            }
        }
        sets.sps.extend(added.sps);
        sets.pps.extend(added.pps);
        Ok(())
    }
}

/// A sample whose length fields have another size.
fn change_lengths(sample: &[u8], from: LengthSize, to: LengthSize) -> Result<Vec<u8>, MediaError> {
    let mut changed = Vec::with_capacity(sample.len());
    for unit in split_nal_units(sample, from)? {
        to.push(unit, &mut changed)?;
    }
    Ok(changed)
}
