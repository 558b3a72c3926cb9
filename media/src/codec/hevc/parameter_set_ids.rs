//! Ids of parameter sets (7.4.3), and other ids for a stream of our own making,
//! so that it can stand beside another stream in one track.
//!
//! `x265` gives all its parameter sets id 0, which slice headers code as `ue(v)`
//! in one bit. Picture parameter set ids from 15 to 30 take nine bits, exactly a
//! byte more: everything behind the id moves by a whole byte, its alignment
//! stays, and nothing else of the slice header must be understood.

use std::collections::{BTreeMap, BTreeSet};

use super::nal_unit_type::{
    PPS, SPS, VPS, has_no_output_of_prior_pics_flag, is_slice, layer_id, nal_unit_type,
};
use super::sps::HevcSps;
use crate::MediaError;
use crate::codec::bits::{BitReader, BitWriter};
use crate::codec::nal::{insert_emulation_prevention, remove_emulation_prevention};

/// Ids of one parameter set of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HevcIds {
    /// `vps_video_parameter_set_id`, 0 to 15.
    pub vps: u8,
    /// `sps_seq_parameter_set_id`, 0 to 15.
    pub sps: u8,
    /// `pps_pic_parameter_set_id`, 15 to 30.
    pub pps: u8,
}

/// Ids that the parameter sets of a stream use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HevcUsedIds {
    vps: BTreeSet<u8>,
    /// None when only picture parameter sets refer to it.
    sps: BTreeMap<u8, Option<HevcSps>>,
    /// Sequence parameter set of each picture parameter set.
    pps: BTreeMap<u8, u8>,
}

impl HevcUsedIds {
    /// Notes the ids of a parameter set; other NAL units have none.
    ///
    /// # Errors
    /// `Damaged` when they can't be read.
    pub fn add(&mut self, unit: &[u8]) -> Result<(), MediaError> {
        match nal_unit_type(unit.first().copied().unwrap_or_default()) {
            VPS => {
                let id =
                    unit.get(2).ok_or_else(|| MediaError::damaged("an empty parameter set"))? >> 4;
                self.vps.insert(id);
            }
            SPS => {
                let sps = HevcSps::parse(unit)?;
                self.vps.insert(sps.vps_id);
                self.sps.insert(sps.id, Some(sps));
            }
            PPS => {
                let unit = unit.get(2..unit.len().min(16)).unwrap_or_default();
                let rbsp = remove_emulation_prevention(unit);
                let mut bits = BitReader::new(&rbsp);
                let (pps, sps) = (bits.ue_to(63)? as u8, bits.ue_to(15)? as u8);
                self.pps.insert(pps, sps);
                self.sps.entry(sps).or_default();
            }
            _ => {}
        }
        Ok(())
    }

    /// The sequence parameter set that a picture parameter set refers to.
    pub fn sps_of_pps(&self, pps: u8) -> Option<HevcSps> {
        *self.sps.get(self.pps.get(&pps)?)?
    }

    /// Unused ids for two streams.
    ///
    /// # Errors
    /// `Unsupported` when there are too few.
    pub fn unused(&self) -> Result<[HevcIds; 2], MediaError> {
        let mut vps = (0..=15).filter(|id| !self.vps.contains(id));
        let mut sps = (0..=15).filter(|id| !self.sps.contains_key(id));
        let mut pps = (15..=30).filter(|id| !self.pps.contains_key(id));
        let mut next = || Some(HevcIds { vps: vps.next()?, sps: sps.next()?, pps: pps.next()? });
        let unused = next().zip(next()).map(|(one, other)| [one, other]);
        unused.ok_or_else(|| {
            MediaError::unsupported("the stream leaves no ids for other parameter sets")
        })
    }
}

