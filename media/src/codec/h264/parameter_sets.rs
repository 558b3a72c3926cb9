//! Picture parameter sets (7.3.2.2), and all parameter sets that a stream uses
//! by their ids.

use std::collections::BTreeMap;

use super::nal_unit_type::{PPS, SPS, nal_unit_type};
use super::sps::H264Sps;
use crate::MediaError;
use crate::codec::bits::BitReader;
use crate::codec::nal::remove_emulation_prevention;

/// Maximum number of bytes of a picture parameter set that are read: scaling
/// lists, which come last, are not needed.
const PPS_PREFIX: usize = 128;

/// The syntax elements of a picture parameter set that slice headers depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct H264Pps {
    /// `seq_parameter_set_id`.
    pub sps_id: u8,
    /// `entropy_coding_mode_flag`: slice data is coded with CABAC and starts
    /// byte-aligned.
    pub cabac: bool,
    /// `bottom_field_pic_order_in_frame_present_flag`.
    pub bottom_field_pic_order_in_frame_present: bool,
    /// `num_ref_idx_l0_default_active_minus1 + 1`, and the same of list 1.
    pub num_ref_idx_default_active: [u32; 2],
    /// `weighted_pred_flag`: P slices have a `pred_weight_table`.
    pub weighted_pred: bool,
    /// `weighted_bipred_idc` 1: B slices have a `pred_weight_table`.
    pub explicit_weighted_bipred: bool,
    /// `deblocking_filter_control_present_flag`.
    pub deblocking_filter_control_present: bool,
}

impl H264Pps {
    /// Reads a NAL unit, header included.
    ///
    /// # Errors
    /// `Damaged` when it is no picture parameter set; `Unsupported` for slice
    /// groups and redundant pictures.
    pub fn parse(unit: &[u8]) -> Result<H264Pps, MediaError> {
        let prefix = unit.get(..unit.len().min(PPS_PREFIX)).unwrap_or_default();
        let rbsp = remove_emulation_prevention(prefix);
        let mut bits = BitReader::new(&rbsp);
        bits.skip(8)?;
        bits.ue_to(255)?; // pic_parameter_set_id
        let sps_id = bits.ue_to(31)? as u8;
        let cabac = bits.bit()?;
        let bottom_field_pic_order_in_frame_present = bits.bit()?;
        // num_slice_groups_minus1
        if bits.ue()? > 0 {
            return Err(MediaError::unsupported("H.264 with slice groups"));
        }
        let num_ref_idx_default_active = [bits.ue_to(31)? + 1, bits.ue_to(31)? + 1];
        let weighted_pred = bits.bit()?;
        let explicit_weighted_bipred = bits.bits(2)? == 1;
        bits.se()?; // pic_init_qp_minus26
        bits.se()?; // pic_init_qs_minus26
        bits.se()?; // chroma_qp_index_offset
        let deblocking_filter_control_present = bits.bit()?;
        bits.bit()?; // constrained_intra_pred_flag
        // redundant_pic_cnt_present_flag
        if bits.bit()? {
            return Err(MediaError::unsupported("H.264 with redundant pictures"));
        }
        Ok(H264Pps {
            sps_id,
            cabac,
            bottom_field_pic_order_in_frame_present,
            num_ref_idx_default_active,
            weighted_pred,
            explicit_weighted_bipred,
            deblocking_filter_control_present,
        })
    }
}

/// The two ids of a picture parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterSetIds {
    /// `pic_parameter_set_id`.
    pub pps: u8,
    /// `seq_parameter_set_id` of the sequence parameter set that it refers to.
    pub sps: u8,
}

impl ParameterSetIds {
    /// Reads them from the NAL unit of a picture parameter set.
    ///
    /// # Errors
    /// `Damaged` when they are out of range.
    pub fn from_pps(unit: &[u8]) -> Result<ParameterSetIds, MediaError> {
        let rbsp = remove_emulation_prevention(unit.get(1..unit.len().min(16)).unwrap_or_default());
        let mut bits = BitReader::new(&rbsp);
        Ok(ParameterSetIds { pps: bits.ue_to(255)? as u8, sps: bits.ue_to(31)? as u8 })
    }
}

/// The NAL units of parameter sets by id; at most 32 sequence and 256 picture
/// parameter sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParameterSets {
    /// Sequence parameter sets.
    pub sps: BTreeMap<u8, Vec<u8>>,
    /// Picture parameter sets.
    pub pps: BTreeMap<u8, Vec<u8>>,
}

impl ParameterSets {
    /// The parameter sets among some NAL units.
    ///
    /// # Errors
    /// Those of [`ParameterSets::add`].
    pub fn from_units<'a>(
        units: impl IntoIterator<Item = &'a Vec<u8>>,
    ) -> Result<ParameterSets, MediaError> {
        let mut sets = ParameterSets::default();
        for unit in units {
            sets.add(unit)?;
        }
        Ok(sets)
    }

    /// Adds a parameter set, which replaces an earlier one of the same id.
    /// Returns whether it replaced one of other content. Ignores other NAL units.
    ///
    /// # Errors
    /// `Damaged` when its id can't be read.
    pub fn add(&mut self, unit: &[u8]) -> Result<bool, MediaError> {
        let first = unit.first().copied().unwrap_or_default();
        let replaced = match nal_unit_type(first) {
            SPS => self.sps.insert(H264Sps::parse(unit)?.id, unit.to_vec()),
            PPS => self.pps.insert(ParameterSetIds::from_pps(unit)?.pps, unit.to_vec()),
            _ => None,
        };
        Ok(replaced.is_some_and(|replaced| replaced != unit))
    }

    /// The picture parameter set of an id.
    ///
    /// # Errors
    /// `Damaged` when there is none.
    pub fn pps_unit(&self, id: u8) -> Result<&[u8], MediaError> {
        self.pps.get(&id).map(Vec::as_slice).ok_or_else(missing)
    }

    /// Reads the sequence parameter set of an id.
    ///
    /// # Errors
    /// `Damaged` when there is none, and those of [`H264Sps::parse`].
    pub fn parse_sps(&self, id: u8) -> Result<H264Sps, MediaError> {
        H264Sps::parse(self.sps.get(&id).ok_or_else(missing)?)
    }

    /// Ids from 1 to 31 that no parameter set of either kind has.
    pub fn unused_ids(&self) -> impl Iterator<Item = u8> {
        (1..=31).filter(|id| !self.sps.contains_key(id) && !self.pps.contains_key(id))
    }
}

fn missing() -> MediaError {
    MediaError::damaged("a slice refers to a missing parameter set")
}