impl HevcIds {
    /// Writes these ids into a NAL unit: a parameter set, or a slice segment that
    /// refers to picture parameter set 0. Other NAL units stay as they are.
    ///
    /// # Errors
    /// `Damaged` when it can't be read; `Unsupported` when a slice or parameter
    /// set refers to other ids than 0, or a parameter set says that slice headers
    /// hold entry points.
    pub fn rewrite(self, unit: &[u8]) -> Result<Vec<u8>, MediaError> {
        let [first, second, ..] = *unit else {
            return Err(MediaError::damaged("a NAL unit without a header"));
        };
        if layer_id(first, second) != 0 {
            return Ok(unit.to_vec());
        }
        let mut rbsp = remove_emulation_prevention(unit);
        let rewritten = match nal_unit_type(first) {
            VPS => {
                let byte =
                    rbsp.get_mut(2).ok_or_else(|| MediaError::damaged("an empty NAL unit"))?;
                *byte = self.vps << 4 | *byte & 15;
                rbsp
            }
            SPS => self.rewrite_sps(&rbsp)?,
            PPS => self.rewrite_pps(&rbsp)?,
            unit_type if is_slice(unit_type) => {
                self.rewrite_slice(rbsp, has_no_output_of_prior_pics_flag(unit_type))?
            }
            _ => return Ok(unit.to_vec()),
        };
        Ok(insert_emulation_prevention(&rewritten))
    }

    fn rewrite_sps(self, rbsp: &[u8]) -> Result<Vec<u8>, MediaError> {
        let sps = HevcSps::parse_rbsp(rbsp)?;
        if sps.id != 0 {
            return Err(unexpected_ids());
        }
        let mut writer = BitWriter::new();
        let mut reader = BitReader::new(rbsp);
        writer.copy_until(&mut reader, 16)?;
        reader.skip(4)?;
        writer.bits(u32::from(self.vps), 4);
        writer.copy_until(&mut reader, sps.id_position)?;
        reader.ue()?;
        writer.ue(u32::from(self.sps));
        writer.copy_rest(reader)?;
        Ok(writer.finish())
    }

    fn rewrite_pps(self, rbsp: &[u8]) -> Result<Vec<u8>, MediaError> {
        let mut reader = BitReader::new(rbsp);
        let mut writer = BitWriter::new();
        writer.copy_until(&mut reader, 16)?;
        if reader.ue()? != 0 || reader.ue()? != 0 {
            return Err(unexpected_ids());
        }
        if has_entry_points(reader.clone())? {
            return Err(MediaError::unsupported("encoded slices with entry points"));
        }
        writer.ue(u32::from(self.pps));
        writer.ue(u32::from(self.sps));
        writer.copy_rest(reader)?;
        Ok(writer.finish())
    }

    /// Replaces `slice_pic_parameter_set_id` 0. Before it are two bytes of NAL
    /// unit header, `first_slice_segment_in_pic_flag`, and of IRAP pictures
    /// `no_output_of_prior_pics_flag`.
    fn rewrite_slice(self, mut rbsp: Vec<u8>, is_irap: bool) -> Result<Vec<u8>, MediaError> {
        let flags = if is_irap { 2 } else { 1 };
        let byte = u16::from(*rbsp.get(2).ok_or_else(|| MediaError::damaged("an empty slice"))?);
        if byte >> (7 - flags) & 1 != 1 || !(15..=30).contains(&self.pps) {
            return Err(unexpected_ids());
        }
        let behind_id = byte & ((1 << (7 - flags)) - 1);
        let before_id = byte >> (8 - flags);
        let rewritten =
            before_id << (16 - flags) | (u16::from(self.pps) + 1) << (7 - flags) | behind_id;
        rbsp.splice(2..3, rewritten.to_be_bytes());
        Ok(rbsp)
    }
}

fn unexpected_ids() -> MediaError {
    MediaError::unsupported("encoded frames refer to other parameter sets than expected")
}

/// Whether slice headers hold `entry_point_offset`s: a picture parameter set,
/// read behind its ids, enables tiles or wavefronts (7.3.2.3.1).
fn has_entry_points(mut bits: BitReader<'_>) -> Result<bool, MediaError> {
    // From dependent_slice_segments_enabled_flag to cabac_init_present_flag.
    bits.skip(7)?;
    bits.ue()?; // num_ref_idx_l0_default_active_minus1
    bits.ue()?; // num_ref_idx_l1_default_active_minus1
    bits.se()?; // init_qp_minus26
    bits.skip(2)?; // constrained_intra_pred_flag, transform_skip_enabled_flag
    // cu_qp_delta_enabled_flag
    if bits.bit()? {
        bits.ue()?; // diff_cu_qp_delta_depth
    }
    bits.se()?; // pps_cb_qp_offset
    bits.se()?; // pps_cr_qp_offset
    // From pps_slice_chroma_qp_offsets_present_flag to
    // transquant_bypass_enabled_flag.
    bits.skip(4)?;
    // tiles_enabled_flag, entropy_coding_sync_enabled_flag
    Ok(bits.bit()? | bits.bit()?)
}
